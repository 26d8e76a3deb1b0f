//! The spans of a turn, for traces. While traces are disabled, no span is created.

use banter_shared::{
    chat::{TaskStatus, TraceParent},
    store::Claim,
};
use banter_telemetry::traces::{self, TraceSpan as _};
use tracing::{Span, info_span};

/// Returns the span of an attempt, which continues the trace of the request that sent the message.
pub(crate) fn attempt(claim: &Claim) -> Span {
    if !traces::is_enabled() {
        return Span::none();
    }
    let Claim { task_id, attempt, agent_key, queued_for, .. } = claim;
    let span = info_span!(parent: None, "turn", %task_id, attempt, agent = agent_key, otel.kind = "consumer");
    span.continue_trace(claim.trace_parent.as_ref().map(TraceParent::as_str));
    span.add_attribute("banter.queued_seconds", queued_for.as_secs_f64());
    span
}

/// Returns the span for reading the conversation.
pub(crate) fn conversation() -> Span {
    if traces::is_enabled() { info_span!("read conversation") } else { Span::none() }
}

/// Returns the span for the agent's work.
pub(crate) fn agent() -> Span {
    if traces::is_enabled() { info_span!("agent", otel.kind = "client") } else { Span::none() }
}

/// Returns the span for storing the outcome.
pub(crate) fn outcome() -> Span {
    if traces::is_enabled() { info_span!("store outcome") } else { Span::none() }
}

/// Adds the result of an attempt to its span: the new status of the task, or `None` if the lease was lost.
pub(crate) fn end_attempt(span: &Span, status: Option<TaskStatus>) {
    span.add_attribute("banter.task_status", status.map_or("lease_lost", TaskStatus::as_str));
    match status {
        None => span.mark_failed("the lease was lost"),
        Some(TaskStatus::Failed) => span.mark_failed("the turn failed"),
        Some(TaskStatus::Queued) => span.mark_failed("the task was requeued"),
        Some(TaskStatus::Running | TaskStatus::Succeeded | TaskStatus::Cancelled | TaskStatus::Interrupted) => {}
    }
}
