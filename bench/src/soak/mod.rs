//! The soak test, which runs two apis, three workers, and a Redis server at half load for an hour. Memory usage, the
//! number of open files, the size of the write-ahead log, and the wait time of the oldest job must stay flat. Every
//! turn must end as expected, and `api check` must pass.
//!
//! The size of the database is reported but not checked, because messages are kept. To cover pruning, the test
//! backdates events, finished jobs, and idempotency keys once they are older than a sixth of the run.

mod sampler;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::Result;
use banter_tests::app::TestApp;
use clap::Args;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    load::{Load, LoadStats},
    measure::Backdater,
    report::{Table, Trend, plot},
};
use sampler::Sampler;

const APIS: usize = 2;
const WORKERS: usize = 3;
/// Number of concurrent tasks per worker, which is high enough for the machine to be the bottleneck.
const CONCURRENCY: &str = "64";
/// Numbers of concurrent users to try when determining full load, and the duration of each trial.
const TRIALS: [usize; 5] = [8, 16, 32, 64, 128];
const TRIAL_TIME: Duration = Duration::from_secs(6);
/// A larger number is tried only if the previous one increased the throughput by at least this factor.
const MIN_GAIN: f64 = 1.05;
/// The fraction of the full load at which the soak test runs.
const SHARE: f64 = 0.5;
/// Rows are backdated when they are older than the run's duration divided by this number.
const PRUNED_PART: u32 = 6;
/// Time limit for the last turns to finish.
const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// Maximum number of log lines that are printed.
const SHOWN_LINES: usize = 10;

/// Options for `bench soak`.
#[derive(Debug, Args)]
pub struct Options {
    /// Duration of the run, in minutes.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Answers per second; defaults to half of the full load measured beforehand.
    #[arg(long)]
    rate: Option<f64>,
    /// Number of users, each with eight conversations and two streams.
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// Seed for the users' random actions.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the samples (CSV).
    #[arg(long, default_value = "target/soak.csv")]
    csv: PathBuf,
    /// File for the plot (SVG).
    #[arg(long, default_value = "docs/images/soak.svg")]
    plot: PathBuf,
}

/// Runs the soak test. Returns whether all checks passed.
///
/// # Errors
/// Fails if the test cannot be run.
pub async fn run(options: Options) -> Result<bool> {
    let duration = Duration::from_secs_f64(60.0 * options.minutes);
    let mut app = TestApp::builder()
        .apis(APIS)
        .workers(WORKERS)
        .redis()
        .env("AUTH", "required")
        .env("WORKER_CONCURRENCY", CONCURRENCY)
        .env("EVENT_RETENTION_HOURS", "1")
        .env("RUST_LOG", "warn")
        .start()
        .await;
    println!("{APIS} apis, {WORKERS} workers, Redis, {} users; files in {}", options.users, app.folder().display());
    let mut load = Load::create(&app, options.users, options.seed).await?;
    let rate = match options.rate {
        Some(rate) => rate,
        None => SHARE * full_load(&mut load).await,
    };
    println!("{rate:.0} answers per second for {:.0} minutes", options.minutes);
    let stats = load.stats();
    stats.take();

    let stop = CancellationToken::new();
    let backdating = Backdater::open(&app.database_file(), duration / PRUNED_PART).await?;
    let backdating = tokio::spawn(backdating.run(stop.clone()));
    let mut sampler = Sampler::start(&app, &options.csv, rate).await?;
    let sampling = async {
        let outcome = sampler.sample_for(duration, &stats).await;
        stop.cancel();
        outcome
    };
    let (outcome, finished) =
        tokio::join!(sampling, timeout(duration + IDLE_LIMIT, load.run_at_rate(rate, stop.clone())));
    outcome?;
    if finished.is_err() {
        stats.record_violation("turns are still running long after the end".into());
    }
    backdating.await??;

    let is_sound = check(&app, "while running").await;
    load.stop().await;
    app.stop_all().await;
    let is_sound = is_sound && check(&app, "after shutdown").await;
    print_logs(&app.logs());
    let title = format!(
        "{:.0} minutes at half load: {rate:.0} answers/s, {APIS} apis, {WORKERS} workers, Redis, {} streams",
        options.minutes,
        2 * options.users
    );
    fs::write(&options.plot, plot(&title, sampler.table())?)?;
    println!("samples: {}; plot: {}", options.csv.display(), options.plot.display());
    let is_flat = print_trends(sampler.table());
    Ok(print_totals(&stats) && is_sound && is_flat)
}

/// Determines full load, which is the highest rate, in turns per second, that any trial achieves.
async fn full_load(load: &mut Load) -> f64 {
    let mut most = 0.0;
    for users in TRIALS {
        let rate = load.run_unthrottled(users, TRIAL_TIME).await;
        println!("{users:4} concurrent users: {rate:.0} answers per second");
        let is_full = rate < most * MIN_GAIN;
        most = rate.max(most);
        if is_full {
            break;
        }
    }
    most
}

async fn check(app: &TestApp, when: &str) -> bool {
    let output = app.run_api(&["check"]).await;
    println!("api check, {when}: {}", String::from_utf8_lossy(&output.stdout).trim_end());
    output.status.success()
}

fn print_logs(logs: &str) {
    let lines: Vec<&str> = logs.lines().collect();
    println!("warnings and errors in the logs: {}", lines.len());
    lines.iter().take(SHOWN_LINES).for_each(|line| println!("  {line}"));
}

/// Prints whether each series with a tolerance is flat. Returns whether all judged series are flat.
fn print_trends(table: &Table) -> bool {
    let mut all_flat = true;
    println!("{:<32}{:<12}{:>10}{:>12}{:>12}", "after a third of warm-up", "", "median", "rise", "rise/h");
    for series in &table.series {
        let Some(tolerance) = series.tolerance else { continue };
        let trend = Trend::fit(&table.seconds, &series.values, tolerance);
        all_flat &= trend.is_flat || !series.is_judged;
        println!(
            "{:<28}{:<12}{:>10.1}{:>12.2}{:>12.2}  {}",
            series.panel,
            series.name,
            trend.median,
            trend.rise,
            trend.rise_per_hour,
            match (trend.is_flat, series.is_judged) {
                (true, _) => "flat",
                (false, true) => "NOT FLAT",
                (false, false) => "rises (not judged: affected by other work on the machine)",
            }
        );
    }
    all_flat
}

fn print_totals(stats: &LoadStats) -> bool {
    println!(
        "{} answers, {} streams opened, {} requests retried after 503, {} violations",
        stats.answers(),
        stats.streams(),
        stats.busy(),
        stats.violations()
    );
    stats.violations() == 0
}
