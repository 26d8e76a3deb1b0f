//! An OpenTelemetry collector that keeps the spans that it receives through OTLP over HTTP, and can reject exports.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};
use prost::Message as _;
use tokio::{net::TcpListener, task::AbortHandle};

use crate::wait::eventually;

/// A received span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The service that sent the span.
    pub service: String,
    /// The name of the operation.
    pub name: String,
    /// The span kind as a number in OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// The trace ID, in hexadecimal.
    pub trace_id: String,
    /// The span ID, in hexadecimal.
    pub id: String,
    /// The ID of the parent span, in hexadecimal; empty if there is no parent.
    pub parent_id: String,
    /// The start time, as time since the Unix epoch.
    pub started_at: Duration,
    /// The end time, as time since the Unix epoch.
    pub ended_at: Duration,
    /// The attributes, with their values as text.
    pub attributes: BTreeMap<String, String>,
}

/// A running collector. Dropping it closes the port.
#[derive(Debug)]
pub struct Collector {
    address: String,
    state: Arc<State>,
    server: AbortHandle,
}

#[derive(Debug, Default)]
struct State {
    spans: Mutex<Vec<Span>>,
    /// The number of rejected requests, by service.
    rejected: Mutex<BTreeMap<String, usize>>,
    is_rejecting: AtomicBool,
}

impl State {
    fn receive(&self, body: Bytes) -> StatusCode {
        let spans = decode(ExportTraceServiceRequest::decode(body).expect("a valid export"));
        if self.is_rejecting.load(Ordering::Relaxed) {
            let service = spans.first().expect("an export contains spans").service.clone();
            *self.rejected.lock().unwrap().entry(service).or_default() += 1;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        self.spans.lock().unwrap().extend(spans);
        StatusCode::OK
    }
}

impl Collector {
    /// Starts a collector on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let receiver = Arc::clone(&state);
        let receive = async move |body: Bytes| receiver.receive(body);
        let router = Router::new().route("/v1/traces", post(receive));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state, server: server.abort_handle() }
    }

    /// Returns the value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the spans received so far.
    pub fn spans(&self) -> Vec<Span> {
        self.state.spans.lock().unwrap().clone()
    }

    /// Sets whether exports are rejected with the status 503. Initially, exports are accepted.
    pub fn reject(&self, is_rejecting: bool) {
        self.state.is_rejecting.store(is_rejecting, Ordering::Relaxed);
    }

    /// Returns how many exports of a service have been rejected.
    pub fn rejected(&self, service: &str) -> usize {
        self.state.rejected.lock().unwrap().get(service).copied().unwrap_or_default()
    }

    /// Waits for a span and returns it.
    pub async fn wait_for(&self, what: &str, is_wanted: impl Fn(&Span) -> bool) -> Span {
        eventually(what, async || self.spans().into_iter().find(&is_wanted)).await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn decode(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource in request.resource_spans {
        let described = attributes(resource.resource.map(|resource| resource.attributes).unwrap_or_default());
        let service = described.get("service.name").cloned().unwrap_or_default();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                service: service.clone(),
                name: span.name,
                kind: span.kind,
                trace_id: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent_id: hex(&span.parent_span_id),
                started_at: Duration::from_nanos(span.start_time_unix_nano),
                ended_at: Duration::from_nanos(span.end_time_unix_nano),
                attributes: attributes(span.attributes),
            });
        }
    }
    spans
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        other => format!("{other:?}"),
    };
    let pair = |pair: KeyValue| Some((pair.key, text(pair.value?.value?)));
    pairs.into_iter().filter_map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
