//! Messages and their tasks: sending, queueing, editing, cancelling, retrying.

mod busy;
mod cancel;
mod edit;
mod history;
mod paging;
mod paging_long;
mod retry;
mod send;
