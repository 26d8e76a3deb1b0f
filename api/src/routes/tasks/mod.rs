//! Tasks: get, cancel, retry, and answer permission requests.

pub mod cancel;
pub mod get;
pub mod permission;
pub mod retry;
