//! `GET /readyz`

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use banter_shared::{relay::RelayStatus, store::StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Code, FieldError},
    openapi::NotReadyProblem,
    state::AppState,
};

/// Every part that is needed works.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// Always `ready`: anything else is a 503.
    pub status: &'static str,
    /// The parts that were checked. `server` and `store` are `ok`. `relay_subscriber` (changes of other processes arrive)
    /// and `relay_publisher` (changes of this process are announced) are `ok`, `away` (not connected), `denied` (Redis
    /// rejects the credentials or a permission is missing), or `polling` (the wake-up file cannot be watched); `relay` is
    /// the worse one. Without the relay, everything still happens, up to two seconds later: no reason to send requests
    /// elsewhere.
    pub checks: BTreeMap<&'static str, &'static str>,
    /// What the relay has lost since this process started.
    pub relay: RelayReport,
}

/// What the relay has lost since this process started.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelayReport {
    /// Users with an open stream whose channel is not subscribed yet.
    pub pending_subscriptions: usize,
    /// Hints that were not delivered within a second: other processes found the change by polling.
    pub dropped_hints: u64,
    /// Pieces of live text that were not delivered: streams read the stored text instead.
    pub dropped_texts: u64,
    /// Signals that a part of this process missed because it lagged.
    pub lagged_signals: u64,
    /// Received messages that this installation has not signed.
    pub rejected_messages: u64,
}

/// Tells whether requests can be served, and if not, which part is at fault.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = "system",
    summary = "Tell whether requests can be served",
    security(()),
    responses(
        (status = 200, description = "They can.", body = Ready),
        NotReadyProblem,
    ),
)]
pub async fn ready(State(state): State<AppState>) -> Result<Json<Ready>, ApiError> {
    let mut at_fault = Vec::new();
    if state.shutdown.soft().is_cancelled() {
        at_fault.push(FieldError { field: "server".into(), message: "is about to stop".into() });
    }
    let store = state.store.check_ready().await;
    if let Err(error) = &store {
        at_fault.push(FieldError { field: "store".into(), message: store_fault(error).into() });
    }
    if at_fault.is_empty() {
        return Ok(Json(report(&state.relay.status())));
    }
    let names: Vec<_> = at_fault.iter().map(|error| error.field.as_str()).collect();
    let error = ApiError::new(Code::NotReady, format!("Not ready: {}.", names.join(", "))).with_errors(at_fault);
    Err(match store {
        Ok(()) => error,
        Err(source) => error.caused_by(source),
    })
}

fn report(relay: &RelayStatus) -> Ready {
    let checks = BTreeMap::from([
        ("relay", relay.overall().as_str()),
        ("relay_publisher", relay.publisher.as_str()),
        ("relay_subscriber", relay.subscriber.as_str()),
        ("server", "ok"),
        ("store", "ok"),
    ]);
    let RelayStatus { pending_subscriptions, dropped_hints, dropped_texts, lagged_signals, rejected_messages, .. } =
        *relay;
    let relay = RelayReport { pending_subscriptions, dropped_hints, dropped_texts, lagged_signals, rejected_messages };
    Ready { status: "ready", checks, relay }
}

/// Says what is wrong with the store.
fn store_fault(error: &StoreError) -> &'static str {
    match error {
        StoreError::Busy => "is locked",
        StoreError::DiskFull => "has no disk space left",
        StoreError::Unwritable(_) => "cannot be written",
        StoreError::Database(_)
        | StoreError::Corrupt(_)
        | StoreError::Queue(_)
        | StoreError::NotFound
        | StoreError::SessionArchived
        | StoreError::AgentBusy
        | StoreError::QueueFull
        | StoreError::TaskNotQueued
        | StoreError::TaskEnded
        | StoreError::TaskNotEnded
        | StoreError::TaskSucceeded
        | StoreError::PermissionAnswered
        | StoreError::PermissionExpired
        | StoreError::PermissionOptionUnknown { .. }
        | StoreError::PermissionOptionRequired { .. }
        | StoreError::IdempotencyMismatch
        | StoreError::MessageGone
        | StoreError::LeaseLost => "does not answer",
    }
}
