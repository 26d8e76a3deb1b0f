//! Black-box tests with the real binaries, a real database, and real HTTP.
//!
//! Each test has a separate installation, so all tests can run in parallel. Each module covers one area. The library in
//! this crate drives the processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod agents;
mod attachments;
mod auth;
mod endpoints;
mod exports;
mod faults;
mod imports;
mod messages;
mod sessions;
mod store;
mod streams;
mod stress;
mod support;
mod system;
mod tasks;
