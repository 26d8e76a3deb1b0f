//! Black-box tests with the real binaries, a real database, and real HTTP.
//!
//! Each test has its own installation and can run in parallel with any other. Each module is an area; the library of
//! this crate drives the processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod agents;
mod auth;
mod endpoints;
mod faults;
mod messages;
mod sessions;
mod store;
mod streams;
mod stress;
mod support;
mod system;
mod tasks;
