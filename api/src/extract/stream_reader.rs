//! Authentication for event streams.

use axum::{extract::FromRequestParts, http::request::Parts};
use banter_shared::chat::Principal;
use serde::Deserialize;
use utoipa::IntoParams;

use super::QueryParams;
use crate::{
    access::Keyless,
    error::{ApiError, Code},
    state::AppState,
};

/// The query parameters for opening an event stream.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// A cursor: an `as_of`, or the last `id` received.
    pub after: Option<String>,
    /// A ticket from `POST /v1/auth/sse-token`, instead of a key.
    token: Option<String>,
}

/// The principal who opens a stream. A ticket in the URL (`?token=`) is also accepted, because a browser's
/// `EventSource` cannot send an `Authorization` header.
#[derive(Clone, Debug)]
pub struct StreamReader(pub Principal);

impl FromRequestParts<AppState> for StreamReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let is_keyless = parts.extensions.get::<Keyless>().is_some();
        let QueryParams(query) = QueryParams::<StreamQuery>::from_request_parts(parts, state).await?;
        let Some(token) = query.token.filter(|_| !is_keyless) else {
            return Ok(Self(Principal::from_request_parts(parts, state).await?));
        };
        let found = state.store.authenticate_ticket(&token).await?;
        let principal = found
            .ok_or_else(|| ApiError::new(Code::Unauthorized, "The ticket is invalid or expired. Request a new one."))?;
        // Extractors that run later reuse this principal.
        parts.extensions.insert(principal.clone());
        Ok(Self(principal))
    }
}
