//! Tasks: shown, stopped, tried again, allowed what they ask for.

pub mod cancel;
pub mod get;
pub mod permission;
pub mod retry;
