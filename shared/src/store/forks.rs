//! Forks sessions.

use sqlx::types::Json;

use super::{
    Change, IdempotencyKey, Store, StoreError,
    attachments::copy_attachment,
    database_driver::Connection,
    events, idempotency,
    sessions::{find_created, owned_session},
    sqlite,
};
use crate::{
    chat::{Attachment, Session, Title, UserRef},
    clock::Timestamp,
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId},
};

/// The properties of a fork.
#[derive(Clone, Debug, Default)]
pub struct NewFork {
    /// A message of the last turn to copy; `None` for the last turn that has ended.
    pub message_id: Option<MessageId>,
    /// The agent that answers in the fork; `None` for the one of the original session.
    pub agent_key: Option<String>,
    /// The title of the fork; `None` for the one of the original session.
    pub title: Option<Title>,
    /// Whether the fork's agent works in the folder of the original session. Otherwise, it has an empty one.
    pub keeps_folder: bool,
}

/// Selects the last turn of the transcript that has ended.
const FIND_LAST_ENDED: &str = "SELECT t.turn FROM agent_task t JOIN chat_message m ON m.id = t.user_message_id \
     WHERE t.chat_session_id = $1 AND t.status NOT IN ('queued', 'running') ORDER BY t.turn DESC LIMIT 1";
/// Selects the last message of turn `$2`.
const FIND_LAST_MESSAGE: &str =
    "SELECT id FROM chat_message WHERE chat_session_id = $1 AND turn = $2 ORDER BY role LIMIT 1";

/// Creates the session.
const INSERT_SESSION: &str = "INSERT INTO chat_session (id, workspace_id, agent_key, creator_id, title, title_folded, \
     title_is_manual, created_at, updated_at, last_activity_at, last_turn, last_seq, last_read_seq, \
     forked_from_session_id, forked_from_message_id, folder_key, base) \
     SELECT $2, workspace_id, COALESCE($3, agent_key), creator_id, COALESCE($4, title), COALESCE($5, title_folded), \
     CASE WHEN $4 IS NULL THEN title_is_manual WHEN $4 = '' THEN 0 ELSE 1 END, $6, $6, $6, last_turn, last_seq, last_seq, id, $7, \
     CASE WHEN $8 THEN folder_key END, CASE WHEN $8 THEN base END \
     FROM chat_session WHERE id = $1";

/// Sets the numbers of the last turn and message. All messages count as read.
const SET_POSITIONS: &str = "UPDATE chat_session SET last_turn = $2, \
     last_seq = (SELECT MAX(l.seq) FROM chat_message l WHERE l.chat_session_id = $1), \
     last_read_seq = (SELECT MAX(l.seq) FROM chat_message l WHERE l.chat_session_id = $1) WHERE id = $1";

/// Copies the tasks of the turns of the transcript up to `$3` that have ended. Their IDs, and those of their messages, are new.
const COPY_TASKS: &str = concat!(
    "INSERT INTO agent_task (id, chat_session_id, turn, user_message_id, answer_message_id, status, attempt, failures, \
     max_attempts, error_code, error_message, input_tokens, output_tokens, created_at, started_at, finished_at) SELECT ",
    sqlite::random_id!(),
    ", $2, turn, ",
    sqlite::random_id!(),
    ", ",
    sqlite::random_id!(),
    ", status, attempt, failures, max_attempts, error_code, error_message, input_tokens, output_tokens, created_at, \
     started_at, finished_at FROM agent_task \
     WHERE chat_session_id = $1 AND turn <= $3 AND status NOT IN ('queued', 'running') \
     AND EXISTS (SELECT 1 FROM chat_message m WHERE m.id = agent_task.user_message_id)"
);

/// Links the copied turns. Turns that have not ended are missing between them.
const LINK_TURNS: &str = "UPDATE agent_task SET parent_turn = (SELECT MAX(p.turn) FROM agent_task p \
     WHERE p.chat_session_id = agent_task.chat_session_id AND p.turn < agent_task.turn) WHERE chat_session_id = $1";

/// Copies the messages of the copied tasks. They have the same turns in both sessions.
const COPY_MESSAGES: &str = "INSERT INTO chat_message (id, chat_session_id, role, content, task_id, created_at, turn, \
     seq, finish_reason, elapsed_ms, input_tokens, output_tokens, edited_at, agent_key) \
     SELECT CASE m.role WHEN 'user' THEN n.user_message_id ELSE n.answer_message_id END, $2, m.role, m.content, n.id, \
     m.created_at, m.turn, m.seq, m.finish_reason, m.elapsed_ms, m.input_tokens, m.output_tokens, m.edited_at, \
     CASE m.role WHEN 'assistant' THEN COALESCE(m.agent_key, s.agent_key) END \
     FROM agent_task n JOIN chat_message m ON m.chat_session_id = $1 AND m.turn = n.turn \
     JOIN chat_session s ON s.id = $1 WHERE n.chat_session_id = $2";

/// Copies the steps of the copied tasks. Streams do not follow these steps, because the tasks have ended.
const COPY_STEPS: &str = concat!(
    "INSERT INTO task_step (task_id, attempt, seq, revision, kind, tool_call_id, title, status, detail, permission_id, \
     text_offset, started_at, ended_at, parent_tool_call_id, stripe) \
     SELECT n.id, p.attempt, p.seq, p.revision, p.kind, p.tool_call_id, p.title, p.status, p.detail, \
     CASE WHEN p.permission_id IS NOT NULL THEN ",
    sqlite::random_id!(),
    " END, p.text_offset, p.started_at, p.ended_at, p.parent_tool_call_id, p.stripe \
     FROM agent_task n JOIN agent_task t ON t.chat_session_id = $1 AND t.turn = n.turn \
     JOIN task_step p ON p.task_id = t.id WHERE n.chat_session_id = $2"
);

