//! Messages: sending, queueing, editing, branches, idempotency, history, and paging.

mod branches;
mod busy;
mod edit;
mod history;
mod idempotency;
mod order;
mod paging;
mod paging_long;
mod search;
mod send;
