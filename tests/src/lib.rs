//! Test harness that runs the real binaries and drives them over HTTP.
//!
//! | Module | Contents |
//! |---|---|
//! | [`app`] | [`TestApp`](app::TestApp): a temporary folder with a database, and any number of `api` and `worker` processes |
//! | [`process`] | One process: signals, exit codes, captured output |
//! | [`redis`](mod@redis) | A Redis server for one test |
//! | [`s3`] | An S3 server for one test |
//! | [`postgres`] | A PostgreSQL server for one test |
//! | [`proxy`] | An unreliable network: connections that are dropped, slow, or silent |
//! | [`network`] | Hosts with their own addresses, on links that are cut, slow, or lossy |
//! | [`header_proxy`] | A reverse proxy that rewrites `Host` and adds headers |
//! | [`raw_connection`] | Raw connections: incomplete requests, responses that are never read |
//! | [`client`], [`chat`] | HTTP calls, and chat operations on top of them |
//! | [`sse`] | An event stream that validates every frame |
//! | [`model`], [`follower`] | Client state that is derived from a sequence of events without gaps, and compared with a fresh GET |
//! | [`load`], [`latency`] | A client for tests under load or with faults; latency distributions |
//! | [`fake_agent`] | A scripted agent process |
//! | [`process_table`] | The processes on this machine |
//! | [`fake_openai`] | A scripted model server |
//! | [`database`] | Statements on an installation's database, and its write lock, held by a test |
//! | [`small_disk`] | A disk that can be filled |
//! | [`permission_request`] | Permission requests without an agent |
//! | [`collector`] | An OpenTelemetry collector |
//! | [`wall_clock`] | Wall clocks controlled by a test |
//! | [`wait`], [`random`], [`port`] | Waiting for a condition; seeded random numbers; reserved ports |
//!
//! Unless they return a `Result`, functions panic with an explanation if the product violates its contract. Nothing in
//! this crate uses the product's types.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a harness fails a test by panicking")]
#![allow(clippy::missing_panics_doc, reason = "every function panics on a contract violation")]
#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "an ignored answer is often the point of a test"
)]

pub mod app;
pub mod attachments;
pub mod certificates;
pub mod chat;
pub mod client;
pub mod collector;
pub mod database;
pub mod delayed_link;
pub mod fake_agent;
pub mod fake_openai;
pub mod follower;
pub mod header_proxy;
pub mod latency;
pub mod load;
pub mod model;
pub mod network;
pub mod permission_request;
pub mod pgbouncer;
pub mod port;
pub mod postgres;
pub mod process;
pub mod process_table;
pub mod proxy;
pub mod random;
pub mod raw_connection;
pub mod redis;
pub mod s3;
pub mod small_disk;
pub mod sse;
pub mod wait;
pub mod wall_clock;
