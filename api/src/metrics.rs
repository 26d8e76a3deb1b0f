//! Metrics in the text format of `OpenMetrics`
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
//!
//! Guarantees: clients cannot choose the values of labels, so the number of series is bounded; no label identifies a
//! user.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, StatusCode};
use banter_shared::{relay::RelayStatus, store::Workload};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper bounds of the buckets for request durations, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

/// The scope of the limit that a refused connection exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// The connections of the process.
    Process,
    /// The connections of one address.
    Address,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: &'static str,
}

type Durations = Family<DurationLabels, Histogram, fn() -> Histogram>;

/// The metrics of one process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Durations,
    open_streams: Gauge,
    open_connections: Gauge,
    refused_connections: Family<LimitLabel, Counter>,
    tasks: Family<StatusLabel, Gauge>,
    oldest_wait: Gauge<f64, AtomicU64>,
    workers: Gauge,
    relay: RelayMetrics,
}

/// The metrics of the relay.
#[derive(Clone, Debug, Default)]
struct RelayMetrics {
    connected: Gauge,
    subscriber_connected: Gauge,
    publisher_connected: Gauge,
    pending_subscriptions: Gauge,
    dropped_hints: Counter,
    dropped_texts: Counter,
    lagged_signals: Counter,
    rejected_messages: Counter,
}

