//! `GET /readyz`

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use banter_shared::store::StoreError;
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
    /// The parts that were looked at: `ok` each, but for a `relay` that may be `away`. Without it everything still
    /// happens, up to two seconds later: no reason to send requests elsewhere.
    pub checks: BTreeMap<&'static str, &'static str>,
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
        let relay = if state.relay.is_connected() { "ok" } else { "away" };
        let checks = BTreeMap::from([("relay", relay), ("server", "ok"), ("store", "ok")]);
        return Ok(Json(Ready { status: "ready", checks }));
    }
    let names: Vec<_> = at_fault.iter().map(|error| error.field.as_str()).collect();
    let error = ApiError::new(Code::NotReady, format!("Not ready: {}.", names.join(", "))).with_errors(at_fault);
    Err(match store {
        Ok(()) => error,
        Err(source) => error.caused_by(source),
    })
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
        | StoreError::IdempotencyMismatch
        | StoreError::MessageGone
        | StoreError::LeaseLost => "does not answer",
    }
}
