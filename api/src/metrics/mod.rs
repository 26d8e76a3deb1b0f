//! Metrics in the `OpenMetrics` text format (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
//!
//! Clients cannot choose label values, so the number of series is bounded. No label identifies a user.

mod gauge_guard;
mod labels;
mod relay;
mod turn_times;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use banter_shared::{chat::TurnTimes, relay::RelayStatus, store::Workload};
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

pub use gauge_guard::GaugeGuard;
pub use labels::LimitScope;

use labels::{DurationLabels, LimitLabel, RequestLabels, StatusLabel, method_label};
use relay::RelayMetrics;
use turn_times::TurnTimeMetrics;

/// Upper bounds of the request duration buckets, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

type Durations = Family<DurationLabels, Histogram, fn() -> Histogram>;

/// The metrics that a process reports. Cheap to clone.
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
    turn_times: TurnTimeMetrics,
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
            turn_times: TurnTimeMetrics::default(),
        };
        registry.register("http_requests", "HTTP requests by method, route, and status", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time until the response headers are sent, including time spent waiting for an answer (`wait`)",
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
            "How long the oldest ready task has been waiting",
            Unit::Seconds,
            metrics.oldest_wait.clone(),
        );
        registry.register("workers", "Live workers in the installation", metrics.workers.clone());
        metrics.turn_times.register(&mut registry);
        metrics.relay.register(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }
}

impl Metrics {
    /// Counts a request and records its duration. `route` is the pattern that the request's path matched; `None` if no
    /// route matched.
    pub fn count_request(&self, method: &Method, route: Option<&str>, status: StatusCode, elapsed: Duration) {
        let (method, route) = (method_label(method), route.unwrap_or("other").to_owned());
        self.durations.get_or_create(&DurationLabels { method, route: route.clone() }).observe(elapsed.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status: status.as_u16() }).inc();
    }

    /// Counts a stream as open until the returned guard is dropped.
    #[must_use]
    pub fn open_stream(&self) -> GaugeGuard {
        GaugeGuard::new(&self.open_streams)
    }

    /// Counts a connection as open until the returned guard is dropped.
    #[must_use]
    pub fn open_connection(&self) -> GaugeGuard {
        GaugeGuard::new(&self.open_connections)
    }

    /// Counts a connection that was refused.
    pub fn refuse_connection(&self, by: LimitScope) {
        let limit = match by {
            LimitScope::Process => "process",
            LimitScope::Address => "address",
        };
        self.refused_connections.get_or_create(&LimitLabel { limit }).inc();
    }

    /// Sets the metrics that come from the store and the relay, then encodes all metrics as text.
    ///
    /// # Errors
    /// Returns an error if a metric cannot be encoded.
    pub fn render(
        &self,
        workload: &Workload,
        turn_times: &TurnTimes,
        relay: &RelayStatus,
    ) -> Result<String, fmt::Error> {
        for (status, count) in [("queued", workload.queued), ("running", workload.running)] {
            self.tasks.get_or_create(&StatusLabel { status }).set(count);
        }
        self.oldest_wait.set(workload.oldest_wait.as_secs_f64());
        self.workers.set(workload.workers);
        self.turn_times.set(turn_times);
        self.relay.set(relay);
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.registry)?;
        Ok(rendered)
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::{
        chat::{TaskStatus, TurnCount, TurnPart},
        relay::LinkState,
    };

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
        let mut times = TurnTimes::default();
        let mut count = |part, status, upper_us, turns, total_us| {
            times.add((part, status, upper_us), TurnCount { turns, total_us });
        };
        count(TurnPart::Duration, TaskStatus::Succeeded, 50_000, 1, 30_000);
        count(TurnPart::Duration, TaskStatus::Succeeded, i64::MAX, 1, 7_200_000_000);
        // A bucket stored by a version with different bounds.
        count(TurnPart::Queued, TaskStatus::Failed, 1_500, 2, 3_000);
        let text = metrics.render(&workload, &times, &relay).unwrap();

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
            "banter_turn_duration_seconds_bucket{le=\"0.025\",status=\"succeeded\"} 0",
            "banter_turn_duration_seconds_bucket{le=\"0.05\",status=\"succeeded\"} 1",
            "banter_turn_duration_seconds_bucket{le=\"3600.0\",status=\"succeeded\"} 1",
            "banter_turn_duration_seconds_bucket{le=\"+Inf\",status=\"succeeded\"} 2",
            "banter_turn_duration_seconds_count{status=\"succeeded\"} 2",
            "banter_turn_duration_seconds_sum{status=\"succeeded\"} 7200.03",
            "banter_turn_queued_seconds_bucket{le=\"0.001\",status=\"failed\"} 0",
            "banter_turn_queued_seconds_bucket{le=\"0.0025\",status=\"failed\"} 2",
            "banter_turn_outcome_seconds_count{status=\"interrupted\"} 0",
            "banter_relay_connected 0",
            "banter_relay_subscriber_connected 1",
            "banter_relay_publisher_connected 0",
            "banter_relay_pending_subscriptions 5",
            "banter_relay_dropped_hints_total 6",
            "banter_relay_dropped_texts_total 7",
            "banter_relay_lagged_signals_total 8",
            "banter_relay_rejected_messages_total 9",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing from\n{text}");
        }
    }
}
