//! Completes every request that has started, even if the client disconnects.
//!
//! hyper may drop a handler at any await point when the client disconnects. Each handler therefore runs in its own
//! task, and a shutdown waits for these tasks. A handler that is waiting for an outcome stops waiting when
//! [`ClientDisconnect`] is cancelled.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{error::ApiError, state::AppState};

/// A token that is cancelled when the client disconnects.
#[derive(Clone, Debug, Default)]
pub struct ClientDisconnect(pub CancellationToken);

/// Runs the rest of the request in its own task.
pub async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let disconnect = ClientDisconnect::default();
    request.extensions_mut().insert(disconnect.clone());
    let _cancels_when_dropped = disconnect.0.drop_guard();
    match state.shutdown.tasks().spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => ApiError::internal(error).into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for ClientDisconnect {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
