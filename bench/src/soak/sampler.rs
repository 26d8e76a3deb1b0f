//! Samples all processes and the database every few seconds.

use std::{path::Path, time::Duration};

use anyhow::Result;
use banter_tests::app::TestApp;
use tokio::time::{Instant, interval_at};

use crate::{
    load::LoadStats,
    measure::{DatabaseSampler, ProcessSampler},
    report::{Series, Table, Tolerance},
};

/// Sampling interval.
const INTERVAL: Duration = Duration::from_secs(5);
/// Number of samples after which the latest one is printed.
const PRINT_INTERVAL: usize = 12;

/// The memory used by the allocator and SQLite's caches fluctuates, whereas a leak keeps growing.
const MEMORY: Tolerance = Tolerance { share: 0.1, least: 4.0 };
/// The number of open files fluctuates because users' connections come and go.
const HANDLES: Tolerance = Tolerance { share: 0.1, least: 8.0 };
/// The write-ahead log grows temporarily while a reader delays a checkpoint.
const WAL: Tolerance = Tolerance { share: 0.2, least: 4.0 };
/// Jobs usually wait for a few milliseconds; a stuck job's wait time keeps increasing.
const OLDEST: Tolerance = Tolerance { share: 0.5, least: 200.0 };
/// Interval between pruning passes. The number of kept rows fluctuates by the number added in one interval.
const PRUNING_INTERVAL: Duration = Duration::from_mins(1);
/// Approximate number of events in one turn.
const EVENTS_PER_TURN: f64 = 6.0;
/// At half load, latencies and CPU usage should be the same at the end as at the beginning.
const EFFORT: Tolerance = Tolerance { share: 0.3, least: 10.0 };

/// A sampler of an installation's processes and database.
#[derive(Debug)]
pub struct Sampler {
    processes: Vec<ProcessSampler>,
    database: DatabaseSampler,
    table: Table,
}

impl Sampler {
    /// Creates a sampler for an installation's processes and database.
    pub async fn start(app: &TestApp, csv: &Path, rate: f64) -> Result<Self> {
        let mut processes: Vec<ProcessSampler> =
            app.processes().iter().map(|(name, pid)| ProcessSampler::new(name, *pid)).collect();
        for process in &mut processes {
            process.sample()?;
        }
        let database = DatabaseSampler::open(&app.database_file()).await?;
        let table = Table::create(csv, columns(&processes, rate))?;
        Ok(Self { processes, database, table })
    }

    /// Returns the samples.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Takes samples for the given duration.
    pub async fn sample_for(&mut self, duration: Duration, stats: &LoadStats) -> Result<()> {
        let begun = Instant::now();
        let mut ticks = interval_at(begun + INTERVAL, INTERVAL);
        let (mut before, mut answers) = (begun, stats.answers());
        while begun.elapsed() < duration {
            ticks.tick().await;
            let now = Instant::now();
            let rate = (stats.answers() - answers) as f64 / (now - before).as_secs_f64();
            (before, answers) = (now, stats.answers());
            self.add(begun.elapsed().as_secs_f64(), rate, stats).await?;
        }
        Ok(())
    }

    async fn add(&mut self, seconds: f64, rate: f64, stats: &LoadStats) -> Result<()> {
        let samples = self.processes.iter_mut().map(ProcessSampler::sample).collect::<Result<Vec<_>>>()?;
        let mut values: Vec<f64> = samples.iter().map(|sample| sample.rss_mib).collect();
        values.extend(samples.iter().map(|sample| sample.handles));
        values.extend(samples.iter().map(|sample| sample.cpu_percent));
        let database = self.database.sample().await?;
        let figures = stats.take();
        values.extend([database.wal_mib, database.size_mib, database.oldest_runnable_ms]);
        values.extend([database.events / 1000.0, database.ended_jobs / 1000.0, rate]);
        for (p50, p99) in [figures.sends, figures.answers, figures.stops] {
            values.extend([p50, p99]);
        }
        self.table.add(seconds, &values)?;
        if self.table.seconds.len().is_multiple_of(PRINT_INTERVAL) {
            let rss: Vec<String> = samples.iter().map(|sample| format!("{:.0}", sample.rss_mib)).collect();
            println!(
                "{:5.1} min: {rate:.0} answers/s, p99 {:.0} ms, memory {} MiB, WAL {:.1} MiB, database {:.0} MiB, \
                 oldest job {:.0} ms, {} violations",
                seconds / 60.0,
                figures.answers.1,
                rss.join(" "),
                database.wal_mib,
                database.size_mib,
                database.oldest_runnable_ms,
                stats.violations()
            );
        }
        Ok(())
    }
}

/// Returns the columns, in the order in which [`Sampler::add`] adds values.
fn columns(processes: &[ProcessSampler], rate: f64) -> Vec<Series> {
    let kept = |rows_per_turn: f64| {
        Some(Tolerance { share: 0.2, least: rate * PRUNING_INTERVAL.as_secs_f64() * rows_per_turn / 1000.0 })
    };
    let each = |panel: &'static str, tolerance: Option<Tolerance>| {
        processes.iter().map(move |process| Series::new(panel, &process.name, tolerance)).collect::<Vec<_>>()
    };
    let mut columns = each("Memory, MiB", Some(MEMORY));
    columns.extend(each("Open handles", Some(HANDLES)));
    columns.extend(each("CPU, % of a core", Some(EFFORT)).into_iter().map(Series::not_judged));
    columns.extend([
        Series::new("Write-ahead log, MiB", "-wal", Some(WAL)),
        Series::new("Database, MiB", "grows with stored messages", None),
        Series::new("Oldest runnable job, ms", "age", Some(OLDEST)),
        Series::new("Kept rows, thousands", "events", kept(EVENTS_PER_TURN)),
        Series::new("Kept rows, thousands", "ended jobs", kept(1.0)),
        Series::new("Answers per second", "answers", None),
        Series::new("Send to 202, ms", "p50", Some(EFFORT)).not_judged(),
        Series::new("Send to 202, ms", "p99", Some(EFFORT)).not_judged(),
        Series::new("Send to the answer's event, ms", "p50", Some(EFFORT)).not_judged(),
        Series::new("Send to the answer's event, ms", "p99", Some(EFFORT)).not_judged(),
        Series::new("Stop to the event, ms", "p50", Some(EFFORT)).not_judged(),
        Series::new("Stop to the event, ms", "p99", Some(EFFORT)).not_judged(),
    ]);
    columns
}
