//! `PUT /v1/chat/{id}/draft`

use axum::{Json, extract::State};
use banter_shared::{
    chat::{Draft, DraftText, Principal},
    store::DraftChange,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Code},
    extract::{JsonBody, OwnedSession, WriteAccess},
    openapi::{AnyProblem, BodyProblem, DraftProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// A new draft.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutDraft {
    /// The text: at most 256 KiB of UTF-8; may be empty.
    pub text: String,
    /// The revision that the text is based on; 0 if there was no draft.
    pub revision: i64,
}

/// Replaces the draft of a session.
#[utoipa::path(
    put,
    path = "/v1/chat/{id}/draft",
    operation_id = "putDraft",
    tag = "sessions",
    summary = "Replace the draft of a session",
    description = "Replaces the draft unless another device has changed it since the given revision. The user's \
                   streams receive the new draft as `session.draft`.",
    params(SessionPath),
    request_body = PutDraft,
    responses(
        (status = 200, description = "The new draft.", body = Draft),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        DraftProblem,
    ),
)]
pub async fn put(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    _: WriteAccess,
    JsonBody(body): JsonBody<PutDraft>,
) -> Result<Json<Draft>, ApiError> {
    let text = DraftText::parse(body.text).map_err(|error| ApiError::invalid("text", error.to_string()))?;
    match state.announce(state.store.write_draft(&principal.user, id, &text, body.revision).await?) {
        DraftChange::Stored(draft) => Ok(Json(draft)),
        DraftChange::Conflict(draft) => {
            let detail = "Another device has changed the draft. Merge the texts, and send the new revision.";
            Err(ApiError::new(Code::DraftConflict, detail).with_draft(draft))
        }
    }
}
