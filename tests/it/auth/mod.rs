//! Authentication, with and without keys, and startup errors.

mod config;
mod keyless;
mod keys;
mod logins;
mod proxied;
mod tickets;
mod waits;
