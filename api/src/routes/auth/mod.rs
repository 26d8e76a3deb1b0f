//! Who one is.

pub mod me;
