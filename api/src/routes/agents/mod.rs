//! Operations on agents.

pub mod list;
