//! A user's stream that is open for a while, closed, and resumed at a random api. Its sequence numbers must have no
//! gap.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use banter_tests::{
    random::TestRng,
    sse::{Event, EventStream, USER_EVENTS},
};
use rand::RngExt as _;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{stats::LoadStats, user::User};

/// Number of streams of each user.
pub const STREAMS: usize = 2;
/// How long a stream stays open, in seconds: the minimum, and the range of a random addition.
const STAY_SECONDS: (u64, u64) = (5, 55);
/// Delay after a stream could not be opened.
const PAUSE: Duration = Duration::from_millis(200);

/// A subscription of one user.
#[derive(Debug)]
pub struct Listener {
    user: Arc<User>,
    stats: Arc<LoadStats>,
    /// The index of the next api.
    api: usize,
    rng: TestRng,
    /// The cursor of the last event: its epoch and its sequence number.
    epoch: String,
    seq: u64,
    stream: EventStream,
}

/// Why a stream is closed.
enum Closed {
    /// It is to be reopened.
    Reopen,
    /// The run has ended.
    Stopped,
}

impl Listener {
    /// Opens the stream for the first time, from now on.
    pub async fn start(user: Arc<User>, stats: Arc<LoadStats>, api: usize, rng: TestRng) -> Result<Self> {
        let mut stream = user.client_of(api).try_events(USER_EVENTS, None).await?;
        let hello = stream.next().await;
        let (epoch, seq) =
            split(hello.data["cursor"].as_str().unwrap_or_default()).context("hello without a cursor")?;
        Ok(Self { user, stats, api, rng, epoch, seq, stream })
    }

    /// Follows the stream until it is stopped.
    pub async fn listen(mut self, stop: CancellationToken) {
        loop {
            self.stats.count_stream();
            let stay = Duration::from_secs(STAY_SECONDS.0 + self.rng.random_range(0..STAY_SECONDS.1));
            if let Closed::Stopped = self.read(Instant::now() + stay, &stop).await {
                return;
            }
            self.api += 1;
            let cursor = format!("{}-{}", self.epoch, self.seq);
            match self.user.client_of(self.api).try_events(USER_EVENTS, Some(&cursor)).await {
                Ok(stream) => self.stream = stream,
                Err(error) => {
                    self.stats.record_violation(format!("a stream cannot be opened: {error}"));
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn read(&mut self, until: Instant, stop: &CancellationToken) -> Closed {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Closed::Stopped,
                () = sleep_until(until) => return Closed::Reopen,
                event = self.stream.try_next() => match event {
                    Ok(Some(event)) => self.receive(&event),
                    Ok(None) => {
                        self.stats.record_violation("a stream ended unexpectedly".into());
                        return Closed::Reopen;
                    }
                    Err(violation) => self.stats.record_violation(violation),
                },
            }
        }
    }

    fn receive(&mut self, event: &Event) {
        if event.kind == "resync" {
            self.stats.record_violation(format!("a stream received resync: {}", event.data));
            let cursor = event.data["cursor"].as_str().and_then(split);
            (self.epoch, self.seq) = cursor.unwrap_or_default();
        }
        let Some((epoch, seq)) = event.id.as_deref().and_then(split) else { return };
        if (epoch.as_str(), seq) != (self.epoch.as_str(), self.seq + 1) {
            self.stats.record_violation(format!("event {}-{} was followed by {epoch}-{seq}", self.epoch, self.seq));
        }
        (self.epoch, self.seq) = (epoch, seq);
        self.user.receive(seq, &event.data);
    }
}

/// Splits a cursor into its epoch and its sequence number.
fn split(cursor: &str) -> Option<(String, u64)> {
    let (epoch, seq) = cursor.rsplit_once('-')?;
    Some((epoch.to_owned(), seq.parse().ok()?))
}
