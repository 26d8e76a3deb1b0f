//! The logs and traces of both binaries.
//!
//! Logs go to stderr; stdout is reserved for the output of commands. Logs are filtered by `RUST_LOG` and formatted
//! according to `LOG_FORMAT`. In the JSON format, once logging has started, every line on stderr is one JSON object.
//! This includes panics and the error with which a process exits.

mod error;
mod json;
pub mod traces;

use std::{env, io, io::IsTerminal as _};

use banter_shared::config::{self, ConfigError};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, fmt, layer::SubscriberExt as _, registry, registry::LookupSpan, util::SubscriberInitExt as _,
};

pub use error::report_exit;

use traces::Traces;

/// The environment variable that selects the log format.
const LOG_FORMAT: &str = "LOG_FORMAT";
/// The log filter that is used if `RUST_LOG` is not set.
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

/// The telemetry of a running process.
#[derive(Debug)]
#[must_use = "the last spans are lost unless it is shut down"]
pub struct Telemetry {
    traces: Option<Traces>,
}

impl Telemetry {
    /// Exports the remaining spans, which takes at most a second.
    pub async fn shut_down(self) {
        if let Some(traces) = self.traces {
            traces.shut_down().await;
        }
    }
}

/// Reads `.env` and starts logging to stderr.
///
/// # Errors
/// Returns an error if `.env`, `RUST_LOG`, or `LOG_FORMAT` is invalid.
pub fn init() -> Result<Telemetry, ConfigError> {
    config::load_env_file()?;
    start(None)
}

/// Reads `.env`, starts logging to stderr, and exports traces if an endpoint is configured. `service` is the default
/// name of the service in traces. Must be called in a Tokio runtime.
///
/// # Errors
/// Returns an error if `.env`, `RUST_LOG`, `LOG_FORMAT`, or an OpenTelemetry variable is invalid.
pub fn init_service(service: &'static str) -> Result<Telemetry, ConfigError> {
    config::load_env_file()?;
    start(Traces::start(service)?)
}

fn start(traces: Option<Traces>) -> Result<Telemetry, ConfigError> {
    let format = LogFormat::parse(variable(LOG_FORMAT).as_deref())?;
    let filter = filter()?;
    let started = match &traces {
        None => registry().with(filter).with(logs(format)).try_init(),
        // The log filter must not affect the traces.
        Some(traces) => registry().with(traces.layer()).with(logs(format).with_filter(filter)).try_init(),
    };
    match (started, format) {
        (Ok(()), LogFormat::Json) => error::log_panics(),
        (Ok(()), LogFormat::Text) => {}
        (Err(error), _) => eprintln!("logging is already initialized: {error}"),
    }
    if let Some(traces) = &traces {
        tracing::info!(collector = traces.address(), "exporting traces");
    }
    Ok(Telemetry { traces })
}

/// Returns the layer that writes logs.
fn logs<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    match format {
        LogFormat::Text => fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => json::layer(io::stderr).boxed(),
    }
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
