//! Changes which branch of a session is its transcript (docs/adr/0022).
//!
//! The messages of the transcript are in `chat_message`, and all others in `inactive_message`. They move between the two
//! tables, with events as if they were deleted and created.

use sqlx::types::Json;

use super::{
    Change, Store, StoreError,
    database_driver::Connection,
    events,
    rows::find_any_message,
    sessions::{owned_session, touch_session},
    sqlite,
};
use crate::{
    chat::{Role, Session, TurnNode, TurnTree, UserRef},
    clock::Timestamp,
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// The columns of `chat_message` and `inactive_message`.
macro_rules! moved_columns {
    () => {
        "id, chat_session_id, role, content, task_id, created_at, turn, seq, finish_reason, elapsed_ms, input_tokens, \
         output_tokens, edited_at, attachments, agent_key"
    };
}

/// Moves the messages after turn `$2` out of the transcript. Answers keep the agent that wrote them.
const DEACTIVATE: [&str; 3] = [
    concat!(
        "INSERT INTO inactive_message (",
        moved_columns!(),
        ") SELECT id, chat_session_id, role, content, task_id, created_at, turn, seq, finish_reason, elapsed_ms, \
         input_tokens, output_tokens, edited_at, attachments, \
         CASE WHEN role = 'assistant' THEN COALESCE(agent_key, (SELECT s.agent_key FROM chat_session s WHERE s.id = $1)) END \
         FROM chat_message WHERE chat_session_id = $1 AND turn > $2"
    ),
    "UPDATE attachment SET inactive_message_id = message_id, message_id = NULL WHERE message_id IN \
     (SELECT id FROM chat_message WHERE chat_session_id = $1 AND turn > $2)",
    "DELETE FROM chat_message WHERE chat_session_id = $1 AND turn > $2",
];

/// Moves the messages of the turns in the JSON array `$1` into the transcript of session `$2`.
const ACTIVATE: [&str; 3] = [
    concat!(
        "WITH listed (turn) AS ",
        sqlite::listed_numbers!(),
        " INSERT INTO chat_message (",
        moved_columns!(),
        ") SELECT ",
        moved_columns!(),
        " FROM inactive_message WHERE chat_session_id = $2 AND turn IN (SELECT turn FROM listed)"
    ),
    concat!(
        "WITH listed (turn) AS ",
        sqlite::listed_numbers!(),
        " UPDATE attachment SET message_id = inactive_message_id, inactive_message_id = NULL \
         WHERE inactive_message_id IN \
         (SELECT id FROM inactive_message WHERE chat_session_id = $2 AND turn IN (SELECT turn FROM listed))"
    ),
    concat!(
        "WITH listed (turn) AS ",
        sqlite::listed_numbers!(),
        " DELETE FROM inactive_message WHERE chat_session_id = $2 AND turn IN (SELECT turn FROM listed)"
    ),
];

/// Appends an event of kind `$1` for each message of session `$2` after turn `$3` to the user's log, in the order of the
/// transcript. The numbers end with the last one reserved.
const LOG_MESSAGES: &str = "INSERT INTO event_log \
     (stripe, user_log_id, seq, kind, chat_session_id, message_id, message_role, task_id, at) \
     SELECT $4, u.id, u.last_seq - $5 + ROW_NUMBER() OVER (ORDER BY m.turn, m.role DESC), $1, m.chat_session_id, m.id, m.role, \
     m.task_id, $6 FROM chat_message m JOIN user_log u ON u.workspace_id = $7 AND u.user_id = $8 \
     WHERE m.chat_session_id = $2 AND m.turn > $3 ORDER BY m.turn, m.role DESC";

/// Links turns of the transcript that a process of an earlier release stored during an upgrade. Only the first turn of a
/// transcript has none before it.
const LINK_TURNS: &str = "UPDATE agent_task SET parent_turn = (SELECT MAX(p.turn) FROM chat_message p \
     WHERE p.chat_session_id = $1 AND p.turn < agent_task.turn) \
     WHERE chat_session_id = $1 AND parent_turn IS NULL AND revision_of IS NULL \
     AND EXISTS (SELECT 1 FROM chat_message m WHERE m.id = agent_task.user_message_id)";

/// Reads the tree of a session's turns.
pub(super) async fn read_tree(tx: &mut Connection, session_id: SessionId) -> Result<TurnTree, StoreError> {
    /// A row of `agent_task`.
    #[derive(sqlx::FromRow)]
    struct TurnRow {
        turn: i64,
        parent_turn: Option<i64>,
        revision_of: Option<i64>,
        next_turn: Option<i64>,
    }
    sqlx::query(LINK_TURNS).bind(session_id).execute(&mut *tx).await?;
    let rows: Vec<TurnRow> = sqlx::query_as(
        "SELECT turn, parent_turn, revision_of, next_turn FROM agent_task WHERE chat_session_id = $1 ORDER BY turn",
    )
    .bind(session_id)
    .fetch_all(tx)
    .await?;
    Ok(TurnTree::new(rows.into_iter().map(|row| TurnNode {
        turn: row.turn,
        parent: row.parent_turn,
        revision_of: row.revision_of,
        next: row.next_turn,
    })))
}

/// Makes a path the transcript of its session. Returns whether the transcript has changed. No task of the session may be
/// queued or running on turns that leave the transcript.
pub(super) async fn set_path(
    tx: &mut Connection,
    user: &UserRef,
    session_id: SessionId,
    tree: &TurnTree,
    path: &[i64],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let current: Vec<i64> =
        sqlx::query_scalar("SELECT turn FROM chat_message WHERE chat_session_id = $1 AND role = 'user' ORDER BY turn")
            .bind(session_id)
            .fetch_all(&mut *tx)
            .await?;
    let common = current.iter().zip(path).take_while(|(before, after)| before == after).count();
    let (leaving, joining) = (&current[common..], &path[common..]);
    if leaving.is_empty() && joining.is_empty() {
        return Ok(false);
    }
    let fork = common.checked_sub(1).map_or(0, |last| path[last]);
    if !leaving.is_empty() {
        log_messages(tx, user, "message.deleted", session_id, fork, now).await?;
        for statement in DEACTIVATE {
            sqlx::query(statement).bind(session_id).bind(fork).execute(&mut *tx).await?;
        }
    }
    if !joining.is_empty() {
        for statement in ACTIVATE {
            sqlx::query(statement).bind(Json(joining)).bind(session_id).execute(&mut *tx).await?;
        }
        log_messages(tx, user, "message.created", session_id, fork, now).await?;
    }
    for turn in joining {
        let parent = tree.get(*turn).and_then(|node| tree.get(node.parent?));
        if let Some(parent) = parent.filter(|parent| parent.next != Some(*turn)) {
            set_next(tx, session_id, parent.turn, Some(*turn)).await?;
        }
    }
    sqlx::query("UPDATE chat_session SET path_revision = path_revision + 1 WHERE id = $1")
        .bind(session_id)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM agent_resume WHERE chat_session_id = $1").bind(session_id).execute(&mut *tx).await?;
    touch_session(tx, session_id, now).await?;
    Ok(true)
}

/// Sets which turn follows another one when that one joins the transcript.
pub(super) async fn set_next(
    tx: &mut Connection,
    session_id: SessionId,
    turn: i64,
    next: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE agent_task SET next_turn = $3 WHERE chat_session_id = $1 AND turn = $2")
        .bind(session_id)
        .bind(turn)
        .bind(next)
        .execute(tx)
        .await?;
    Ok(())
}

/// Links the turns around a deleted one, which had no answer. If it was the last turn of the transcript and has other
/// versions, the latest one becomes current.
pub(super) async fn close_gap(
    tx: &mut Connection,
    user: &UserRef,
    session_id: SessionId,
    deleted: TurnNode,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut followers: Vec<i64> = sqlx::query_scalar(
        "UPDATE agent_task SET parent_turn = $3 WHERE chat_session_id = $1 AND turn > $2 AND parent_turn = $2 \
         RETURNING turn",
    )
    .bind(session_id)
    .bind(deleted.turn)
    .bind(deleted.parent)
    .fetch_all(&mut *tx)
    .await?;
    let first = deleted.first_version();
    let mut versions: Vec<i64> =
        sqlx::query_scalar("SELECT turn FROM agent_task WHERE chat_session_id = $1 AND revision_of = $2 ORDER BY turn")
            .bind(session_id)
            .bind(first)
            .fetch_all(&mut *tx)
            .await?;
    if first != deleted.turn {
        versions.insert(0, first);
    }
    let (Some(first), Some(latest)) = (versions.first().copied(), versions.last().copied()) else { return Ok(()) };
    let has_followers = !followers.is_empty();
    log_updates(tx, user, session_id, &followers, now).await?;
    // The turns that followed the deleted one take its place among the versions.
    followers.append(&mut versions);
    for turn in followers {
        set_revision_of(tx, session_id, turn, Some(first).filter(|first| *first != turn)).await?;
    }
    if !has_followers {
        let tree = read_tree(tx, session_id).await?;
        set_path(tx, user, session_id, &tree, &tree.path_through(latest), now).await?;
    }
    Ok(())
}

/// Appends an event for the user's message of each of these turns, whose versions have changed.
async fn log_updates(
    tx: &mut Connection,
    user: &UserRef,
    session_id: SessionId,
    turns: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut updates = Vec::with_capacity(turns.len());
    for turn in turns {
        let (message_id, task_id): (MessageId, TaskId) =
            sqlx::query_as("SELECT user_message_id, id FROM agent_task WHERE chat_session_id = $1 AND turn = $2")
                .bind(session_id)
                .bind(turn)
                .fetch_one(&mut *tx)
                .await?;
        updates.push(EventRef::message(LogKind::MessageUpdated, session_id, message_id, Role::User, task_id));
    }
    if !updates.is_empty() {
        events::append(tx, user, now, &updates).await?;
    }
    Ok(())
}

/// Sets the first version of a turn.
async fn set_revision_of(
    tx: &mut Connection,
    session_id: SessionId,
    turn: i64,
    first: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE agent_task SET revision_of = $3 WHERE chat_session_id = $1 AND turn = $2")
        .bind(session_id)
        .bind(turn)
        .bind(first)
        .execute(tx)
        .await?;
    Ok(())
}

/// Appends an event for each message of the transcript after a turn.
async fn log_messages(
    tx: &mut Connection,
    user: &UserRef,
    kind: &str,
    session_id: SessionId,
    after_turn: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM chat_message WHERE chat_session_id = $1 AND turn > $2")
        .bind(session_id)
        .bind(after_turn)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("UPDATE user_log SET last_seq = last_seq + $3 WHERE workspace_id = $1 AND user_id = $2")
        .bind(&user.workspace_id)
        .bind(&user.user_id)
        .bind(count)
        .execute(&mut *tx)
        .await?;
    let stripe = tx.stripe_of(user).number();
    sqlx::query(LOG_MESSAGES)
        .bind(kind)
        .bind(session_id)
        .bind(after_turn)
        .bind(stripe)
        .bind(count)
        .bind(now)
        .bind(&user.workspace_id)
        .bind(&user.user_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns whether a task of a session is queued or running.
async fn is_busy(tx: &mut Connection, id: SessionId) -> Result<bool, StoreError> {
    let busy: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM agent_task WHERE chat_session_id = $1 AND status = 'queued') \
         OR EXISTS (SELECT 1 FROM agent_task WHERE chat_session_id = $1 AND status = 'running')",
    )
    .bind(id)
    .fetch_one(tx)
    .await?;
    Ok(busy)
}

impl Store {
    /// Makes the branch with a message the transcript of its session. With a version, makes the branch with that
    /// version of the message's turn current instead; versions are numbered from 1.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], [`StoreError::UnknownVersion`], or [`StoreError::TaskRunning`] if a task of the
    /// session is queued or running.
    pub async fn switch_branch(
        &self,
        user: &UserRef,
        session_id: SessionId,
        message_id: MessageId,
        version: Option<usize>,
    ) -> Result<Change<Session>, StoreError> {
        self.write_for(user, async |tx| {
            let now = self.inner.clock.now();
            let session = owned_session(tx, user, session_id).await?;
            let turn = find_turn(tx, session_id, message_id).await?;
            let tree = read_tree(tx, session_id).await?;
            let turn = match version {
                None => turn,
                Some(version) => {
                    let versions = tree.versions(turn);
                    let count = i64::try_from(versions.len()).unwrap_or(i64::MAX);
                    let index = version.checked_sub(1).ok_or(StoreError::UnknownVersion { count })?;
                    *versions.get(index).ok_or(StoreError::UnknownVersion { count })?
                }
            };
            if is_current(tx, session_id, turn).await? {
                return Ok(Change::nothing(session));
            }
            if is_busy(tx, session_id).await? {
                return Err(StoreError::TaskRunning);
            }
            set_path(tx, user, session_id, &tree, &tree.path_through(turn), now).await?;
            let session = owned_session(tx, user, session_id).await?;
            Ok(Change::new(session, Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }
}

/// Returns the turn of a message of a session, which may be inactive.
pub(super) async fn find_turn(
    tx: &mut Connection,
    session_id: SessionId,
    message_id: MessageId,
) -> Result<i64, StoreError> {
    let message = find_any_message(tx, message_id).await?.ok_or(StoreError::NotFound)?;
    if message.chat_session_id == session_id { Ok(message.turn) } else { Err(StoreError::NotFound) }
}

/// Returns whether a turn is part of the transcript.
async fn is_current(tx: &mut Connection, session_id: SessionId, turn: i64) -> Result<bool, StoreError> {
    let query =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM chat_message WHERE chat_session_id = $1 AND turn = $2)");
    Ok(query.bind(session_id).bind(turn).fetch_one(tx).await?)
}
