//! The environment variables that are checked at startup. The SDK also reads them, but ignores invalid values.

use std::{net::IpAddr, str::FromStr as _, time::Duration};

use banter_shared::config::ConfigError;
use reqwest::Url;

use crate::variable;

/// The default of `OTEL_EXPORTER_OTLP_TIMEOUT`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The samplers that the SDK implements.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Where traces are sent.
pub(super) struct Endpoint {
    /// The variable that sets the address.
    pub(super) variable: &'static str,
    /// The configured address, without the credentials or the query.
    pub(super) address: String,
    /// Whether the connection is encrypted.
    pub(super) is_https: bool,
    /// Whether the collector is on this machine.
    pub(super) is_local: bool,
}

/// Returns the first variable that is set, with its value.
fn first_of(names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name)?)))
}

/// Returns where traces are sent; `None` if traces are disabled.
pub(super) fn endpoint() -> Result<Option<Endpoint>, ConfigError> {
    let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let is_unused = variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    let set = first_of(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let Some((variable, value)) = set.filter(|_| !is_disabled && !is_unused) else { return Ok(None) };
    check_protocol()?;
    let url = Url::parse(&value).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let Some(mut url) = url else {
        let expected = "the URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318".to_owned();
        // The value is not shown, because it may contain a password.
        return Err(ConfigError { variable, value: None, expected });
    };
    let is_https = url.scheme() == "https";
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost" || IpAddr::from_str(host).is_ok_and(|address| address.is_loopback());
    // Both calls can fail only for URLs without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    Ok(Some(Endpoint { variable, address: url.to_string(), is_https, is_local }))
}

fn check_protocol() -> Result<(), ConfigError> {
    match first_of(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
        Some((variable, value)) if value != "http/protobuf" => {
            Err(ConfigError { variable, value: Some(value), expected: "`http/protobuf`".to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks the sampler and its argument.
pub(super) fn check_sampler() -> Result<(), ConfigError> {
    const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let Some(sampler) = variable(SAMPLER) else { return Ok(()) };
    if !SAMPLERS.contains(&sampler.as_str()) {
        let expected = format!("one of {}", SAMPLERS.join(", "));
        return Err(ConfigError { variable: SAMPLER, value: Some(sampler), expected });
    }
    let argument = variable(ARGUMENT).filter(|_| sampler.ends_with("traceidratio"));
    let is_ratio = |value: &String| f64::from_str(value).is_ok_and(|ratio| (0.0..=1.0).contains(&ratio));
    match argument.filter(|value| !is_ratio(value)) {
        Some(value) => {
            Err(ConfigError { variable: ARGUMENT, value: Some(value), expected: "a number from 0 to 1".to_owned() })
        }
        None => Ok(()),
    }
}

/// Returns the time limit for a request to the collector.
pub(super) fn timeout() -> Result<Duration, ConfigError> {
    let set = first_of(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
    let Some((variable, value)) = set else { return Ok(DEFAULT_TIMEOUT) };
    let millis = value.parse().ok().filter(|millis| (1..=600_000).contains(millis));
    millis.map(Duration::from_millis).ok_or_else(|| {
        let expected = "a number of milliseconds from 1 to 600000".to_owned();
        ConfigError { variable, value: Some(value), expected }
    })
}
