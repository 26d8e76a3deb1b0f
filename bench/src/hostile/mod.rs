//! Measures a well-behaved client alongside hostile ones. The latency of the well-behaved client, the api's memory
//! usage, and the time that the api takes to stop must stay within limits.
//!
//! A run alternates between rounds without hostile clients and rounds with half-open connections, slow bodies, and
//! clients that request pages of a 100 MiB session and never read them.

mod clients;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use banter_tests::{app::TestApp, client::Client};
use clap::Args;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};

use banter_tests::latency::Latencies;
use clients::{Behavior, CONNECT_TIME, HostileClients};

/// Number of turns in the long session, and the size, in bytes, of each message.
const TURNS: usize = 400;
const TURN_BYTES: usize = 256 * 1024;
/// Delay before a round is measured.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// Tolerated increase in the well-behaved client's p99: a fraction or a number of milliseconds, whichever is greater.
const LATENCY_TOLERANCE: (f64, f64) = (0.2, 1.0);
/// Maximum peak memory usage of the api, in MiB.
const MEMORY_MIB: f64 = 150.0;
/// Time limit for stopping the api while all hostile clients are connected.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Options for `bench hostile`.
#[derive(Debug, Args)]
pub struct Options {
    /// Number of connections with an incomplete request.
    #[arg(long, default_value_t = 500)]
    half_open: usize,
    /// Number of requests whose body arrives one byte at a time.
    #[arg(long, default_value_t = 300)]
    slow_bodies: usize,
    /// Number of clients that request pages and never read the responses.
    #[arg(long, default_value_t = 24)]
    never_read: usize,
    /// Requests per second from the well-behaved client.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Number of pairs of rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Duration of a round, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

/// Runs the benchmark. Returns whether every result is within its limit.
///
/// # Errors
/// Fails if the benchmark cannot be run.
pub async fn run(options: Options) -> Result<bool> {
    let environment = [("RUST_LOG", "warn"), ("SHUTDOWN_GRACE_SECONDS", "60")];
    let builder = TestApp::builder().workers(0);
    let mut app = environment.iter().fold(builder, |builder, (name, value)| builder.env(name, value)).start().await;
    let client = app.client();
    let (long, short) = (client.create_session("demo").await, client.create_session("demo").await);
    let content = "x".repeat(TURN_BYTES);
    for _ in 0..TURNS {
        client.post_message(&long, "", &json!({"content": content})).await.ok_status(202);
    }

    let (mut quiet, mut hostile) = (Latencies::default(), Latencies::default());
    let mut clients = HostileClients::new();
    for number in 1..=options.rounds {
        quiet.add(&round(&client, &short, &options, number, "quiet").await?);
        clients = connect(client.address(), &long, &options)?;
        sleep(CONNECT_TIME).await;
        hostile.add(&round(&client, &short, &options, number, "hostile").await?);
        if number < options.rounds {
            drop(std::mem::replace(&mut clients, HostileClients::new()));
        }
    }
    let peak_mib = app.api(0).process.peak_memory() as f64 / 1024.0 / 1024.0;
    let stopping = Instant::now();
    app.api(0).process.stop(Duration::from_mins(2)).await;
    let stopped_in = stopping.elapsed();
    drop(clients);
    Ok(print_result(&quiet, &hostile, peak_mib, stopped_in))
}

fn connect(address: &str, session: &str, options: &Options) -> Result<HostileClients> {
    let mut clients = HostileClients::new();
    clients.add(options.half_open, address, &Behavior::HalfOpen)?;
    clients.add(options.slow_bodies, address, &Behavior::SlowBody)?;
    let page = format!("/v1/chat/{session}/messages?limit=200");
    clients.add(options.never_read, address, &Behavior::NeverReads(page))?;
    Ok(clients)
}

/// Measures the latencies of the well-behaved client, which repeatedly lists sessions, fetches a session, and renames
/// it.
async fn round(client: &Client, session: &str, options: &Options, number: usize, kind: &str) -> Result<Latencies> {
    sleep(SETTLE_TIME).await;
    let (mut latencies, begun) = (Latencies::default(), Instant::now());
    let mut ticks = interval(Duration::from_secs_f64(1.0 / options.rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let path = format!("/v1/chat/{session}");
    for turn in 0_u64.. {
        ticks.tick().await;
        if begun.elapsed().as_secs_f64() > options.seconds {
            break;
        }
        let asked = Instant::now();
        let reply = match turn % 3 {
            0 => client.get("/v1/chat").await,
            1 => client.get(&path).await,
            _ => client.patch(&path, &json!({"title": turn.to_string()})).await,
        };
        ensure!(reply.status == 200, "the well-behaved client got {}: {}", reply.status, reply.text());
        latencies.record(asked.elapsed());
    }
    println!(
        "round {number} {kind:>7}: {} requests, p50 {:.2} ms, p99 {:.2} ms",
        latencies.count(),
        latencies.quantile_ms(0.5),
        latencies.quantile_ms(0.99)
    );
    Ok(latencies)
}

fn print_result(quiet: &Latencies, hostile: &Latencies, peak_mib: f64, stopped_in: Duration) -> bool {
    let [before, after] = [quiet, hostile].map(|latencies| latencies.quantile_ms(0.99));
    println!("all rounds: p99 {before:.2} → {after:.2} ms ({:.2} times)", after / before);
    println!("the api used at most {peak_mib:.0} MiB and stopped in {:.1} s", stopped_in.as_secs_f64());
    let is_unaffected = after <= before + (before * LATENCY_TOLERANCE.0).max(LATENCY_TOLERANCE.1);
    let (is_small, is_quick) = (peak_mib < MEMORY_MIB, stopped_in < STOP_LIMIT);
    for (holds, what) in [
        (is_unaffected, "latency of the well-behaved client"),
        (is_small, "memory of the api"),
        (is_quick, "time to stop"),
    ] {
        println!("{what}: {}", if holds { "within the limit" } else { "OVER THE LIMIT" });
    }
    is_unaffected && is_small && is_quick
}
