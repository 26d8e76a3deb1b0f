//! Revises users' messages. The new version becomes part of the transcript instead of the earlier one and all turns
//! after it, which remain as another branch.

use std::collections::HashMap;

use super::{
    Change, IdempotencyKey, SentMessage, Store, StoreError,
    attachments::{copy_attachment, take_unsent},
    branches::{read_tree, set_next, set_path},
    database_driver::Connection,
    rows,
    sends::{Outgoing, RevisedTurn, SendState, sent},
};
use crate::{
    chat::{AcceptedFiles, Attachment, Content, Message, OnBusy, Role, TraceParent, UserRef},
    clock::Timestamp,
    id::{AttachmentId, MessageId, SessionId},
};

/// A new version of a message.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The text; `None` to keep it.
    pub content: Option<Content>,
    /// The attachments, in their order: new ones, and those of the message to keep. `None` to keep all.
    pub attachments: Option<Vec<AttachmentId>>,
    /// Which attachments the session's agent accepts.
    pub accepted: AcceptedFiles,
    /// The maximum number of attempts for the task.
    pub max_attempts: i64,
    /// The client's idempotency key, if any.
    pub key: Option<IdempotencyKey>,
    /// The trace of the request, if that trace is recorded.
    pub trace_parent: Option<TraceParent>,
}

impl Store {
    /// Stores a new version of a user's message, with its task and the events. The message may be on any branch: the
    /// turns before it become current too. If the idempotency key was already used for the same request, returns the
    /// message that was stored then.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], [`StoreError::TaskRunning`] if a task of the session is queued or running,
    /// [`StoreError::EmptyMessage`], or another error in the same cases as [`Store::post_message`].
    pub async fn revise_message(
        &self,
        user: &UserRef,
        session_id: SessionId,
        message_id: MessageId,
        revision: &Revision,
    ) -> Result<Change<SentMessage>, StoreError> {
        let key = revision.key.as_ref();
        self.read_and_write_for(user, async |tx| {
            let state = SendState::read(tx, user, session_id, key, self.inner.clock.now()).await?;
            let now = self.inner.clock.now();
            if let Some(id) = state.find_sent(key)? {
                let message = rows::find_any_message(tx, id).await?.ok_or(StoreError::MessageGone)?;
                return Ok(Change::nothing(sent(message)?));
            }
            let revised = find_user_message(tx, session_id, message_id).await?;
            if state.is_busy() {
                return Err(StoreError::TaskRunning);
            }
            state.check(OnBusy::Queue)?;
            let content = match &revision.content {
                Some(content) => content.as_str().to_owned(),
                None => revised.content.clone(),
            };
            let attachments = choose_attachments(tx, user, &revised, revision, now).await?;
            if content.trim().is_empty() && attachments.is_empty() {
                return Err(StoreError::EmptyMessage);
            }
            let tree = read_tree(tx, session_id).await?;
            let node = tree
                .get(revised.turn)
                .ok_or_else(|| StoreError::Corrupt(format!("message {message_id} has no task")))?;
            let path = node.parent.map(|parent| tree.path_to(parent)).unwrap_or_default();
            set_path(tx, user, session_id, &tree, &path, now).await?;
            if let Some(parent) = node.parent.and_then(|parent| tree.get(parent)).filter(|parent| parent.next.is_some())
            {
                set_next(tx, session_id, parent.turn, None).await?;
            }
            let versions = i64::try_from(tree.versions(revised.turn).len()).unwrap_or(i64::MAX - 1) + 1;
            let message = Outgoing {
                content,
                attachments,
                revised: Some(RevisedTurn { first_version: node.first_version(), versions }),
                on_busy: OnBusy::Queue,
                max_attempts: revision.max_attempts,
                key,
                trace_parent: revision.trace_parent.as_ref(),
            };
            message.store(tx, user, session_id, &state, now).await
        })
        .await
    }
}

/// Returns a user's message on any branch of a session, given its ID or that of its answer.
async fn find_user_message(tx: &mut Connection, session_id: SessionId, id: MessageId) -> Result<Message, StoreError> {
    let found = rows::find_any_message(tx, id).await?.filter(|message| message.chat_session_id == session_id);
    let message = found.ok_or(StoreError::NotFound)?;
    if message.role == Role::User {
        return Ok(message);
    }
    let query = sqlx::query_scalar("SELECT user_message_id FROM agent_task WHERE id = $1");
    let id: MessageId = query.bind(message.task_id).fetch_one(&mut *tx).await?;
    rows::find_any_message(tx, id).await?.ok_or(StoreError::NotFound)
}

/// Returns the attachments of the new version. Those that it keeps are copied, because each attachment is part of one
/// message.
async fn choose_attachments(
    tx: &mut Connection,
    user: &UserRef,
    revised: &Message,
    revision: &Revision,
    now: Timestamp,
) -> Result<Vec<Attachment>, StoreError> {
    let earlier: HashMap<AttachmentId, &Attachment> =
        revised.attachments.iter().map(|attachment| (attachment.id, attachment)).collect();
    let kept: Vec<AttachmentId> = revised.attachments.iter().map(|attachment| attachment.id).collect();
    let mut chosen = Vec::new();
    for (index, id) in revision.attachments.as_ref().unwrap_or(&kept).iter().enumerate() {
        if chosen.iter().any(|(source, _)| source == id) {
            return Err(StoreError::UnknownAttachment { index });
        }
        let attachment = match earlier.get(id) {
            Some(attachment) if !revision.accepted.include(attachment) => {
                return Err(StoreError::AttachmentUnsupported { index, name: attachment.name.clone() });
            }
            Some(attachment) => copy_attachment(tx, attachment, None, now).await?,
            None => take_unsent(tx, user, std::slice::from_ref(id), revision.accepted)
                .await
                .map_err(|error| at_index(error, index))?
                .pop()
                .ok_or(StoreError::UnknownAttachment { index })?,
        };
        chosen.push((*id, attachment));
    }
    Ok(chosen.into_iter().map(|(_, attachment)| attachment).collect())
}

/// Returns an error about the only attachment of a list as one about the attachment at a position.
fn at_index(error: StoreError, index: usize) -> StoreError {
    match error {
        StoreError::UnknownAttachment { .. } => StoreError::UnknownAttachment { index },
        StoreError::AttachmentUnsupported { name, .. } => StoreError::AttachmentUnsupported { index, name },
        other => other,
    }
}
