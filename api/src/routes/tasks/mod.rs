//! Tasks: shown, stopped, tried again.

pub mod cancel;
pub mod get;
pub mod retry;
