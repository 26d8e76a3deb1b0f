//! Determines the position at which a stream starts in its user's log, and reads the events after it.

use super::{
    LogPosition, Store, StoreError, events,
    stored_event::{EventObjects, StoredEvent, count_renderable, log_columns},
    stream_state::{StreamState, read_state},
};
use crate::{
    chat::UserRef,
    event::{Cursor, Event},
    id::SessionId,
};

/// The maximum number of events to replay. A client that is further behind must fetch the state again.
const MAX_REPLAY: i64 = 10_000;

/// The reason why a stream cannot continue at its client's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResyncReason {
    /// The cursor cannot be parsed.
    Malformed,
    /// The cursor belongs to another user or another database, or was created before a restore.
    Foreign,
    /// The cursor is beyond the head of the log, for example because the database file was replaced with an older copy.
    Future,
    /// Events after the cursor were pruned.
    Pruned,
    /// There are too many events after the cursor.
    TooFarBehind,
    /// The client reads too slowly.
    TooSlow,
}

impl ResyncReason {
    /// Returns the name that is sent on the stream.
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

/// The position at which a stream starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayStart {
    /// The log.
    pub user_log_id: i64,
    /// The cursor after which the stream delivers events: the client's, or the head.
    pub cursor: Cursor,
    /// The reason why the client's cursor could not be used, if any.
    pub resync: Option<ResyncReason>,
}

/// A part of a user's log and, if it reaches the head, the running tasks.
#[derive(Clone, Debug)]
pub struct ReplayPage {
    /// The events, in order, with their numbers.
    pub events: Vec<(i64, Event)>,
    /// The number of the last row read, even if that row is not among `events`; `after_seq` if no row was read.
    pub last_seq: i64,
    /// The running tasks as of the last of `events`; `None` if there may be more events to read.
    pub state: Option<StreamState>,
}

impl Store {
    /// Determines where a stream starts: at the client's cursor `requested`, or at the head if there is no usable
    /// cursor.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn start_replay(&self, user: &UserRef, requested: Option<&str>) -> Result<ReplayStart, StoreError> {
        self.read(async |tx| {
            let LogPosition { user_log_id, head } = events::head(tx, user).await?;
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
        })
        .await
    }

    /// Reads at most `limit` rows of a user's log after `after_seq`; fewer if their text is long. If the head is
    /// reached, also reads the running tasks.
    ///
    /// With `only`, events and state are limited to that session. `after_step` is the latest step revision that the
    /// reader has; `None` if the reader has no steps.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn read_log(
        &self,
        user_log_id: i64,
        after_seq: i64,
        limit: i64,
        only: Option<SessionId>,
        after_step: Option<i64>,
    ) -> Result<ReplayPage, StoreError> {
        self.read(async |tx| {
            let log_rows: Vec<StoredEvent> = sqlx::query_as(concat!(
                "SELECT ",
                log_columns!(),
                " FROM event_log e WHERE e.user_log_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3 + 0"
            ))
            .bind(user_log_id)
            .bind(after_seq)
            .bind(limit)
            .fetch_all(&mut *tx)
            .await?;
            let is_wanted = |row: &&StoredEvent| only.is_none_or(|only| row.chat_session_id == only);
            let wanted: Vec<&StoredEvent> = log_rows.iter().filter(is_wanted).collect();
            let (now, later) = wanted.split_at(count_renderable(wanted.iter().copied()));
            let objects = EventObjects::read(tx, now.iter().copied()).await?;
            let render = |row: &&StoredEvent| Ok((row.seq, objects.render(row)?));
            let events = now.iter().map(render).collect::<Result<Vec<_>, StoreError>>()?;
            let last_read = if later.is_empty() { log_rows.last() } else { now.last().copied() };
            let last_seq = last_read.map_or(after_seq, |row| row.seq);
            let reached_head = later.is_empty() && i64::try_from(log_rows.len()).is_ok_and(|count| count < limit);
            let state = if reached_head { Some(read_state(tx, user_log_id, only, after_step).await?) } else { None };
            Ok(ReplayPage { events, last_seq, state })
        })
        .await
    }
}
