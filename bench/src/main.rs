//! Benchmarks and endurance tests, which take too long to run with the other tests. Each one puts load on the real
//! binaries, using a separate installation in a temporary folder.
//!
//! | Module | Contents |
//! |---|---|
//! | [`soak`] | An hour at half load, during which resource usage must not grow |
//! | [`readers`] | The effect of stalled readers on other readers |
//! | [`hostile`] | The effect of hostile clients on a well-behaved one |
//! | [`search`] | The search of all sessions, with a million messages |
//! | [`warm_turns`] | The overhead of a turn, excluding the agent's own time |
//! | [`performance`] | How much load the machine can handle, compared with its own floors and with other systems |
//! | [`capacity`] | The estimate in `docs/scaling.md`, compared with measured runs |
//! | [`load`] | The simulated users |
//! | [`measure`] | Sampling processes and the database |
//! | [`report`] | A table, a plot, and the check that a series is flat |
#![allow(clippy::cast_precision_loss, reason = "figures of a measurement")]

mod capacity;
mod hostile;
mod load;
mod measure;
mod performance;
mod readers;
mod report;
mod search;
mod soak;
mod warm_turns;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// Load and endurance tests. Uses the binaries in `BANTER_BIN_DIR` or, if that is unset, in this binary's folder.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Run {
    /// Measure how many turns, sends, streams, and list requests this machine can handle, alongside the machine's own
    /// floors.
    Performance(performance::Options),
    /// Serve the scripted model for `performance`.
    #[command(hide = true)]
    Model,
    /// Serve the bare streams for `performance`.
    #[command(hide = true)]
    Stamps,
    /// Run at half load for an hour; memory, open files, the write-ahead log, and the queue must stay flat.
    Soak(soak::Options),
    /// Measure readers alongside stalled readers, which must not slow them down.
    Readers(readers::Options),
    /// Measure a well-behaved client alongside half-open connections, slow bodies, and clients that never read.
    Hostile(hostile::Options),
    /// Compare the estimate in docs/scaling.md with measured runs.
    Capacity(capacity::Options),
    /// Measure the search of all sessions, and what its index costs sends.
    Search(search::Options),
    /// Measure the overhead of a turn in a warm process, excluding the agent's own time.
    Warm(warm_turns::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A pinned run generates its load on a single thread; more threads would only compete for the same CPU.
    let mut runtime = match arguments.run {
        Run::Performance(_) | Run::Model | Run::Stamps => Builder::new_current_thread(),
        Run::Soak(_) | Run::Readers(_) | Run::Hostile(_) | Run::Capacity(_) | Run::Search(_) | Run::Warm(_) => {
            Builder::new_multi_thread()
        }
    };
    match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(run(arguments.run)),
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(run: Run) -> ExitCode {
    let run = async {
        match run {
            Run::Performance(options) => performance::run(options).await,
            Run::Model => performance::serve_model().await.map(|()| true),
            Run::Stamps => performance::serve_stamps().await.map(|()| true),
            Run::Soak(options) => soak::run(options).await,
            Run::Readers(options) => readers::run(options).await,
            Run::Hostile(options) => hostile::run(options).await,
            Run::Capacity(options) => capacity::run(options).await,
            Run::Search(options) => search::run(options).await,
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
