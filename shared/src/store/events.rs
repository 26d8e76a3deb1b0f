//! The event log: appending to it inside a change, and reading it for streams.

use sqlx::SqliteConnection;

use super::{
    ReadTx, Store, StoreError,
    chunks::{self, ChunkRow},
    rows,
    steps::{self, StepRow},
    stream_state::{StreamState, read_state},
};
use crate::{
    chat::{Role, Session, UserRef},
    clock::Timestamp,
    event::{Cursor, Epoch, Event, EventData, EventRef, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// A stream this far behind is told to fetch the state again instead of hearing every event.
const MAX_REPLAY: i64 = 10_000;
/// A read of events ends with the one that reaches this many bytes of text: what a read may hold in memory.
const READ_BYTES: usize = 512 * 1024;

/// Where a user's log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The log.
    pub user_log_id: i64,
    /// Its head: the position after its last event.
    pub head: Cursor,
}

/// Why a stream cannot go on where its client was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResyncReason {
    /// The client's cursor is no cursor.
    Malformed,
    /// It is of another user or another database.
    Foreign,
    /// It is past the head: the database was restored from an older copy.
    Future,
    /// What came after it was pruned.
    Pruned,
    /// Too much came after it.
    TooFarBehind,
    /// The client reads too slowly.
    TooSlow,
}

impl ResyncReason {
    /// The name on the stream.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Foreign => "foreign",
            Self::Future => "future",
            Self::Pruned => "pruned",
            Self::TooFarBehind => "too_far_behind",
            Self::TooSlow => "too_slow",
        }
    }
}

/// Where a stream starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayStart {
    /// The log.
    pub user_log_id: i64,
    /// The position that the stream delivers after: the client's, or the head.
    pub cursor: Cursor,
    /// Set where the client's own position could not be used.
    pub resync: Option<ResyncReason>,
}

/// A part of a user's log, and what runs at its end.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The events, in order, each with its number.
    pub events: Vec<(i64, Event)>,
    /// The number of the last row read, whether or not it is among `events`.
    pub last_seq: i64,
    /// What runs as of the last of `events`; `None` while there are more to read.
    pub state: Option<StreamState>,
}

/// A row of any user's log, as a process that follows all of them sees it.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// The log.
    pub user_log_id: i64,
    /// Its number there.
    pub seq: i64,
    /// The event; `None` if the reader did not ask for this log.
    pub event: Option<Event>,
}

/// What is new in the database since a position.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// New rows of all logs, in order.
    pub rows: Vec<LogRow>,
    /// New text of running answers, in order. Their tasks run as of the end of `rows`.
    pub chunks: Vec<ChunkRow>,
    /// Steps that changed, in the order of their latest changes. Their attempts were the latest as of the end of `rows`.
    pub steps: Vec<StepRow>,
    /// Where the next read goes on.
    pub position: TailPosition,
    /// Whether there is more already.
    pub has_more: bool,
}

/// A position in all logs, all live text and all steps of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct TailPosition {
    event_id: i64,
    chunk_id: i64,
    step_revision: i64,
}

