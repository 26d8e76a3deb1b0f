//! The `worker` binary.

use std::process::ExitCode;

use anyhow::Context as _;
use banter_shared::{
    config::{Config, ConfigError},
    shutdown::Shutdown,
    telemetry,
};
use banter_worker::Worker;
use clap::{Parser, Subcommand};

/// Runs the agents of Banter.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Works on tasks until it is told to stop (the default).
    Run,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Run = Cli::parse().command.unwrap_or(Command::Run);
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // For the person who started it, so without the decoration of a log line.
            eprintln!("worker: {error:#}");
            ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

async fn run() -> anyhow::Result<()> {
    telemetry::init()?;
    let config = Config::from_env()?;
    config.prepare_data_dir()?;
    let shutdown = Shutdown::new();
    shutdown.listen(config.shutdown_grace).context("cannot listen to signals")?;
    match shutdown.soft().run_until_cancelled(Worker::build(config, shutdown.clone())).await {
        Some(worker) => worker?.run().await,
        // Told to stop before it had started.
        None => Ok(()),
    }
}
