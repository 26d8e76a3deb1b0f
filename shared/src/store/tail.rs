//! The tail of all logs: what is new in the database, as a process that feeds many streams reads it.

use super::{
    ReadTx, Store, StoreError,
    chunks::{self, ChunkRow},
    step_rows::{self, StepRow},
    stored_event::{READ_BYTES, StoredEvent, log_columns, render},
};
use crate::event::Event;

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

impl Store {
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
            tail.steps = step_rows::read_after(&mut tx, position.step_revision, STEP_PAGE).await?;
            tail.position.step_revision = tail.steps.last().map_or(position.step_revision, |row| row.step.revision);
            tail.has_more = i64::try_from(tail.chunks.len()).is_ok_and(|count| count == PAGE)
                || i64::try_from(tail.steps.len()).is_ok_and(|count| count == STEP_PAGE);
        }
        Ok(tail)
    }
}