/// Writes the new IDs of the copied permission requests to their details.
const RENAME_PERMISSIONS: &str = "UPDATE task_step SET detail = json_set(detail, char(36) || '.request_id', permission_id) \
     WHERE permission_id IS NOT NULL AND task_id IN (SELECT id FROM agent_task WHERE chat_session_id = $1)";

/// Selects the copied messages whose originals have attachments.
const LIST_WITH_ATTACHMENTS: &str = "SELECT c.id, m.attachments FROM chat_message c \
     JOIN chat_message m ON m.chat_session_id = $1 AND m.turn = c.turn AND m.role = c.role \
     WHERE c.chat_session_id = $2 AND m.attachments IS NOT NULL";

impl Store {
    /// Creates a session with the history of another one, up to and including a turn. Turns that have not ended are not
    /// copied. If the key was already used for the same request, returns the session that was created then.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session or the message does not exist, [`StoreError::TaskRunning`] if
    /// the turn has not ended, [`StoreError::NothingToFork`] if no turn has ended, or an error in the same cases as
    /// [`Store::create_session`].
    pub async fn fork_session(
        &self,
        user: &UserRef,
        id: SessionId,
        fork: &NewFork,
        key: Option<IdempotencyKey>,
    ) -> Result<Change<Session>, StoreError> {
        self.write_for(user, async |tx| {
            let now = self.inner.clock.now();
            if let Some(key) = &key
                && let Some(session) = find_created(tx, user, key, now).await?
            {
                return Ok(Change::nothing(session));
            }
            owned_session(tx, user, id).await?;
            let turn = match fork.message_id {
                Some(message_id) => find_ended_turn(tx, id, message_id).await?,
                None => sqlx::query_scalar(FIND_LAST_ENDED)
                    .bind(id)
                    .fetch_optional(&mut *tx)
                    .await?
                    .ok_or(StoreError::NothingToFork)?,
            };
            let last_message: MessageId =
                sqlx::query_scalar(FIND_LAST_MESSAGE).bind(id).bind(turn).fetch_one(&mut *tx).await?;
            let new = SessionId::generate();
            sqlx::query(INSERT_SESSION)
                .bind(id)
                .bind(new)
                .bind(&fork.agent_key)
                .bind(fork.title.as_ref().map(Title::as_str))
                .bind(fork.title.as_ref().map(Title::folded))
                .bind(now)
                .bind(last_message)
                .bind(fork.keeps_folder)
                .execute(&mut *tx)
                .await?;
            sqlx::query(COPY_TASKS).bind(id).bind(new).bind(turn).execute(&mut *tx).await?;
            sqlx::query(LINK_TURNS).bind(new).execute(&mut *tx).await?;
            sqlx::query(COPY_MESSAGES).bind(id).bind(new).execute(&mut *tx).await?;
            sqlx::query(COPY_STEPS).bind(id).bind(new).execute(&mut *tx).await?;
            sqlx::query(RENAME_PERMISSIONS).bind(new).execute(&mut *tx).await?;
            sqlx::query(SET_POSITIONS).bind(new).bind(turn).execute(&mut *tx).await?;
            copy_attachments(tx, id, new, now).await?;
            events::append(tx, user, now, &[EventRef::session(LogKind::SessionCreated, new)]).await?;
            if let Some(key) = &key {
                idempotency::insert(tx, user, key, new, now).await?;
            }
            let session = owned_session(tx, user, new).await?;
            Ok(Change::new(session, Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }
}

/// Returns the turn of a message, which must have ended.
async fn find_ended_turn(tx: &mut Connection, session_id: SessionId, id: MessageId) -> Result<i64, StoreError> {
    let found: Option<(i64, bool)> = sqlx::query_as(
        "SELECT m.turn, t.status IN ('queued', 'running') FROM chat_message m \
         JOIN agent_task t ON t.chat_session_id = m.chat_session_id AND t.turn = m.turn \
         WHERE m.id = $1 AND m.chat_session_id = $2",
    )
    .bind(id)
    .bind(session_id)
    .fetch_optional(tx)
    .await?;
    match found {
        None => Err(StoreError::NotFound),
        Some((_, true)) => Err(StoreError::TaskRunning),
        Some((turn, false)) => Ok(turn),
    }
}

/// Copies the attachments of the copied messages. The copies use the same files.
async fn copy_attachments(
    tx: &mut Connection,
    from: SessionId,
    to: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let messages: Vec<(MessageId, Json<Vec<Attachment>>)> =
        sqlx::query_as(LIST_WITH_ATTACHMENTS).bind(from).bind(to).fetch_all(&mut *tx).await?;
    for (message_id, Json(attachments)) in messages {
        let mut copied = Vec::with_capacity(attachments.len());
        for attachment in &attachments {
            copied.push(copy_attachment(tx, attachment, Some(message_id), now).await?);
        }
        sqlx::query("UPDATE chat_message SET attachments = $2 WHERE id = $1")
            .bind(message_id)
            .bind(Json(copied))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
