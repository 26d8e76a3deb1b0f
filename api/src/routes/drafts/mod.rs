//! Operations that get and replace the draft of a session.

pub mod get;
pub mod put;
