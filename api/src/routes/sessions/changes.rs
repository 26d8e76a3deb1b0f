//! `GET /v1/chat/{id}/changes`

use axum::{Json, extract::State};
use banter_shared::chat::{ChangedFile, Principal};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams, WholeNumber},
    openapi::{AnyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Which changes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// The number of the turn; the whole session if omitted.
    #[param(value_type = Option<i64>, minimum = 1)]
    turn: Option<WholeNumber<i64, 1, { i64::MAX }>>,
}

/// The files that the agent has changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeList {
    /// The files in the order of their paths, at most 2,000.
    pub files: Vec<ChangedFile>,
}

/// Lists the files that the agent has changed.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/changes",
    operation_id = "listChanges",
    tag = "sessions",
    summary = "List changed files",
    description = "Lists the files in the session's folder that changed during a turn, or since the start of the session. Files \
                   that git ignores are not listed.",
    params(SessionPath, ChangesQuery),
    responses((status = 200, description = "The changed files.", body = ChangeList), AnyProblem, NotFoundProblem),
)]
pub async fn changes(
    State(state): State<AppState>,
    _: Principal,
    OwnedSession { id, .. }: OwnedSession,
    QueryParams(query): QueryParams<ChangesQuery>,
) -> Result<Json<ChangeList>, ApiError> {
    let turn = query.turn.map(|WholeNumber(turn)| turn);

    Ok(Json(ChangeList { files: state.store.list_changes(id, turn).await? }))
}
