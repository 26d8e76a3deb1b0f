//! `GET /v1/chat/{id}/attachments`

use axum::{Json, extract::State};
use banter_shared::{
    chat::{Attachment, Principal, Role},
    id::MessageId,
    store::SentFile,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams, WholeNumber},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Default page size, in turns with attachments.
const DEFAULT_TURNS: u32 = 50;
/// A page size, in turns with attachments.
type PageTurns = WholeNumber<u32, 1, 100>;

/// The query parameters for listing the attachments of a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Return the attachments before the turn with this number.
    #[param(value_type = Option<i64>)]
    before_turn: Option<WholeNumber<i64, 0, { i64::MAX }>>,
    /// Maximum number of turns with attachments; defaults to 50.
    #[param(inline)]
    limit: Option<PageTurns>,
}

/// A page of a session's attachments.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttachmentList {
    /// The attachments of complete turns, newest turn first.
    pub items: Vec<SessionAttachment>,
    /// Whether older turns have attachments. To list them, set `before_turn` to the `turn` of the last item.
    pub has_more: bool,
}

/// An attachment, and the message that it is part of.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionAttachment {
    /// The ID of the message.
    pub message_id: MessageId,
    /// The turn of the message.
    pub turn: i64,
    /// The role of the message: `user` for a file that the user sent, and `assistant` for one that the agent returned.
    pub role: Role,
    /// The attachment.
    pub attachment: Attachment,
}

/// Lists the attachments of a session.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/attachments",
    operation_id = "listAttachments",
    tag = "attachments",
    summary = "List the attachments of a session",
    description = "Lists the attachments of all messages on the session's current branch, newest turn first.",
    params(SessionPath, ListQuery),
    responses(
        (status = 200, description = "A page of attachments.", body = AttachmentList),
        AnyProblem,
        InvalidProblem,
        NotFoundProblem,
    ),
)]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<AttachmentList>, ApiError> {
    let before = query.before_turn.map_or(i64::MAX, |WholeNumber(turn)| turn);
    let limit = query.limit.map_or(DEFAULT_TURNS, |WholeNumber(limit)| limit);

    let page = state.store.list_session_files(&principal.user, id, before, limit).await?;

    let items = page.items.into_iter().map(SessionAttachment::from).collect();
    Ok(Json(AttachmentList { items, has_more: page.has_more }))
}

impl From<SentFile> for SessionAttachment {
    fn from(file: SentFile) -> Self {
        let SentFile { message_id, turn, role, attachment } = file;
        Self { message_id, turn, role, attachment }
    }
}
