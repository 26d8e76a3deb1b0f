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

/// A response that confirms that the process is ready to serve requests.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// Always `ready`; a process that is not ready responds with 503.
    pub status: &'static str,
    /// The state of each component. `server` and `store` are `ok`. `relay_subscriber` and `relay_publisher` are `ok`,
    /// `away` (not connected), `denied` (Redis rejects the credentials or a permission is missing), or `polling` (the
    /// wake-up file cannot be watched). `relay` is the state of the subscriber if that is `away` or `denied`, and
    /// otherwise the state of the publisher. The relay does not affect readiness: without it, the database is polled
    /// for changes once a second.
    pub checks: BTreeMap<&'static str, &'static str>,
    /// Relay statistics for this process.
    pub relay: RelayReport,
}

/// Relay statistics for this process.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelayReport {
    /// The number of users with an open stream but no channel subscription in this process yet.
    pub pending_subscriptions: usize,
    /// The number of hints (change notifications) that were not delivered within a second; other processes found the
    /// changes by polling.
    pub dropped_hints: u64,
    /// The number of pieces of live text that were not delivered; streams read the stored text instead.
    pub dropped_texts: u64,
    /// The number of relay signals that a receiver in this process missed because it lagged.
    pub lagged_signals: u64,
    /// The number of messages rejected because their signature was missing or invalid.
    pub rejected_messages: u64,
}

/// Checks whether requests can be served; if not, returns the components that are not ready.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = "system",
    summary = "Check readiness",
    security(()),
    responses(
        (status = 200, description = "The process is ready.", body = Ready),
        NotReadyProblem,
    ),
)]
pub async fn ready(State(state): State<AppState>) -> Result<Json<Ready>, ApiError> {
    let mut problems = Vec::new();
    if state.shutdown.soft().is_cancelled() {
        problems.push(FieldError { field: "server".into(), message: "is shutting down".into() });
    }
    let store = state.store.check_ready().await;
    if let Err(error) = &store {
        problems.push(FieldError { field: "store".into(), message: store_problem(error).into() });
    }
    if problems.is_empty() {
        return Ok(Json(report(&state.relay.status())));
    }
    let names: Vec<_> = problems.iter().map(|error| error.field.as_str()).collect();
    let error = ApiError::new(Code::NotReady, format!("Not ready: {}.", names.join(", "))).with_errors(problems);
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

/// Describes what is wrong with the store.
fn store_problem(error: &StoreError) -> &'static str {
    match error {
        StoreError::Busy => "is locked",
        StoreError::DiskFull => "has no disk space left",
        StoreError::Unwritable(_) => "is not writable",
        StoreError::Unavailable(_) => "is unavailable",
        StoreError::Database(_)
        | StoreError::Corrupt(_)
        | StoreError::NotFound
        | StoreError::SessionArchived
        | StoreError::AgentBusy
        | StoreError::TaskRunning
        | StoreError::NothingToFork
        | StoreError::QueueFull
        | StoreError::TaskNotQueued
        | StoreError::TaskEnded
        | StoreError::TaskNotEnded
        | StoreError::TaskSucceeded
        | StoreError::InactiveBranch
        | StoreError::EmptyMessage
        | StoreError::UnknownVersion { .. }
        | StoreError::PermissionAnswered
        | StoreError::PermissionExpired
        | StoreError::PermissionOptionUnknown { .. }
        | StoreError::PermissionOptionRequired { .. }
        | StoreError::UnknownAttachment { .. }
        | StoreError::AttachmentUnsupported { .. }
        | StoreError::AttachmentSent
        | StoreError::UploadExpired
        | StoreError::StorageLimit { .. }
        | StoreError::IdempotencyMismatch
        | StoreError::MessageGone
        | StoreError::LeaseLost => "returned an error",
    }
}
