//! Replay: where a stream starts in its user's log, and what it reads from there.

use super::{
    LogPosition, Store, StoreError, events,
    stored_event::{READ_BYTES, StoredEvent, log_columns, render},
    stream_state::{StreamState, read_state},
};
use crate::{
    chat::UserRef,
    event::{Cursor, Event},
    id::SessionId,
};

/// A stream this far behind is told to fetch the state again instead of hearing every event.
const MAX_REPLAY: i64 = 10_000;

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

impl Store {
    /// Where a stream starts whose client was at `requested`; from the head without it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start_replay(&self, user: &UserRef, requested: Option<&str>) -> Result<ReplayStart, StoreError> {
        let mut tx = self.begin_read().await?;
        let LogPosition { user_log_id, head } = events::head(&mut tx, user).await?;
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
}
