//! The logs of both binaries, on stderr. stdout is reserved for machine-readable output.
//!
//! Logs are filtered by `RUST_LOG` and formatted according to `LOG_FORMAT`. In the JSON format, every line on stderr is
//! one JSON object, including panics and the error with which a process exits.

mod error;
mod json;

use std::{env, io, io::IsTerminal as _};

use banter_shared::config::{self, ConfigError};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _};

pub use error::report_exit;

/// The variable that selects the format.
const LOG_FORMAT: &str = "LOG_FORMAT";
/// The filter if `RUST_LOG` is not set.
const DEFAULT_FILTER: &str = "info,sqlx=warn,apalis=warn,apalis_core=warn";

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogFormat {
    /// Text for people, in color on a terminal.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    fn parse(value: Option<&str>) -> Result<Self, ConfigError> {
        match value {
            None | Some("text") => Ok(Self::Text),
            Some("json") => Ok(Self::Json),
            Some(other) => Err(ConfigError {
                variable: LOG_FORMAT,
                value: Some(other.to_owned()),
                expected: "`text` or `json`".to_owned(),
            }),
        }
    }
}

/// Reads `.env` and starts logging to stderr.
///
/// # Errors
/// Returns an error if `.env`, `RUST_LOG`, or `LOG_FORMAT` is invalid.
pub fn init() -> Result<(), ConfigError> {
    config::load_env_file()?;
    let format = LogFormat::parse(variable(LOG_FORMAT).as_deref())?;
    let is_json = format == LogFormat::Json;
    let text = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let started = registry()
        .with(filter()?)
        .with((!is_json).then_some(text))
        .with(is_json.then(|| json::layer(io::stderr)))
        .try_init();
    match started {
        Ok(()) if is_json => error::log_panics(),
        Ok(()) => {}
        Err(error) => eprintln!("logging is already initialized: {error}"),
    }
    Ok(())
}

/// Returns the value of an environment variable; `None` if it is unset or empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn filter() -> Result<EnvFilter, ConfigError> {
    let directives = variable(EnvFilter::DEFAULT_ENV);
    EnvFilter::try_new(directives.as_deref().unwrap_or(DEFAULT_FILTER)).map_err(|error| ConfigError {
        variable: EnvFilter::DEFAULT_ENV,
        value: directives,
        expected: format!("directives such as `info` or `banter_worker=debug` ({error})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_format_names_the_variable_and_the_allowed_values() {
        let error = LogFormat::parse(Some("xml")).unwrap_err();

        assert_eq!(error.to_string(), "LOG_FORMAT=\"xml\": expected `text` or `json`");
        assert_eq!(LogFormat::parse(None), Ok(LogFormat::Text));
        assert_eq!(LogFormat::parse(Some("json")), Ok(LogFormat::Json));
    }
}
