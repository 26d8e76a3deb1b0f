//! Reads the transcripts of sessions.

use sqlx::types::Json;

use super::{
    Store, StoreError, chunks,
    database_driver::Connection,
    events,
    rows::{self, MessageRow, select_messages},
    sessions::owned_session,
    step_rows,
    stream_state::partial,
};
use crate::{
    chat::{Attachment, Message, Partial, Role, Session, TaskDetail, UserRef},
    event::Cursor,
    id::{MessageId, SessionId, TaskId},
};

/// The maximum total size of a page's content, in bytes. A single turn may be larger.
pub(super) const PAGE_BYTES: i64 = 2 * 1024 * 1024;

/// A session with the newest part of its transcript, read from one snapshot.
#[derive(Clone, Debug)]
pub struct Thread {
    /// The session.
    pub session: Session,
    /// The messages of the newest turns, in ascending order.
    pub messages: Vec<Message>,
    /// Whether there are older turns.
    pub has_more: bool,
    /// The answer in progress, if any.
    pub partial: Option<Partial>,
    /// The event cursor that matches this exact state.
    pub as_of: Cursor,
}

/// Which turns a page contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnBound {
    /// The newest turns.
    Newest,
    /// The newest turns before this one.
    Before(i64),
    /// The oldest turns after this one.
    After(i64),
}

/// A page of a transcript.
#[derive(Clone, Debug)]
pub struct MessagePage {
    /// The messages of whole turns, in ascending order.
    pub items: Vec<Message>,
    /// Whether there are more turns in the paging direction.
    pub has_more: bool,
}

/// A file that is part of a message.
#[derive(Clone, Debug)]
pub struct SentFile {
    /// The message.
    pub message_id: MessageId,
    /// The message's turn.
    pub turn: i64,
    /// Who sent the file.
    pub role: Role,
    /// The file.
    pub attachment: Attachment,
}

/// A page of a session's files.
#[derive(Clone, Debug)]
pub struct FilePage {
    /// The files of whole turns, newest first.
    pub items: Vec<SentFile>,
    /// Whether there are files in older turns.
    pub has_more: bool,
}

/// A row of `chat_message` with files.
type FilesRow = (MessageId, i64, Role, Json<Vec<Attachment>>);

/// Reads a page of at most `limit` whole turns. Their content is limited to [`PAGE_BYTES`], unless the first turn alone
/// is larger.
async fn page(
    connection: &mut Connection,
    session_id: SessionId,
    bound: TurnBound,
    limit: u32,
) -> Result<MessagePage, StoreError> {
    let extent = extent(connection, session_id, bound, limit).await?;
    let Some((first, last)) = extent.turns else { return Ok(MessagePage { items: Vec::new(), has_more: false }) };
    let found: Vec<MessageRow> = sqlx::query_as(concat!(
        select_messages!(),
        "WHERE m.chat_session_id = $1 AND m.turn BETWEEN $2 AND $3 ORDER BY m.turn, m.role DESC"
    ))
    .bind(session_id)
    .bind(first)
    .bind(last)
    .fetch_all(connection)
    .await?;
    Ok(MessagePage { items: found.into_iter().map(Message::from).collect(), has_more: extent.has_more })
}

/// The turns on a page.
struct Extent {
    /// The first and the last turn; `None` for an empty page.
    turns: Option<(i64, i64)>,
    /// Whether there are more turns in the paging direction.
    has_more: bool,
}

/// Determines the turns on a page. Reads only the lengths of messages, which SQLite takes from the row headers.
async fn extent(
    connection: &mut Connection,
    session_id: SessionId,
    bound: TurnBound,
    limit: u32,
) -> Result<Extent, StoreError> {
    let query = match bound {
        TurnBound::Newest | TurnBound::Before(_) => sqlx::query_as(
            "SELECT turn, SUM(octet_length(content)) AS bytes FROM chat_message \
             WHERE chat_session_id = $1 AND turn < $2 GROUP BY turn ORDER BY turn DESC LIMIT $3 + 0",
        ),
        TurnBound::After(_) => sqlx::query_as(
            "SELECT turn, SUM(octet_length(content)) AS bytes FROM chat_message \
             WHERE chat_session_id = $1 AND turn > $2 GROUP BY turn ORDER BY turn LIMIT $3 + 0",
        ),
    };
    let from = match bound {
        TurnBound::Newest => i64::MAX,
        TurnBound::Before(turn) | TurnBound::After(turn) => turn,
    };
    // Read one more turn than requested to determine whether there are more.
    let found: Vec<(i64, i64)> =
        query.bind(session_id).bind(from).bind(i64::from(limit) + 1).fetch_all(connection).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut turns, mut bytes) = (None, 0);
    for (count, (turn, length)) in found.into_iter().enumerate() {
        bytes += length;
        if count == wanted || (count > 0 && bytes > PAGE_BYTES) {
            return Ok(Extent { turns, has_more: true });
        }
        let (first, last) = turns.unwrap_or((turn, turn));
        turns = Some((turn.min(first), turn.max(last)));
    }
    Ok(Extent { turns, has_more: false })
}

