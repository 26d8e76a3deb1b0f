//! A request once started is finished, even if its client is gone.
//!
//! hyper drops a handler whose client hangs up, wherever it is. So each runs in a task of its own, which a shutdown
//! waits for; who only waits for an outcome inside it stops waiting when [`ClientGone`] says so.

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

/// Cancelled when nobody waits for the response any more.
#[derive(Clone, Debug, Default)]
pub struct ClientGone(pub CancellationToken);

/// Runs the rest in a task of its own.
pub async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let gone = ClientGone::default();
    request.extensions_mut().insert(gone.clone());
    let _cancels_when_dropped = gone.0.drop_guard();
    match state.shutdown.tasks().spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => ApiError::internal(error).into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for ClientGone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
