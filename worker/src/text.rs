//! Publishes an answer's text as it arrives, and stores it in chunks.

use std::time::Duration;

use banter_shared::{
    chat::sanitize_agent_text,
    relay::{LiveText, SharedRelay, TextIntervals},
    store::{Claim, Store, StoreError, StoredChunk},
};
use tokio::{
    task::{JoinError, JoinHandle},
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;

/// Pause after a failed write.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// The status of an attempt after a call to `advance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriterStatus {
    /// The attempt is still running.
    Active,
    /// According to the store, the attempt is over.
    LeaseLost,
}

/// Collects an answer's text. Publishes it in small deltas, if the relay carries text, and stores it in larger chunks
/// that end at delta boundaries.
pub(crate) struct TextWriter {
    store: Store,
    relay: SharedRelay,
    pace: TextIntervals,
    claim: Claim,
    /// The text received so far.
    all: String,
    /// Number of bytes at the start of the text that are not part of the answer.
    retracted: usize,
    /// Number of bytes of the text that have been published.
    published: usize,
    publish_at: Instant,
    /// Number of bytes of the text that have been stored.
    stored: usize,
    store_at: Instant,
    /// The write in progress, which returns the end offset of the text to store. It runs in a separate tokio task,
    /// because a write that is not polled would hold on to the process's only writer connection, which is needed to
    /// write the outcome.
    in_flight: Option<JoinHandle<(usize, Result<(), StoreError>)>>,
    tasks: TaskTracker,
}

impl TextWriter {
    /// Creates a writer for a new attempt. Writes run on `tasks`.
    pub(crate) fn new(store: &Store, relay: &SharedRelay, tasks: &TaskTracker, claim: Claim) -> Self {
        let (now, pace) = (Instant::now(), relay.text_intervals());
        Self {
            store: store.clone(),
            relay: relay.clone(),
            pace,
            claim,
            all: String::new(),
            retracted: 0,
            published: 0,
            publish_at: now,
            stored: 0,
            store_at: now,
            in_flight: None,
            tasks: tasks.clone(),
        }
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) {
        if self.all.is_empty() && self.pace.published.is_some() {
            // If the answer ends before this time, its text is stored only once, with the outcome.
            self.store_at = Instant::now() + self.pace.stored;
        }
        self.all.push_str(&sanitize_agent_text(text));
    }

    /// Marks the text so far as not part of the answer. It may have been published, but the outcome omits it.
    pub(crate) fn retract(&mut self) {
        self.retracted = self.all.len();
    }

    /// Returns the length in bytes of the text that has not been retracted.
    pub(crate) fn len(&self) -> i64 {
        i64::try_from(self.all.len() - self.retracted).unwrap_or(i64::MAX)
    }

    /// Returns the text that has not been retracted.
    pub(crate) fn into_text(mut self) -> String {
        self.all.split_off(self.retracted)
    }

    /// Returns whether [`TextWriter::advance`] has work to wait for.
    pub(crate) fn has_work(&self) -> bool {
        self.in_flight.is_some() || self.publish_due().is_some() || self.store_due().is_some()
    }

    /// Returns when the next delta is due to be published, if there is unpublished text.
    fn publish_due(&self) -> Option<Instant> {
        (self.pace.published.is_some() && self.all.len() > self.published).then_some(self.publish_at)
    }

    /// Returns when the next chunk is due to be stored, if text can be stored.
    fn store_due(&self) -> Option<Instant> {
        (self.in_flight.is_none() && self.storable() > self.stored).then_some(self.store_at)
    }

    /// Returns the offset up to which text may be stored.
    fn storable(&self) -> usize {
        if self.pace.published.is_some() { self.published } else { self.all.len() }
    }

    /// Waits for the next due action and performs it. This method is cancel safe.
    pub(crate) async fn advance(&mut self) -> WriterStatus {
        let (publish_due, store_due) = (self.publish_due(), self.store_due());
        tokio::select! {
            biased;
            () = sleep_until_due(publish_due) => self.publish(),
            written = join(&mut self.in_flight) => return self.finish_write(written),
            () = sleep_until_due(store_due) => {
                self.store_at = Instant::now() + self.pace.stored;
                self.in_flight = Some(self.start_write());
            }
        }
        WriterStatus::Active
    }

    fn publish(&mut self) {
        self.publish_at = Instant::now() + self.pace.published.unwrap_or_default();
        let text = LiveText {
            session_id: self.claim.session_id,
            task_id: self.claim.task_id,
            attempt: self.claim.attempt,
            message_id: self.claim.answer_message_id,
            offset: i64::try_from(self.published).unwrap_or(i64::MAX),
            text: self.all[self.published..].to_owned(),
        };
        self.published = self.all.len();
        self.relay.publish_text(&self.claim.user, text);
    }

    /// Stores the remaining text at the end of an attempt that may be followed by another one.
    pub(crate) async fn store_rest(&mut self) -> WriterStatus {
        if self.all.len() > self.published && self.pace.published.is_some() {
            self.publish();
        }
        if self.in_flight.is_some() {
            let written = join(&mut self.in_flight).await;
            if self.finish_write(written) == WriterStatus::LeaseLost {
                return WriterStatus::LeaseLost;
            }
        }
        if self.storable() == self.stored {
            return WriterStatus::Active;
        }
        self.in_flight = Some(self.start_write());
        let written = join(&mut self.in_flight).await;
        self.finish_write(written)
    }

    /// Handles the result of a write.
    fn finish_write(&mut self, written: Result<(usize, Result<(), StoreError>), JoinError>) -> WriterStatus {
        self.in_flight = None;
        match written {
            Ok((end, Ok(()))) => self.stored = end,
            Ok((_, Err(StoreError::LeaseLost))) => return WriterStatus::LeaseLost,
            Ok((_, Err(error))) => {
                tracing::warn!(task_id = %self.claim.task_id, %error, "failed to store text; retrying");
                self.store_at = Instant::now() + WRITE_PAUSE;
            }
            Err(error) => tracing::error!(task_id = %self.claim.task_id, %error, "panicked while storing text"),
        }
        WriterStatus::Active
    }

    fn start_write(&self) -> JoinHandle<(usize, Result<(), StoreError>)> {
        let (store, relay, claim) = (self.store.clone(), self.relay.clone(), self.claim.clone());
        let end = self.storable();
        let chunk = StoredChunk {
            task_id: claim.task_id,
            attempt: claim.attempt,
            start_offset: i64::try_from(self.stored).unwrap_or(i64::MAX),
            text: self.all[self.stored..end].to_owned(),
        };
        self.tasks.spawn(async move {
            let appended = store.append_chunk(&claim.user, &chunk).await;
            (end, appended.map(|changed| relay.announce(changed.hints)))
        })
    }
}

/// Waits until the given instant, or forever if there is none.
pub(crate) async fn sleep_until_due(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Waits for a task to finish, or forever if there is none.
pub(crate) async fn join<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}
