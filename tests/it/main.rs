//! The black-box tests: real binaries, a real database, real HTTP.
//!
//! Each test has an installation of its own and can run beside any other. Areas are modules; what drives the
//! processes is the library of this crate.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops by panicking")]

mod agents;
mod auth;
mod endpoints;
mod faults;
mod idempotency;
mod messages;
mod model_faults;
mod order;
mod procfile;
mod quirks;
mod races;
mod rounds;
mod sessions;
mod store;
mod streams;
mod support;
