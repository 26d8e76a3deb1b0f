//! Reads the new events, live text, steps, and drafts of all users, for a process that serves many streams.

mod postgres;
mod sqlite;

use sqlx::FromRow;

use super::{
    Store, StoreError,
    chunks::ChunkRow,
    database_driver::{Connection, Query, Row},
    drafts::DraftRow,
    step_rows::StepRow,
    stored_event::{EventObjects, StoredEvent, count_renderable},
    stripe::{STRIPES, Stripe},
};
use crate::{chat::UserRef, event::Event};

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

/// A position in the database's logs, live text, steps, and drafts: one for each stripe of users. On SQLite, only the
/// first one is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailPosition([StripePosition; STRIPES]);

/// A position in the rows of a stripe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
struct StripePosition {
    event_id: i64,
    chunk_id: i64,
    step_revision: i64,
    draft_revision: i64,
}

impl TailPosition {
    /// Binds a number of each stripe as `$1` to `$4`, the maximum number of rows as `$5`, and the scope as `$6`.
    fn bind(
        &self,
        sql: &'static str,
        number: impl Fn(&StripePosition) -> i64,
        limit: i64,
        scope: TailScope,
    ) -> Query<'static> {
        self.0.iter().fold(sqlx::query(sql), |query, position| query.bind(number(position))).bind(limit).bind(scope.0)
    }

    /// Returns the position in the stripe with this number.
    fn in_stripe_mut(&mut self, number: i64) -> Result<&mut StripePosition, StoreError> {
        let index = usize::try_from(number).ok();
        index.and_then(|index| self.0.get_mut(index)).ok_or_else(|| StoreError::Corrupt(format!("stripe {number}")))
    }
}

/// The users whose rows are read: those in a set of stripes. Every read of a SQLite database includes all users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailScope(i64);

impl TailScope {
    /// All users.
    pub const ALL: Self = Self((1 << STRIPES) - 1);

    /// Adds a user, and those in the same stripe.
    pub fn add(&mut self, user: &UserRef) {
        self.0 |= 1 << Stripe::of(user).number();
    }

    /// Returns whether there are no users.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The statements that read the tail. The databases need different ones: on SQLite, all rows are in the order of their
/// numbers; on a server, those of each stripe are.
struct Statements {
    /// Selects the current end of each stripe.
    position: &'static str,
    /// Selects at most `$5` events after the numbers `$1` to `$4`, one for each stripe, in the stripes whose bits are set in
    /// `$6`.
    events: &'static str,
    /// Selects chunks in the same way. The rows are [`ChunkRow`]s.
    chunks: &'static str,
    /// Selects steps in the same way. The rows are [`StepRow`]s.
    steps: &'static str,
    /// Selects drafts in the same way. The rows are [`DraftRow`]s.
    drafts: &'static str,
}

impl Statements {
    fn of(connection: &Connection) -> &'static Self {
        if connection.is_server() { &postgres::STATEMENTS } else { &sqlite::STATEMENTS }
    }
}

fn parse<T: for<'r> FromRow<'r, Row>>(rows: &[Row]) -> sqlx::Result<Vec<T>> {
    rows.iter().map(T::from_row).collect()
}

impl Store {
    /// Returns the current end of all logs, live text, steps, and drafts.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn tail_position(&self) -> Result<TailPosition, StoreError> {
        self.read(async |tx| {
            let ends: Vec<StripePosition> = sqlx::query_as(Statements::of(tx).position).fetch_all(tx).await?;
            let mut position = TailPosition::default();
            for (stripe, end) in position.0.iter_mut().zip(ends) {
                *stripe = end;
            }
            Ok(position)
        })
        .await
    }

    /// Reads a limited number of events, chunks of live text, steps, and drafts of the users in `scope` after `position`,
    /// from one snapshot.
    /// Renders only the events of logs for which `is_followed` returns true.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn read_tail(
        &self,
        position: TailPosition,
        scope: TailScope,
        is_followed: impl Fn(i64) -> bool + Send,
    ) -> Result<Tail, StoreError> {
        /// The maximum number of events and of chunks per read, which limits the memory used during a burst.
        const PAGE: i64 = 256;
        /// The maximum number of steps per read.
        const STEP_PAGE: i64 = 64;
        /// The maximum number of drafts per read.
        const DRAFT_PAGE: i64 = 16;
        self.read(async |tx| {
            let statements = Statements::of(tx);
            let is_server = tx.is_server();
            // On SQLite, labels have no meaning.
            let label = |stripe| if is_server { stripe } else { 0 };
            let [log_rows, chunks, steps, drafts] = tx
                .fetch_together([
                    position.bind(statements.events, |stripe| stripe.event_id, PAGE, scope),
                    position.bind(statements.chunks, |stripe| stripe.chunk_id, PAGE, scope),
                    position.bind(statements.steps, |stripe| stripe.step_revision, STEP_PAGE, scope),
                    position.bind(statements.drafts, |stripe| stripe.draft_revision, DRAFT_PAGE, scope),
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
                tail.position.in_stripe_mut(label(row.stripe))?.event_id = row.id;
                let event = if is_followed { Some(objects.render(row)?) } else { None };
                tail.rows.push(LogRow { user_log_id: row.user_log_id, seq: row.seq, event });
            }
            // Return text and steps only after all events, so that no text is sent after its task has ended and no step
            // before its attempt has started.
            if !tail.has_more {
                tail.chunks = parse(&chunks)?;
                tail.steps = parse(&steps)?;
                tail.drafts = parse(&drafts)?;
                for chunk in &tail.chunks {
                    tail.position.in_stripe_mut(label(chunk.stripe))?.chunk_id = chunk.id;
                }
                for row in &tail.steps {
                    tail.position.in_stripe_mut(label(row.stripe))?.step_revision = row.step.revision;
                }
                for row in &tail.drafts {
                    tail.position.in_stripe_mut(label(row.stripe))?.draft_revision = row.draft.revision;
                }
                tail.has_more = i64::try_from(tail.chunks.len()).is_ok_and(|count| count == PAGE)
                    || i64::try_from(tail.steps.len()).is_ok_and(|count| count == STEP_PAGE)
                    || i64::try_from(tail.drafts.len()).is_ok_and(|count| count == DRAFT_PAGE);
            }
            Ok(tail)
        })
        .await
    }
}
