//! The `worker` binary.

use std::process::ExitCode;

use banter_shared::{config::Config, telemetry};
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
    telemetry::init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    Worker::build(config).await?.run().await
}
