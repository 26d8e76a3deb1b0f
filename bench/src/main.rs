//! Benchmarks and endurance runs, which take too long for tests. Each puts load on the real binaries, using a separate
//! installation in a temporary folder.
//!
//! | Module | Contents |
//! |---|---|
//! | [`soak`] | Half of full load for an hour; nothing may grow |
//! | [`readers`] | The effect of stalled readers on other readers |
//! | [`hostile`] | The effect of hostile clients on a well-behaved one |
//! | [`warm_turns`] | The overhead of a turn, excluding the agent's own time |
//! | [`load`] | The simulated users |
//! | [`measure`] | Samples of processes and the database, and latencies |
//! | [`report`] | A table, a plot, and the flatness check of a series |
#![allow(clippy::cast_precision_loss, reason = "figures of a measurement")]

mod hostile;
mod load;
mod measure;
mod readers;
mod report;
mod soak;
mod warm_turns;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Load and endurance tests. Uses the binaries in `BANTER_BIN_DIR`, or in this binary's folder if it is unset.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Run {
    /// Run at half load for an hour: memory, handles, log, and queued work must stay flat.
    Soak(soak::Options),
    /// Measure readers alongside stalled readers, which must not slow them down.
    Readers(readers::Options),
    /// Measure a well-behaved client alongside half-open connections, slow bodies, and clients that never read.
    Hostile(hostile::Options),
    /// Measure the overhead of a turn in a warm process, excluding the agent's own time.
    Warm(warm_turns::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let run = async {
        match arguments.run {
            Run::Soak(options) => soak::run(options).await,
            Run::Readers(options) => readers::run(options).await,
            Run::Hostile(options) => hostile::run(options).await,
            Run::Warm(options) => warm_turns::run(options).await,
        }
    };
    // On an interrupt, the run is dropped, which kills the processes that it started.
    let outcome = tokio::select! {
        outcome = run => outcome,
        stopped = stop_signal() => Err(stopped),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for SIGINT or SIGTERM.
async fn stop_signal() -> anyhow::Error {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return anyhow::anyhow!("cannot install signal handlers");
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => anyhow::anyhow!("interrupted"),
        _ = terminate.recv() => anyhow::anyhow!("terminated"),
    }
}
