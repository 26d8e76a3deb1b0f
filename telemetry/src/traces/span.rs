//! Operations on spans, all of which do nothing while traces are disabled.

use std::collections::HashMap;

use banter_shared::chat::TraceParent;
use opentelemetry::{
    Context, Value,
    propagation::TextMapPropagator as _,
    trace::{Status, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::is_enabled;

/// The header of W3C Trace Context (<https://www.w3.org/TR/trace-context/>).
const TRACE_PARENT: &str = "traceparent";

/// Operations on a span's trace.
pub trait TraceSpan {
    /// Continues a trace that began elsewhere. An invalid context is ignored. Must be called before the span is
    /// entered.
    fn continue_trace(&self, parent: Option<&str>);

    /// Renames the span in the trace. If both are used, [`continue_trace`](Self::continue_trace) must be called first.
    fn rename(&self, name: String);

    /// Adds an attribute to the span in the trace.
    fn add_attribute(&self, key: &'static str, value: impl Into<Value>);

    /// Marks the span as failed in the trace.
    fn mark_failed(&self, reason: &'static str);
}

impl TraceSpan for Span {
    fn continue_trace(&self, parent: Option<&str>) {
        let Some(parent) = parent.filter(|_| is_enabled()) else { return };
        let headers = HashMap::from([(TRACE_PARENT.to_owned(), parent.to_owned())]);
        let context = TraceContextPropagator::new().extract(&headers);
        if context.span().span_context().is_valid() {
            // This fails if the span is disabled or has already been entered.
            let _ = self.set_parent(context);
        }
    }

    fn rename(&self, name: String) {
        if is_enabled() {
            self.context().span().update_name(name);
        }
    }

    fn add_attribute(&self, key: &'static str, value: impl Into<Value>) {
        if is_enabled() {
            self.set_attribute(key, value);
        }
    }

    fn mark_failed(&self, reason: &'static str) {
        if is_enabled() {
            self.set_status(Status::error(reason));
        }
    }
}

/// Returns the current span as the parent for work in another process; `None` if there is no valid span or if traces
/// are disabled.
#[must_use]
pub fn current_trace_parent() -> Option<TraceParent> {
    if !is_enabled() {
        return None;
    }
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
    headers.remove(TRACE_PARENT).map(TraceParent::new)
}

/// Returns the ID of the trace to which the current span belongs.
pub(crate) fn current_trace_id() -> Option<String> {
    if !is_enabled() {
        return None;
    }
    Context::map_current(|context| {
        let span = context.span();
        let span_context = span.span_context();
        span_context.is_valid().then(|| span_context.trace_id().to_string())
    })
}
