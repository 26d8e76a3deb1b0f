//! Messages and their tasks: sending, waiting in line, changing one's mind, stopping, trying again.

mod busy;
mod cancel;
mod edit;
mod history;
mod paging;
mod paging_long;
mod retry;
mod send;
