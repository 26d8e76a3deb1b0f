//! Drives the real binaries over HTTP: what the black-box tests stand on.
//!
//! | module | what it holds |
//! |---|---|
//! | [`app`] | [`TestApp`](app::TestApp): a temp folder, its own database, any number of `api` and `worker` processes |
//! | [`process`] | one process: signals, exit codes, captured output |
//! | [`redis`](mod@redis) | a Redis server of the test's own |
//! | [`proxy`] | a bad network: connections that are cut, slow or silent |
//! | [`header_proxy`] | a reverse proxy that rewrites `Host` and adds headers |
//! | [`raw`] | connections byte by byte: half a request, a response that nobody reads |
//! | [`client`], [`chat`] | HTTP calls, and the words of the chat on top of them |
//! | [`sse`] | an event stream that checks every frame |
//! | [`model`], [`watch`] | a client's state, folded from events, strict about gaps; and compared with a fresh GET |
//! | [`fake_agent`] | an agent process that does what a test tells it to; and looking for processes |
//! | [`fake_openai`] | a model server that does what a test tells it to |
//! | [`store_lock`], [`small_disk`] | the database's write lock, taken by a test; a disk that can be full |
//! | [`many_keys`] | keys of many users at once |
//! | [`wall_clock`] | clocks that a test steps |
//! | [`wait`], [`dice`], [`port`] | waiting for a condition; seeded chance; ports that last |
//!
//! Everything here panics when the product breaks its contract, and says how. Nothing here knows the product's types.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a harness stops a test by panicking")]
#![allow(clippy::missing_panics_doc, reason = "panicking is how every function here reports a broken contract")]
#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "an ignored answer is often the point of a test"
)]

pub mod app;
pub mod asking;
pub mod chat;
pub mod client;
pub mod dice;
pub mod fake_agent;
pub mod fake_openai;
pub mod header_proxy;
pub mod many_keys;
pub mod model;
pub mod port;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod redis;
pub mod small_disk;
pub mod sse;
pub mod store_lock;
pub mod wait;
pub mod wall_clock;
pub mod watch;
