//! Who is let in: without keys, with keys, and what stops a start.

mod config;
mod keyless;
mod keys;
mod logins;
mod proxied;
mod tickets;
mod waits;
