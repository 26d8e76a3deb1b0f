//! Measures the overhead of a warm turn, for which the agent's process is already running.
//!
//! The demo agent answers `/echo` immediately, so `elapsed_ms`, the time from the start of the attempt to the outcome,
//! consists entirely of overhead.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use banter_tests::app::TestApp;
use clap::Args;

use banter_tests::latency::Latencies;

/// Maximum median overhead of a warm turn, in milliseconds.
const MAX_MEDIAN_MS: f64 = 10.0;

/// Options for `bench warm`.
#[derive(Debug, Args)]
pub struct Options {
    /// Number of consecutive turns in one session.
    #[arg(long, default_value_t = 200)]
    turns: usize,
}

/// Runs the benchmark. Returns whether the overhead is within the limit.
///
/// # Errors
/// Fails if the benchmark cannot be run.
pub async fn run(options: Options) -> Result<bool> {
    let mut app = TestApp::builder().env("RUST_LOG", "warn").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let begun = Instant::now();
    client.ask(&session, "/echo cold").await;
    println!("cold: {:.0} ms from the request to its answer", 1000.0 * begun.elapsed().as_secs_f64());
    let (mut attempts, mut requests) = (Latencies::default(), Latencies::default());
    for _ in 0..options.turns {
        let begun = Instant::now();
        let asked = client.ask(&session, "/echo warm").await;
        requests.record(begun.elapsed());
        attempts.record(Duration::from_millis(asked["reply"]["elapsed_ms"].as_u64().context("no elapsed_ms")?));
    }
    app.stop_all().await;
    for (what, latencies) in [("attempt to answer", &attempts), ("request to answer", &requests)] {
        println!(
            "warm, {what}: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms",
            latencies.quantile_ms(0.5),
            latencies.quantile_ms(0.95),
            latencies.quantile_ms(0.99)
        );
    }
    Ok(attempts.quantile_ms(0.5) <= MAX_MEDIAN_MS)
}
