//! Messages: sending, queueing, editing, idempotency, history, and paging.

mod busy;
mod edit;
mod history;
mod idempotency;
mod order;
mod paging;
mod paging_long;
mod search;
mod send;
