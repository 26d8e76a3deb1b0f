//! Measures good readers alongside stalled ones. The good readers' latency and the api's memory must stay within
//! limits.
//!
//! A run alternates between rounds without stalled readers and rounds with them. A stalled reader connects with a small
//! receive buffer and a cursor that is megabytes behind, and never reads. A round begins once at least 90% of the
//! stalled readers have unsent data, according to `/proc/net/tcp`.

mod live;
mod stalled;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use banter_tests::{app::TestApp, client::Client, sse::USER_EVENTS};
use clap::Args;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use banter_tests::latency::Latencies;

use crate::measure::ProcessSampler;
use live::Changes;
use stalled::StalledReader;

/// Number of turns after a stalled reader's cursor, and the size, in bytes, of each of the two messages in a turn.
/// Together, the messages exceed a connection's buffers.
const TURNS: usize = 8;
const MESSAGE_BYTES: usize = 200_000;
/// Delay before a round is measured, so that the stalled readers' buffers fill up, and after it, so that the last
/// events arrive.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// Time limit for the buffers to fill up. The api disconnects a reader that accepts no data for half a minute.
const FULL_LIMIT: Duration = Duration::from_secs(20);
/// Tolerated increase in the good readers' p99 when there are stalled readers: a fraction or a number of milliseconds,
/// whichever is greater.
const LATENCY_TOLERANCE: (f64, f64) = (0.2, 1.0);
/// Tolerated growth of the api's memory from the first round with stalled readers to the last: a fraction or a number
/// of MiB, whichever is greater.
const MEMORY_TOLERANCE: (f64, f64) = (0.1, 8.0);

