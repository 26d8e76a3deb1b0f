//! What this process counts about itself, in the text format of `OpenMetrics`
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
//!
//! Guarantees: no label is taken from what a client can choose freely, so the number of series is bounded; none says
//! who did something.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use banter_shared::store::Workload;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper bounds of the buckets for the time of a request, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    status: &'static str,
}

type Durations = Family<Asked, Histogram, fn() -> Histogram>;

/// The metrics of one process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Answered, Counter>,
    durations: Durations,
    open_streams: Gauge,
    tasks: Family<OfStatus, Gauge>,
    oldest_wait: Gauge<f64, AtomicU64>,
    workers: Gauge,
    is_relay_connected: Gauge,
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
            tasks: Family::default(),
            oldest_wait: Gauge::default(),
            workers: Gauge::default(),
            is_relay_connected: Gauge::default(),
        };
        registry.register("http_requests", "Requests answered by this api", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time until the head of the answer; with wait it includes the wait",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("open_streams", "Event streams that this api serves", metrics.open_streams.clone());
        registry.register("tasks", "Tasks of the installation that have not ended", metrics.tasks.clone());
        registry.register_with_unit(
            "oldest_task_wait",
            "How long the oldest task has waited that a worker could begin",
            Unit::Seconds,
            metrics.oldest_wait.clone(),
        );
        registry.register("workers", "Workers of the installation that are thought to live", metrics.workers.clone());
        registry.register(
            "relay_connected",
            "Whether this api hears the other processes at once",
            metrics.is_relay_connected.clone(),
        );
        metrics.registry = Arc::new(registry);
        metrics
    }
}

impl Metrics {
    /// Counts a request. `route` is the pattern that its path matched; `None` for the page and for paths that are none.
    pub fn count_request(&self, method: &Method, route: Option<&str>, status: StatusCode, elapsed: Duration) {
        let (method, route) = (known(method), route.unwrap_or("other").to_owned());
        self.durations.get_or_create(&Asked { method, route: route.clone() }).observe(elapsed.as_secs_f64());
        self.requests.get_or_create(&Answered { method, route, status: status.as_u16() }).inc();
    }

    /// Counts a stream as open until the result is dropped.
    #[must_use]
    pub fn open_stream(&self) -> OpenStream {
        self.open_streams.inc();
        OpenStream(self.open_streams.clone())
    }

    /// Everything as text.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub fn render(&self, workload: &Workload, is_relay_connected: bool) -> Result<String, fmt::Error> {
        for (status, count) in [("queued", workload.queued), ("running", workload.running)] {
            self.tasks.get_or_create(&OfStatus { status }).set(count);
        }
        self.oldest_wait.set(workload.oldest_wait.as_secs_f64());
        self.workers.set(workload.workers);
        self.is_relay_connected.set(is_relay_connected.into());
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.registry)?;
        Ok(rendered)
    }
}

/// An open stream, as long as it is kept.
#[derive(Debug)]
pub struct OpenStream(Gauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The method's name; a method that clients made up is `other`.
fn known(method: &Method) -> &'static str {
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
    use super::*;

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::default();
        let (first, _second) = (metrics.open_stream(), metrics.open_stream());
        drop(first);
        let made_up = Method::from_bytes(b"ANYTHING").unwrap();
        metrics.count_request(&Method::GET, Some("/v1/chat/{id}"), StatusCode::OK, Duration::from_millis(2));
        metrics.count_request(&made_up, None, StatusCode::METHOD_NOT_ALLOWED, Duration::ZERO);

        let workload = Workload { queued: 3, running: 2, oldest_wait: Duration::from_millis(1500), workers: 4 };
        let text = metrics.render(&workload, true).unwrap();

        for line in [
            "banter_http_requests_total{method=\"GET\",route=\"/v1/chat/{id}\",status=\"200\"} 1",
            "banter_http_requests_total{method=\"other\",route=\"other\",status=\"405\"} 1",
            "banter_http_request_duration_seconds_bucket{le=\"0.0025\",method=\"GET\",route=\"/v1/chat/{id}\"} 1",
            "banter_open_streams 1",
            "banter_tasks{status=\"queued\"} 3",
            "banter_tasks{status=\"running\"} 2",
            "banter_oldest_task_wait_seconds 1.5",
            "banter_workers 4",
            "banter_relay_connected 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
