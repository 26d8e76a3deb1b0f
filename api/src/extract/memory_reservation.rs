//! The extractor that reserves memory for a response.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{error::ApiError, response_memory::MemoryReservation, server::Activity, state::AppState};

impl FromRequestParts<AppState> for MemoryReservation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        state.response_memory.reserve(parts.extensions.get::<Arc<Activity>>().cloned()).await
    }
}
