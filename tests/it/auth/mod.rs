//! Authentication, with and without keys.

mod keyless;
mod keys;
mod logins;
mod proxy;
mod revocation;
mod tickets;
