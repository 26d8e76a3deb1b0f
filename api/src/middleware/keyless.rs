//! Keyless mode. Until the first key is created, everyone who can connect to the loopback address is treated as the
//! local user.
//!
//! Web pages in the user's browser can connect as well, so requests from pages of other origins are rejected, except
//! when the user follows a link to the dashboard.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::origin::{self, RequestOrigin};
use crate::{access::Keyless, error::ApiError, state::AppState};

/// In keyless mode, marks each request as requiring no key, and rejects requests that may come from a foreign page or a
/// proxy.
pub async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    match state.access.is_keyless(&state.store).await {
        Ok(false) => {}
        Ok(true) => {
            if let Err(refused) = origin::check(&RequestOrigin::of(request.method(), request.uri(), request.headers()))
            {
                return ApiError::from(refused).into_response();
            }
            request.extensions_mut().insert(Keyless);
        }
        Err(error) if origin::is_api(request.uri().path()) => return ApiError::from(error).into_response(),
        // Paths outside the API never require a key.
        Err(error) => tracing::warn!(%error, "cannot check for API keys"),
    }
    next.run(request).await
}
