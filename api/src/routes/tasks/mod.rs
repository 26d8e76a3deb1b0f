//! Operations that get, cancel, and retry tasks, and answer permission requests.

pub mod cancel;
pub mod get;
pub mod permission;
pub mod retry;
