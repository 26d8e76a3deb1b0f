//! Sign-in, sign-out, the current user, and stream tickets.

pub mod log_in;
pub mod log_out;
pub mod me;
pub mod ticket;