impl Store {
    /// Returns a session with its newest turns and the answer in progress, read from one snapshot.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn get_thread(&self, user: &UserRef, id: SessionId, limit: u32) -> Result<Thread, StoreError> {
        self.read(async |tx| {
            let as_of = events::head(tx, user).await?.head;
            let session = owned_session(tx, user, id).await?;
            let MessagePage { items: messages, has_more } = page(tx, id, TurnBound::Newest, limit).await?;
            let partial = match &session.active_task {
                Some(task) => {
                    let message_id = sqlx::query_scalar("SELECT answer_message_id FROM agent_task WHERE id = $1")
                        .bind(task.id)
                        .fetch_one(&mut *tx)
                        .await?;
                    let text = chunks::text_so_far(tx, task.id, task.attempt).await?;
                    Some(partial(task.id, task.attempt, message_id, text))
                }
                None => None,
            };
            Ok(Thread { session, messages, has_more, partial, as_of })
        })
        .await
    }

    /// Returns a page of a session's transcript.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn list_messages(
        &self,
        user: &UserRef,
        id: SessionId,
        bound: TurnBound,
        limit: u32,
    ) -> Result<MessagePage, StoreError> {
        self.read(async |tx| {
            owned_session(tx, user, id).await?;
            page(tx, id, bound, limit).await
        })
        .await
    }

    /// Returns the files in the newest `limit` turns that have files, before the turn `before`. Files on inactive branches
    /// are not included.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn list_session_files(
        &self,
        user: &UserRef,
        id: SessionId,
        before: i64,
        limit: u32,
    ) -> Result<FilePage, StoreError> {
        self.read(async |tx| {
            owned_session(tx, user, id).await?;
            // Each turn has up to two messages. One more turn shows whether there are more.
            let rows: Vec<FilesRow> = sqlx::query_as(
                "SELECT id, turn, role, attachments FROM chat_message \
                 WHERE chat_session_id = $1 AND turn < $2 AND attachments IS NOT NULL ORDER BY turn DESC, role LIMIT $3 + 0",
            )
            .bind(id)
            .bind(before)
            .bind(2 * (i64::from(limit) + 1))
            .fetch_all(tx)
            .await?;
            let mut turns: Vec<i64> = rows.iter().map(|&(_, turn, ..)| turn).collect();
            turns.dedup();
            let end = turns.get(usize::try_from(limit).unwrap_or(usize::MAX)).copied();
            let items = rows
                .into_iter()
                .take_while(|&(_, turn, ..)| Some(turn) != end)
                .flat_map(|(message_id, turn, role, Json(attachments))| {
                    attachments.into_iter().map(move |attachment| SentFile { message_id, turn, role, attachment })
                })
                .collect();
            Ok(FilePage { items, has_more: end.is_some() })
        })
        .await
    }

    /// Returns whether a session contains a message, on any branch.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn has_message(&self, session_id: SessionId, id: MessageId) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "SELECT 1 FROM chat_message WHERE id = $1 AND chat_session_id = $2 \
             UNION ALL SELECT 1 FROM inactive_message WHERE id = $1 AND chat_session_id = $2",
        );
        let found = self.read_row(query.bind(id).bind(session_id)).await?;
        Ok(found.is_some())
    }

    /// Returns a task with its steps; `None` if the session has no such task.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_task(&self, session_id: SessionId, id: TaskId) -> Result<Option<TaskDetail>, StoreError> {
        self.read(async |tx| {
            let Some(task) = rows::find_task(tx, id).await?.filter(|task| task.chat_session_id == session_id) else {
                return Ok(None);
            };
            let steps = step_rows::list(tx, id).await?;
            Ok(Some(TaskDetail { task, steps }))
        })
        .await
    }

    /// Returns the user message of a task, and the answer if there is one; `None` if the task does not exist.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_exchange(&self, task_id: TaskId) -> Result<Option<(Message, Option<Message>)>, StoreError> {
        self.read(async |tx| {
            let found: Vec<MessageRow> =
                sqlx::query_as(concat!(select_messages!(), "WHERE m.task_id = $1 ORDER BY m.role DESC"))
                    .bind(task_id)
                    .fetch_all(&mut *tx)
                    .await?;
            let mut messages = found.into_iter().map(Message::from);
            Ok(messages.next().map(|message| (message, messages.next())))
        })
        .await
    }
}
