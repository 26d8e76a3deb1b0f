//! The `api` process: see [`banter_api`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    banter_shared::private::set_umask();
    match banter_api::cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            banter_telemetry::report_exit("api", &error);
            ExitCode::from(if error.is::<banter_shared::config::ConfigError>() { 2 } else { 1 })
        }
    }
}
