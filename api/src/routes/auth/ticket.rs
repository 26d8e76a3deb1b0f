//! `POST /v1/auth/sse-token`

use axum::{Json, extract::State, http::StatusCode};
use banter_shared::{chat::Principal, clock::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::NoBody,
    openapi::{AnyProblem, BodyProblem},
    state::AppState,
};

/// A ticket that opens event streams.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamTicket {
    /// The value for the `token` parameter.
    pub token: String,
    /// When the ticket expires. Until then, it can open any number of streams, which stay open after it expires.
    pub expires_at: Timestamp,
}

/// Creates a stream ticket.
#[utoipa::path(
    post,
    path = "/v1/auth/sse-token",
    operation_id = "createStreamTicket",
    tag = "auth",
    summary = "Create a stream ticket",
    description = "For pages on another origin, where `EventSource` can send neither a key nor a cookie. For 60 \
                   seconds, any `api` process accepts the ticket in the `token` parameter of an event stream. Revoking \
                   the key also revokes its tickets.",
    responses((status = 201, description = "The ticket.", body = StreamTicket), AnyProblem, BodyProblem),
)]
pub async fn ticket(
    State(state): State<AppState>,
    principal: Principal,
    _: NoBody,
) -> Result<(StatusCode, Json<StreamTicket>), ApiError> {
    let ticket = state.store.issue_ticket(&principal).await?;

    Ok((StatusCode::CREATED, Json(StreamTicket { token: ticket.token, expires_at: ticket.expires_at })))
}
