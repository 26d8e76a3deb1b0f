//! Traces, exported using OTLP over HTTP and configured by the standard variables
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! Guarantees: without an endpoint, nothing is created or recorded. Spans are queued, and a separate thread exports
//! them. If the queue is full, spans are dropped. A slow or unreachable collector therefore delays only the exit of the
//! process, by at most a second.

mod collector;
mod settings;
mod span;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use banter_shared::{config::ConfigError, version::VERSION};
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use crate::variable;
use collector::Collector;

pub use span::{TraceSpan, current_trace_parent};

pub(crate) use span::current_trace_id;

/// How long exporting the last spans may delay the exit of the process.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The crates whose spans are recorded.
const RECORDED: [&str; 3] = ["banter_api", "banter_shared", "banter_worker"];

/// Whether spans are recorded.
static IS_ENABLED: AtomicBool = AtomicBool::new(false);

/// Returns whether spans are recorded.
#[must_use]
pub fn is_enabled() -> bool {
    IS_ENABLED.load(Ordering::Relaxed)
}

/// The running trace exporter.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    address: String,
}

impl Traces {
    /// Starts exporting if an endpoint is configured. `service` is the name of the service unless `OTEL_SERVICE_NAME`
    /// or `OTEL_RESOURCE_ATTRIBUTES` sets another one. Must be called in a Tokio runtime.
    pub(crate) fn start(service: &'static str) -> Result<Option<Self>, ConfigError> {
        let Some(endpoint) = settings::endpoint()? else { return Ok(None) };
        settings::check_sampler()?;
        let invalid = |error: String| ConfigError { variable: endpoint.variable, value: None, expected: error };
        let collector = Collector::new(&endpoint, settings::timeout()?)
            .map_err(|error| invalid(format!("CA certificates to be installed ({error})")))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .build()
            .map_err(|error| invalid(format!("valid OTEL_EXPORTER_OTLP_* variables ({error})")))?;
        let provider =
            SdkTracerProvider::builder().with_resource(resource(service)).with_batch_exporter(exporter).build();
        IS_ENABLED.store(true, Ordering::Relaxed);
        Ok(Some(Self { provider, address: endpoint.address }))
    }

    /// Returns the layer that records this project's spans, with log messages as span events.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("banter"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_targets(RECORDED.map(|target| (target, LevelFilter::INFO))))
    }

    /// Returns the collector's address, without credentials.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Exports the remaining spans, or drops them after [`FLUSH_LIMIT`].
    pub(crate) async fn shut_down(self) {
        // The call blocks until the exporting thread has ended.
        let flushed = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FLUSH_LIMIT)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::debug!("the last spans may not have been exported");
        }
    }
}

/// Returns the resource that describes this process in traces.
fn resource(service: &'static str) -> Resource {
    let is_named = variable("OTEL_SERVICE_NAME").is_some()
        || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|attributes| attributes.contains("service.name="));
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", VERSION));
    if is_named { resource.build() } else { resource.with_service_name(service).build() }
}
