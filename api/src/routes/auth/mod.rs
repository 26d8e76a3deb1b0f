//! Who one is, and other ways to show it than with the key itself.

pub mod log_in;
pub mod log_out;
pub mod me;
pub mod ticket;