/// Appends events to a user's log, in the transaction of the change that they tell of.
pub(super) async fn append(
    tx: &mut SqliteConnection,
    user: &UserRef,
    at: Timestamp,
    events: &[EventRef],
) -> Result<(), StoreError> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let (log_id, last_seq): (i64, i64) = sqlx::query_as(
        "INSERT INTO user_log (workspace_id, user_id, epoch, last_seq) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET last_seq = last_seq + $4 RETURNING id, last_seq",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(Epoch::generate())
    .bind(count)
    .fetch_one(&mut *tx)
    .await?;
    for (seq, event) in (last_seq - count + 1..).zip(events) {
        sqlx::query(
            "INSERT INTO event_log (user_log_id, seq, kind, chat_session_id, message_id, message_role, task_id, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(log_id)
        .bind(seq)
        .bind(event.kind)
        .bind(event.session_id)
        .bind(event.message.map(|(id, _)| id))
        .bind(event.message.map(|(_, role)| role))
        .bind(event.task_id)
        .bind(at)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// The head of a user's log, as of the same moment as everything else read on this connection.
pub(super) async fn head(connection: &mut SqliteConnection, user: &UserRef) -> Result<LogPosition, StoreError> {
    let (user_log_id, epoch, seq): (i64, Epoch, i64) =
        sqlx::query_as("SELECT id, epoch, last_seq FROM user_log WHERE workspace_id = $1 AND user_id = $2")
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .fetch_optional(connection)
            .await?
            .ok_or_else(|| StoreError::Corrupt(format!("no log of {user}")))?;
    Ok(LogPosition { user_log_id, head: Cursor { epoch, seq } })
}

/// A row of `event_log`.
#[derive(sqlx::FromRow)]
struct StoredEvent {
    id: i64,
    user_log_id: i64,
    seq: i64,
    kind: LogKind,
    chat_session_id: SessionId,
    message_id: Option<MessageId>,
    message_role: Option<Role>,
    task_id: Option<TaskId>,
    at: Timestamp,
}

impl StoredEvent {
    /// Returns the message that the event is about.
    fn message(&self) -> Result<(MessageId, Role, TaskId), StoreError> {
        let message = self.message_id.zip(self.message_role).zip(self.task_id);
        let ((id, role), task_id) =
            message.ok_or_else(|| StoreError::Corrupt(format!("event_log {}: no message", self.id)))?;
        Ok((id, role, task_id))
    }
}

/// Makes the event of a row, with its objects as they are now; as their deletion where they are gone.
async fn render(connection: &mut SqliteConnection, row: &StoredEvent) -> Result<Event, StoreError> {
    let data = match rows::find_session(connection, row.chat_session_id).await? {
        Some(session) => render_in_session(connection, row, Box::new(session)).await?,
        None => EventData::SessionDeleted,
    };
    Ok(Event { at: row.at, chat_session_id: Some(row.chat_session_id), data })
}

/// As [`render`], of an event whose session is still there.
async fn render_in_session(
    connection: &mut SqliteConnection,
    row: &StoredEvent,
    session: Box<Session>,
) -> Result<EventData, StoreError> {
    let (message_id, role, task_id) = match row.kind {
        LogKind::SessionCreated => return Ok(EventData::SessionCreated { session }),
        LogKind::SessionUpdated => return Ok(EventData::SessionUpdated { session }),
        LogKind::SessionRead => return Ok(EventData::SessionRead { session }),
        LogKind::SessionDeleted => {
            return Err(StoreError::Corrupt(format!("session {} outlived its deletion", session.id)));
        }
        LogKind::MessageCreated | LogKind::MessageUpdated | LogKind::MessageDeleted | LogKind::TaskUpdated => {
            row.message()?
        }
    };
    if row.kind == LogKind::TaskUpdated {
        if let Some(task) = rows::find_task(connection, task_id).await?.map(Box::new) {
            return Ok(EventData::TaskUpdated { task, session });
        }
    } else if row.kind != LogKind::MessageDeleted
        && let Some(message) = rows::find_message(connection, message_id).await?.map(Box::new)
    {
        return Ok(match row.kind {
            LogKind::MessageCreated => EventData::MessageCreated { message, session },
            _ => EventData::MessageUpdated { message, session },
        });
    }
    Ok(EventData::MessageDeleted { message_id, role, task_id, session })
}

/// The columns of a [`StoredEvent`].
macro_rules! log_columns {
    () => {
        "e.id, e.user_log_id, e.seq, e.kind, e.chat_session_id, e.message_id, e.message_role, e.task_id, e.at"
    };
}

impl Store {
    /// Makes sure that a user has a log. Needed once, before anything else is asked for them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ensure_user(&self, user: &UserRef) -> Result<(), StoreError> {
        let found = sqlx::query_scalar::<_, i64>("SELECT 1 FROM user_log WHERE workspace_id = $1 AND user_id = $2")
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .fetch_optional(&self.inner.readers)
            .await?;
        if found.is_none() {
            let mut tx = self.begin_write().await?;
            append(&mut tx, user, self.inner.clock.now(), &[]).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Where a stream starts whose client was at `requested`; from the head without it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start_replay(&self, user: &UserRef, requested: Option<&str>) -> Result<ReplayStart, StoreError> {
        let mut tx = self.begin_read().await?;
        let LogPosition { user_log_id, head } = head(&mut tx, user).await?;
        let floor: i64 = sqlx::query_scalar("SELECT floor_seq FROM user_log WHERE id = $1")
            .bind(user_log_id)
            .fetch_one(&mut *tx)
            .await?;
        let checked = requested.map(|text| match text.parse::<Cursor>() {
            Err(_) => Err(ResyncReason::Malformed),
            Ok(cursor) if cursor.epoch != head.epoch => Err(ResyncReason::Foreign),
            Ok(cursor) if cursor.seq > head.seq => Err(ResyncReason::Future),
            Ok(cursor) if cursor.seq < floor => Err(ResyncReason::Pruned),
            Ok(cursor) if head.seq - cursor.seq > MAX_REPLAY => Err(ResyncReason::TooFarBehind),
            Ok(cursor) => Ok(cursor),
        });
        Ok(match checked {
            None => ReplayStart { user_log_id, cursor: head, resync: None },
            Some(Ok(cursor)) => ReplayStart { user_log_id, cursor, resync: None },
            Some(Err(reason)) => ReplayStart { user_log_id, cursor: head, resync: Some(reason) },
        })
    }

    /// Reads a user's log after `after_seq`, at most `limit` rows, fewer if their texts are long; with it, if that
    /// reaches the head, what runs.
    ///
    /// With `only`, events and state are of that session alone. `after_step` is the revision up to which the reader
    /// has heard of steps; `None` for one that has heard of none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read_log(
        &self,
        user_log_id: i64,
        after_seq: i64,
        limit: i64,
        only: Option<SessionId>,
        after_step: Option<i64>,
    ) -> Result<Replay, StoreError> {
        let mut tx = self.begin_read().await?;
        let log_rows: Vec<StoredEvent> = sqlx::query_as(concat!(
            "SELECT ",
            log_columns!(),
            " FROM event_log e WHERE e.user_log_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3"
        ))
        .bind(user_log_id)
        .bind(after_seq)
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
        let mut last_seq = after_seq;
        let mut events = Vec::with_capacity(log_rows.len());
        let mut bytes_read = 0;
        let mut reached_head = i64::try_from(log_rows.len()).unwrap_or(i64::MAX) < limit;
        for row in &log_rows {
            if bytes_read >= READ_BYTES {
                reached_head = false;
                break;
            }
            last_seq = row.seq;
            if only.is_none_or(|only| row.chat_session_id == only) {
                let event = render(&mut tx, row).await?;
                bytes_read += event.data.text_bytes();
                events.push((last_seq, event));
            }
        }
        let state = if reached_head { Some(read_state(&mut tx, user_log_id, only, after_step).await?) } else { None };
        Ok(Replay { events, last_seq, state })
    }

    /// The end of all logs, of all live text and of all steps.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tail_position(&self) -> Result<TailPosition, StoreError> {
        let position = sqlx::query_as(
            "SELECT (SELECT COALESCE(MAX(id), 0) FROM event_log) AS event_id, \
             (SELECT COALESCE(MAX(id), 0) FROM answer_chunk) AS chunk_id, \
             (SELECT last FROM step_revision) AS step_revision",
        )
        .fetch_one(&self.inner.readers)
        .await?;
        Ok(position)
    }

    /// What is new since `position` in all logs, all live text and all steps, as of one moment. Only the logs that
    /// `is_followed` names are rendered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read_tail(
        &self,
        position: TailPosition,
        is_followed: impl Fn(i64) -> bool + Send,
    ) -> Result<Tail, StoreError> {
        /// Rows of each kind read at once: what a burst may hold in memory.
        const PAGE: i64 = 256;
        /// Steps read at once by the hub, which hands them to all streams.
        const STEP_PAGE: i64 = 64;
        let mut tx: ReadTx = self.begin_read().await?;
        let log_rows: Vec<StoredEvent> = sqlx::query_as(concat!(
            "SELECT ",
            log_columns!(),
            " FROM event_log e WHERE e.id > $1 ORDER BY e.id LIMIT $2"
        ))
        .bind(position.event_id)
        .bind(PAGE)
        .fetch_all(&mut *tx)
        .await?;
        let mut tail = Tail { position, ..Tail::default() };
        tail.has_more = i64::try_from(log_rows.len()).is_ok_and(|count| count == PAGE);
        let mut bytes_read = 0;
        for row in &log_rows {
            if bytes_read >= READ_BYTES {
                tail.has_more = true;
                break;
            }
            tail.position.event_id = row.id;
            let event = if is_followed(row.user_log_id) { Some(render(&mut tx, row).await?) } else { None };
            bytes_read += event.as_ref().map_or(0, |event| event.data.text_bytes());
            tail.rows.push(LogRow { user_log_id: row.user_log_id, seq: row.seq, event });
        }
        // The rest only once all events were read: no text is told after its task's end, no step before its attempt.
        if !tail.has_more {
            tail.chunks = chunks::read_after(&mut tx, position.chunk_id, PAGE).await?;
            tail.position.chunk_id = tail.chunks.last().map_or(position.chunk_id, |chunk| chunk.id);
            tail.steps = steps::read_after(&mut tx, position.step_revision, STEP_PAGE).await?;
            tail.position.step_revision = tail.steps.last().map_or(position.step_revision, |row| row.step.revision);
            tail.has_more = i64::try_from(tail.chunks.len()).is_ok_and(|count| count == PAGE)
                || i64::try_from(tail.steps.len()).is_ok_and(|count| count == STEP_PAGE);
        }
        Ok(tail)
    }
}
