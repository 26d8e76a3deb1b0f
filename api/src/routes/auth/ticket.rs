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

/// A ticket for streams.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamTicket {
    /// What `?token=` takes.
    pub token: String,
    /// Until when it opens streams, any number of them. They stay open after that.
    pub expires_at: Timestamp,
}

/// Makes a ticket that opens streams.
#[utoipa::path(
    post,
    path = "/v1/auth/sse-token",
    operation_id = "createStreamTicket",
    tag = "auth",
    summary = "Make a ticket that opens streams",
    description = "For a browser on another origin, whose `EventSource` can send neither key nor cookie: `?token=` of \
                   the two event streams takes it for 60 seconds, on every api. It ends with the key.",
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
