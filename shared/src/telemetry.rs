//! Logging to stderr, filtered by `RUST_LOG`.

use std::{env, io::IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::ConfigError;

/// The filter if `RUST_LOG` is not set.
const DEFAULT_FILTER: &str = "info,sqlx=warn,apalis=warn,apalis_core=warn";

/// Starts logging to stderr. stdout is reserved for machine-readable output.
///
/// # Errors
/// Returns an error if `RUST_LOG` is invalid.
pub fn init() -> Result<(), ConfigError> {
    let directives = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|value| !value.trim().is_empty());
    let filter = EnvFilter::try_new(directives.as_deref().unwrap_or(DEFAULT_FILTER)).map_err(|error| ConfigError {
        variable: EnvFilter::DEFAULT_ENV,
        value: directives,
        expected: format!("directives such as `info` or `banter_worker=debug` ({error})"),
    })?;
    let started = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
    if let Err(error) = started {
        eprintln!("logging is already initialized: {error}");
    }
    Ok(())
}
