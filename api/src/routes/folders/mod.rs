//! Operations on folders.

pub mod list;
