//! Compares the estimate in `docs/scaling.md` with measured runs.
//!
//! More clients than there are slots send one message after another to the demo agent, which takes a given time for an
//! answer. The slots are then the limit, and the installation should answer *S* / *T* messages per second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use banter_tests::{app::TestApp, client::Client, postgres::Postgres};
use clap::Args;
use tokio::{task::JoinSet, time::sleep};

/// The workers, the slots of each one, and the seconds per answer.
const SCENARIOS: [(usize, usize, f64); 3] = [(1, 4, 0.5), (2, 8, 1.0), (4, 8, 2.0)];

/// Number of clients per slot. Some of them always wait in the queue.
const CLIENTS_PER_SLOT: usize = 2;

/// Options for `bench capacity`.
#[derive(Debug, Args)]
pub struct Options {
    /// Duration of each measurement in seconds, which follows a warm-up of half that time.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Use PostgreSQL and Redis instead of SQLite.
    #[arg(long)]
    postgres: bool,
    /// Maximum deviation from the estimate, in percent.
    #[arg(long, default_value_t = 20.0)]
    tolerance: f64,
}

/// Runs the benchmark. Returns whether every measurement is close enough to the estimate.
///
/// # Errors
/// Fails if the benchmark cannot be run.
pub async fn run(options: Options) -> Result<bool> {
    let mut is_close = true;
    println!("| Workers | Slots | Seconds per answer | Estimate, messages/s | Measured, messages/s | Deviation |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for (workers, slots, answer) in SCENARIOS {
        let estimate = (workers * slots) as f64 / answer;
        let measured = measure(&options, workers, slots, answer).await?;
        let deviation = 100.0 * (measured / estimate - 1.0);
        println!("| {workers} | {} | {answer} | {estimate:.1} | {measured:.1} | {deviation:+.1} % |", workers * slots);
        is_close &= deviation.abs() <= options.tolerance;
    }
    Ok(is_close)
}

/// Returns the number of answers per second.
async fn measure(options: &Options, workers: usize, slots: usize, answer: f64) -> Result<f64> {
    let builder =
        TestApp::builder().workers(workers).env("RUST_LOG", "warn").env("WORKER_CONCURRENCY", &slots.to_string());
    let builder = if options.postgres { builder.on_postgres(Postgres::start().await) } else { builder };
    let mut app = builder.start().await;
    let (answers, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS_PER_SLOT * workers * slots {
        clients.spawn(ask(app.client().patient(), format!("/slow {answer}"), answers.clone(), is_over.clone()));
    }
    sleep(Duration::from_secs(options.seconds) / 2).await;
    let (began, before) = (Instant::now(), answers.load(Ordering::Relaxed));
    sleep(Duration::from_secs(options.seconds)).await;
    let rate = (answers.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    clients.join_all().await;
    app.stop_all().await;
    Ok(rate)
}

/// Sends one message after another in a session until `is_over` is set, and counts the answers.
async fn ask(client: Client, message: String, answers: Arc<AtomicU64>, is_over: Arc<AtomicBool>) {
    let session = client.create_session("demo").await;
    while !is_over.load(Ordering::Relaxed) {
        client.ask(&session, &message).await;
        answers.fetch_add(1, Ordering::Relaxed);
    }
}
