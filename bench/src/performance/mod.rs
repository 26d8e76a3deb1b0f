//! What the machine can carry: every workload with its floors, in one run.
//!
//! The product runs as in production: its own processes, a database on disk, the default configuration. The model is
//! scripted and instant ([`model`]), so that all time is the product's own. Each workload runs several times, on a fresh
//! installation after a warm-up; the results are medians with their ranges. Delivery must be exact in every run
//! ([`observer`]): no error, no duplicate, no gap.

mod chat;
mod connection;
mod figures;
mod installation;
mod model;
mod monotonic;
mod observer;
mod placement;
mod setup;
mod stream;
mod table;
mod turns;
mod usage;

pub use model::serve as serve_model;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Args;

use figures::Figures;
use installation::Installation;
use model::Model;
use placement::Placement;
use setup::{Durability, Relay, Setup};

/// Options of `bench performance`.
#[derive(Debug, Args)]
pub struct Options {
    /// Run a part of the workloads once, in two minutes.
    #[arg(long)]
    quick: bool,
    /// Number of runs of each workload; 5, or 1 for a quick run, by default.
    #[arg(long)]
    runs: Option<usize>,
    /// The folder of the results.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

/// Runs all workloads. Returns whether delivery was exact in every run.
///
/// # Errors
/// Fails if a workload cannot be run.
pub async fn run(options: Options) -> Result<bool> {
    let placement = Placement::unpinned()?;
    let pinned = placement.pinned()?;
    pinned.enter()?;
    let model = Model::start()?;
    let mut figures = Figures::default();
    let setup = Setup::new(Relay::Embedded, Durability::Full);
    for _ in 0..options.runs.unwrap_or(if options.quick { 1 } else { 5 }) {
        for sessions in [1, 16, 64] {
            let installation = Installation::start(setup, &pinned, &model).await?;
            let run = turns::run(&installation, sessions, Duration::from_secs(1), Duration::from_secs(3)).await?;
            let section = format!("{sessions} sessions");
            if sessions == 1 {
                run.add_latency(&mut figures, &section, &setup.to_string(), 0.0);
            } else {
                run.add_rate(&mut figures, &section, &setup.to_string());
            }
            installation.stop().await?;
        }
    }
    figures.write(&options.output.join("figures.json"))?;
    println!("{}", table::render(&figures));
    Ok(figures.violations.is_empty())
}
