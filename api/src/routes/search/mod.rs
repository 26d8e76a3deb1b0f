//! The operation that searches messages.

mod cursor;

pub mod list;
