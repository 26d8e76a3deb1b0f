//! The `worker` binary.

use std::process::ExitCode;

use anyhow::Context as _;
use banter_shared::{
    config::{Config, ConfigError},
    private,
    shutdown::Shutdown,
    version::VERSION,
};
use banter_worker::{Worker, agents::demo, doctor, supervise};
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// Banter's worker, which runs the agents.
#[derive(Parser)]
#[command(name = "worker", version = VERSION)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Process tasks (the default). Stops on SIGTERM or SIGINT.
    Run,
    /// Run an agent, and kill its descendants when it exits. Used internally by the worker.
    #[command(hide = true)]
    Supervise(supervise::Arguments),
    /// Run the demo agent, which speaks the Agent Client Protocol over stdin and stdout.
    DemoAgent,
    /// Test each agent and report what works and what is missing; exit with 1 if any agent cannot be used.
    Doctor,
}

fn main() -> ExitCode {
    private::set_umask();
    let result = match Cli::parse().command.unwrap_or(Command::Run) {
        // The supervisor must remain single-threaded, so it runs without a runtime.
        Command::Supervise(arguments) => return supervise::run(&arguments),
        Command::DemoAgent => block_on(Builder::new_current_thread(), demo_agent()),
        Command::Run => block_on(Builder::new_multi_thread(), run()),
        Command::Doctor => block_on(Builder::new_multi_thread(), doctor()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            banter_telemetry::report_exit("worker", &error);
            ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

fn block_on(mut runtime: Builder, work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = runtime.enable_all().build()?;
    let result = runtime.block_on(work);
    // Do not wait for a thread that is blocked on reading stdin.
    runtime.shutdown_background();
    result
}

async fn demo_agent() -> anyhow::Result<ExitCode> {
    demo::serve().await?;
    Ok(ExitCode::SUCCESS)
}

async fn doctor() -> anyhow::Result<ExitCode> {
    let config = Config::from_env()?;
    config.prepare_data_dir()?;
    Ok(if doctor::run(&config).await? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run() -> anyhow::Result<ExitCode> {
    let telemetry = banter_telemetry::init_service("banter-worker")?;
    let result = work().await;
    telemetry.shut_down().await;
    result
}

async fn work() -> anyhow::Result<ExitCode> {
    let config = Config::from_env()?;
    config.prepare_data_dir()?;
    let shutdown = Shutdown::new();
    shutdown.listen(config.shutdown_grace).context("cannot install signal handlers")?;
    // If this returns `None`, a signal arrived during startup.
    if let Some(worker) = shutdown.soft().run_until_cancelled(Worker::build(config, shutdown.clone())).await {
        worker?.run().await?;
    }
    Ok(ExitCode::SUCCESS)
}
