//! Reads the new events, live text, steps, and drafts of all users, for a process that serves many streams.

use sqlx::FromRow;

use super::{
    Store, StoreError,
    chunks::{self, ChunkRow},
    database_driver::Row,
    drafts::{self, DraftRow},
    step_rows::{self, StepRow},
    stored_event::{EventObjects, StoredEvent, count_renderable, log_columns},
};
use crate::event::Event;

/// A new row in a user's log.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// The log.
    pub user_log_id: i64,
    /// The number of the event in the log.
    pub seq: i64,
    /// The event; `None` if the reader does not follow this log.
    pub event: Option<Event>,
}

/// New events, live text, steps, and drafts after a position.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// New rows in all logs, in order.
    pub rows: Vec<LogRow>,
    /// New text of answers in progress, in order. The tasks were still running after the last of `rows`.
    pub chunks: Vec<ChunkRow>,
    /// Changed steps, in the order of their latest changes. Their attempts were still the latest ones after the last of
    /// `rows`.
    pub steps: Vec<StepRow>,
    /// Changed drafts, in the order of their latest changes.
    pub drafts: Vec<DraftRow>,
    /// The position at which the next read starts.
    pub position: TailPosition,
    /// Whether there may be more to read.
    pub has_more: bool,
}

/// A position in the database's logs, live text, steps, and drafts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct TailPosition {
    event_id: i64,
    chunk_id: i64,
    step_revision: i64,
    draft_revision: i64,
}

/// Selects at most `$2` rows of all logs after the row `$1`.
const SELECT_LOG: &str =
    concat!("SELECT ", log_columns!(), " FROM event_log e WHERE e.id > $1 ORDER BY e.id LIMIT $2 + 0");

fn parse<T: for<'r> FromRow<'r, Row>>(rows: &[Row]) -> sqlx::Result<Vec<T>> {
    rows.iter().map(T::from_row).collect()
}

impl Store {
    /// Returns the current end of all logs, live text, steps, and drafts.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn tail_position(&self) -> Result<TailPosition, StoreError> {
        let position = self
            .read(async |tx| {
                Ok(sqlx::query_as(
                    "SELECT (SELECT COALESCE(MAX(id), 0) FROM event_log) AS event_id, \
             (SELECT COALESCE(MAX(id), 0) FROM answer_chunk) AS chunk_id, \
             (SELECT last FROM step_revision) AS step_revision, \
             (SELECT last FROM draft_revision) AS draft_revision",
                )
                .fetch_one(tx)
                .await?)
            })
            .await?;
        Ok(position)
    }

    /// Reads a limited number of events, chunks of live text, steps, and drafts after `position`, from one snapshot.
    /// Renders only the events of logs for which `is_followed` returns true.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn read_tail(
        &self,
        position: TailPosition,
        is_followed: impl Fn(i64) -> bool + Send,
    ) -> Result<Tail, StoreError> {
        /// The maximum number of events and of chunks per read, which limits the memory used during a burst.
        const PAGE: i64 = 256;
        /// The maximum number of steps per read.
        const STEP_PAGE: i64 = 64;
        /// The maximum number of drafts per read.
        const DRAFT_PAGE: i64 = 16;
        self.read(async |tx| {
            let [log_rows, chunks, steps, drafts] = tx
                .fetch_together([
                    sqlx::query(SELECT_LOG).bind(position.event_id).bind(PAGE),
                    chunks::select_after(position.chunk_id, PAGE),
                    step_rows::select_after(position.step_revision, STEP_PAGE),
                    drafts::select_after(position.draft_revision, DRAFT_PAGE),
                ])
                .await?;
            let log_rows: Vec<StoredEvent> = parse(&log_rows)?;
            let mut tail = Tail { position, ..Tail::default() };
            tail.has_more = i64::try_from(log_rows.len()).is_ok_and(|count| count == PAGE);
            // Call `is_followed` only once for each row, because its result changes when a stream connects.
            let rows: Vec<(&StoredEvent, bool)> =
                log_rows.iter().map(|row| (row, is_followed(row.user_log_id))).collect();
            let followed: Vec<&StoredEvent> =
                rows.iter().filter(|(_, followed)| *followed).map(|(row, _)| *row).collect();
            let (now, later) = followed.split_at(count_renderable(followed.iter().copied()));
            let objects = EventObjects::read(tx, now.iter().copied()).await?;
            let end = later.first().map(|row| row.id);
            tail.has_more |= end.is_some();
            for (row, is_followed) in rows.into_iter().take_while(|(row, _)| end.is_none_or(|end| row.id < end)) {
                tail.position.event_id = row.id;
                let event = if is_followed { Some(objects.render(row)?) } else { None };
                tail.rows.push(LogRow { user_log_id: row.user_log_id, seq: row.seq, event });
            }
            // Return text and steps only after all events, so that no text is sent after its task has ended and no step
            // before its attempt has started.
            if !tail.has_more {
                tail.chunks = parse(&chunks)?;
                tail.position.chunk_id = tail.chunks.last().map_or(position.chunk_id, |chunk| chunk.id);
                tail.steps = parse(&steps)?;
                tail.position.step_revision = tail.steps.last().map_or(position.step_revision, |row| row.step.revision);
                tail.drafts = parse(&drafts)?;
                tail.position.draft_revision =
                    tail.drafts.last().map_or(position.draft_revision, |row| row.draft.revision);
                tail.has_more = i64::try_from(tail.chunks.len()).is_ok_and(|count| count == PAGE)
                    || i64::try_from(tail.steps.len()).is_ok_and(|count| count == STEP_PAGE)
                    || i64::try_from(tail.drafts.len()).is_ok_and(|count| count == DRAFT_PAGE);
            }
            Ok(tail)
        })
        .await
    }
}