impl RelayMetrics {
    fn register(&self, registry: &mut Registry) {
        for (name, help, gauge) in [
            ("relay_connected", "Whether the relay is connected in both directions", &self.connected),
            ("relay_subscriber_connected", "Whether the relay's subscriber is connected", &self.subscriber_connected),
            ("relay_publisher_connected", "Whether the relay's publisher is connected", &self.publisher_connected),
            (
                "relay_pending_subscriptions",
                "Users with open streams whose channel is not subscribed",
                &self.pending_subscriptions,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, counter) in [
            (
                "relay_dropped_hints",
                "Hints not delivered within a second; other processes found the change by polling",
                &self.dropped_hints,
            ),
            ("relay_dropped_texts", "Chunks of live text that were not delivered", &self.dropped_texts),
            (
                "relay_lagged_signals",
                "Relay signals missed by a receiver of this api that lagged",
                &self.lagged_signals,
            ),
            (
                "relay_rejected_messages",
                "Relay messages rejected because their signature was missing or invalid",
                &self.rejected_messages,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    fn set(&self, status: &RelayStatus) {
        self.connected.set(status.overall().is_connected().into());
        self.subscriber_connected.set(status.subscriber.is_connected().into());
        self.publisher_connected.set(status.publisher.is_connected().into());
        self.pending_subscriptions.set(i64::try_from(status.pending_subscriptions).unwrap_or(i64::MAX));
        for (counter, count) in [
            (&self.dropped_hints, status.dropped_hints),
            (&self.dropped_texts, status.dropped_texts),
            (&self.lagged_signals, status.lagged_signals),
            (&self.rejected_messages, status.rejected_messages),
        ] {
            // The relay keeps the count; a counter cannot be set otherwise.
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let durations: Durations = Family::new_with_constructor(|| Histogram::new(SECONDS));
        let mut registry = Registry::with_prefix("banter");
        let mut metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            durations,
            open_streams: Gauge::default(),
            open_connections: Gauge::default(),
            refused_connections: Family::default(),
            tasks: Family::default(),
            oldest_wait: Gauge::default(),
            workers: Gauge::default(),
            relay: RelayMetrics::default(),
        };
        registry.register("http_requests", "HTTP requests by method, route, and status", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time to the response headers, including `wait`",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("open_streams", "Open event streams", metrics.open_streams.clone());
        registry.register("open_connections", "Open client connections", metrics.open_connections.clone());
        registry.register(
            "refused_connections",
            "Connections refused because a limit was reached",
            metrics.refused_connections.clone(),
        );
        registry.register("tasks", "Unfinished tasks in the installation, by status", metrics.tasks.clone());
        registry.register_with_unit(
            "oldest_task_wait",
            "Time that the oldest task ready to run has waited",
            Unit::Seconds,
            metrics.oldest_wait.clone(),
        );
        registry.register("workers", "Live workers in the installation", metrics.workers.clone());
        metrics.relay.register(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }
}

impl Metrics {
    /// Counts a request. `route` is the pattern that its path matched; `None` for the page and for unknown paths.
    pub fn count_request(&self, method: &Method, route: Option<&str>, status: StatusCode, elapsed: Duration) {
        let (method, route) = (method_label(method), route.unwrap_or("other").to_owned());
        self.durations.get_or_create(&DurationLabels { method, route: route.clone() }).observe(elapsed.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status: status.as_u16() }).inc();
    }

    /// Counts a stream as open until the result is dropped.
    #[must_use]
    pub fn open_stream(&self) -> OpenStream {
        self.open_streams.inc();
        OpenStream(self.open_streams.clone())
    }

    /// Counts a connection as open until the result is dropped.
    #[must_use]
    pub fn open_connection(&self) -> OpenConnection {
        self.open_connections.inc();
        OpenConnection(self.open_connections.clone())
    }

    /// Counts a connection that was refused.
    pub fn refuse_connection(&self, by: LimitScope) {
        let limit = match by {
            LimitScope::Process => "process",
            LimitScope::Address => "address",
        };
        self.refused_connections.get_or_create(&LimitLabel { limit }).inc();
    }

    /// Encodes all metrics as text.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub fn render(&self, workload: &Workload, relay: &RelayStatus) -> Result<String, fmt::Error> {
        for (status, count) in [("queued", workload.queued), ("running", workload.running)] {
            self.tasks.get_or_create(&StatusLabel { status }).set(count);
        }
        self.oldest_wait.set(workload.oldest_wait.as_secs_f64());
        self.workers.set(workload.workers);
        self.relay.set(relay);
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.registry)?;
        Ok(rendered)
    }
}

/// An open stream, counted until it is dropped.
#[derive(Debug)]
pub struct OpenStream(Gauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// An open connection, counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Returns the name of a method, or `other` for a nonstandard one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::relay::LinkState;

    use super::*;

    #[test]
    fn renders_the_recorded_values() {
        let metrics = Metrics::default();
        let (first, _second) = (metrics.open_stream(), metrics.open_stream());
        drop(first);
        let _connection = metrics.open_connection();
        metrics.refuse_connection(LimitScope::Address);
        let made_up = Method::from_bytes(b"ANYTHING").unwrap();
        metrics.count_request(&Method::GET, Some("/v1/chat/{id}"), StatusCode::OK, Duration::from_millis(2));
        metrics.count_request(&made_up, None, StatusCode::METHOD_NOT_ALLOWED, Duration::ZERO);

        let workload = Workload { queued: 3, running: 2, oldest_wait: Duration::from_millis(1500), workers: 4 };
        let relay = RelayStatus {
            subscriber: LinkState::Connected,
            publisher: LinkState::Denied,
            pending_subscriptions: 5,
            dropped_hints: 6,
            dropped_texts: 7,
            lagged_signals: 8,
            rejected_messages: 9,
        };
        let text = metrics.render(&workload, &relay).unwrap();

        for line in [
            "banter_http_requests_total{method=\"GET\",route=\"/v1/chat/{id}\",status=\"200\"} 1",
            "banter_http_requests_total{method=\"other\",route=\"other\",status=\"405\"} 1",
            "banter_http_request_duration_seconds_bucket{le=\"0.0025\",method=\"GET\",route=\"/v1/chat/{id}\"} 1",
            "banter_open_streams 1",
            "banter_open_connections 1",
            "banter_refused_connections_total{limit=\"address\"} 1",
            "banter_tasks{status=\"queued\"} 3",
            "banter_tasks{status=\"running\"} 2",
            "banter_oldest_task_wait_seconds 1.5",
            "banter_workers 4",
            "banter_relay_connected 0",
            "banter_relay_subscriber_connected 1",
            "banter_relay_publisher_connected 0",
            "banter_relay_pending_subscriptions 5",
            "banter_relay_dropped_hints_total 6",
            "banter_relay_dropped_texts_total 7",
            "banter_relay_lagged_signals_total 8",
            "banter_relay_rejected_messages_total 9",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