/// Options for `bench readers`.
#[derive(Debug, Args)]
pub struct Options {
    /// Number of users to distribute the readers among.
    #[arg(long, default_value_t = 100)]
    users: usize,
    /// Number of good readers.
    #[arg(long, default_value_t = 800)]
    good: usize,
    /// Number of stalled readers.
    #[arg(long, default_value_t = 200)]
    stalled: usize,
    /// Total events per second across all users.
    #[arg(long, default_value_t = 40.0)]
    rate: f64,
    /// Number of pairs of rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Duration of a round, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

/// A user in the run.
#[derive(Debug)]
struct User {
    client: Client,
    key: String,
    session: String,
    /// The cursor from which the stalled readers start.
    cursor: String,
}

/// The measurements from one round.
#[derive(Debug)]
struct Round {
    latencies: Latencies,
    rss_mib: f64,
}

/// Runs the benchmark. Returns whether the good readers' latency and the api's memory stayed within their limits.
///
/// # Errors
/// Fails if the benchmark cannot be run.
pub async fn run(options: Options) -> Result<bool> {
    let mut app = TestApp::builder().env("AUTH", "required").env("RUST_LOG", "warn").start().await;
    let users = create_users(&app, options.users).await?;
    let changes = Arc::new(Changes::default());
    let stop = CancellationToken::new();
    let mut readers = JoinSet::new();
    for number in 0..options.good {
        let stream = users[number % users.len()].client.try_events(USER_EVENTS, None).await?;
        readers.spawn(live::read(stream, changes.clone(), stop.clone()));
    }
    let pid = app.api(0).process.pid();
    let mut api = ProcessSampler::new("api", pid);
    println!("{} users, {} good readers; the api uses {:.0} MiB", users.len(), options.good, api.sample()?.rss_mib);

    let (mut without, mut with) = (Vec::new(), Vec::new());
    for number in 1..=options.rounds {
        without.push(round(&users, &options, &changes, &mut api, 0).await?);
        with.push(round(&users, &options, &changes, &mut api, options.stalled).await?);
        print_round(number, "without", without.last());
        print_round(number, "with", with.last());
    }
    stop.cancel();
    while let Some(read) = readers.join_next().await {
        read??;
    }
    app.stop_all().await;
    Ok(print_result(&without, &with))
}

async fn create_users(app: &TestApp, count: usize) -> Result<Vec<User>> {
    let mut users = Vec::new();
    for number in 0..count {
        let key = app.create_key("default", &format!("user-{number}"), "member").await;
        let client = app.client().with_key(&key);
        let cursor = client.get("/v1/chat").await.ok(200)["as_of"].as_str().context("no cursor")?.to_owned();
        let session = client.create_session("demo").await;
        users.push(User { client, key, session, cursor });
    }
    let mut senders = JoinSet::new();
    for user in &users {
        let (client, session) = (user.client.clone(), user.session.clone());
        senders.spawn(async move {
            for _ in 0..TURNS {
                client.ask(&session, &format!("/echo {}", "x".repeat(MESSAGE_BYTES))).await;
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done?;
    }
    Ok(users)
}

/// Makes changes at the configured rate while `stalled` stalled readers are connected, and measures the latency of each
/// change at every good reader that receives it.
async fn round(
    users: &[User],
    options: &Options,
    changes: &Arc<Changes>,
    api: &mut ProcessSampler,
    stalled: usize,
) -> Result<Round> {
    let mut readers = Vec::new();
    for number in 0..stalled {
        let user = &users[number % users.len()];
        readers.push(StalledReader::connect(user.client.address(), &user.key, &user.cursor).await?);
    }
    let begun = Instant::now();
    loop {
        sleep(SETTLE_TIME).await;
        let full = stalled::full_connections(users[0].client.address())?;
        if full * 10 >= stalled * 9 {
            break;
        }
        ensure!(begun.elapsed() < FULL_LIMIT, "only {full} of {stalled} stalled readers have full connections");
    }

    changes.latencies.take();
    let (begun, mut requests) = (Instant::now(), JoinSet::new());
    let mut ticks = interval(Duration::from_secs_f64(1.0 / options.rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for user in users.iter().cycle() {
        ticks.tick().await;
        if begun.elapsed().as_secs_f64() > options.seconds {
            break;
        }
        let (client, title) = (user.client.clone(), changes.begin());
        let path = format!("/v1/chat/{}", user.session);
        requests.spawn(async move { client.patch(&path, &json!({"title": title})).await.ok(200) });
    }
    while let Some(done) = requests.join_next().await {
        done?;
    }
    sleep(SETTLE_TIME).await;
    let rss_mib = api.sample()?.rss_mib;
    drop(readers);
    Ok(Round { latencies: changes.latencies.take(), rss_mib })
}

fn print_round(number: usize, kind: &str, round: Option<&Round>) {
    let Some(Round { latencies, rss_mib }) = round else { return };
    println!(
        "round {number} {kind:>7} stalled readers: {} deliveries, p50 {:.2} ms, p99 {:.2} ms; the api uses {rss_mib:.0} MiB",
        latencies.count(),
        latencies.quantile_ms(0.5),
        latencies.quantile_ms(0.99),
    );
}

fn print_result(without: &[Round], with: &[Round]) -> bool {
    let pooled = |rounds: &[Round]| {
        let mut all = Latencies::default();
        for round in rounds {
            all.add(&round.latencies);
        }
        (all.quantile_ms(0.5), all.quantile_ms(0.99))
    };
    let ((p50_without, p99_without), (p50_with, p99_with)) = (pooled(without), pooled(with));
    println!("all rounds: p50 {p50_without:.2} → {p50_with:.2} ms, p99 {p99_without:.2} → {p99_with:.2} ms");
    let is_unaffected = p99_with <= p99_without + (p99_without * LATENCY_TOLERANCE.0).max(LATENCY_TOLERANCE.1);
    let (first, last) = (with.first().map_or(0.0, |r| r.rss_mib), with.last().map_or(0.0, |r| r.rss_mib));
    let alone = without.first().map_or(0.0, |r| r.rss_mib);
    println!(
        "memory of the api: {alone:.0} MiB alone, {first:.0} MiB with the first stalled readers, {last:.0} MiB at the end"
    );
    let is_flat = last <= first + (first * MEMORY_TOLERANCE.0).max(MEMORY_TOLERANCE.1);
    println!(
        "good readers: {}; memory: {}",
        if is_unaffected { "not affected" } else { "AFFECTED" },
        if is_flat { "flat" } else { "GROWS" }
    );
    is_unaffected && is_flat
}
