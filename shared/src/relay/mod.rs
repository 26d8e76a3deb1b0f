//! The relay, which notifies other processes of changes and transports the live text of answers.
//!
//! The store is the source of truth. Even if a relay loses every message, receivers find every change within a second
//! by polling the store. [`RelayStatus`] shows the state of each direction and counts dropped messages.

mod embedded;
mod key;
mod redis;
mod rejections;
mod signals;
mod status;
#[cfg(test)]
mod tests;
mod wake;

use std::{fmt::Debug, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    chat::UserRef,
    event::Hints,
    id::{MessageId, SessionId, TaskId},
};

pub use embedded::EmbeddedRelay;
pub use key::RelayKey;
pub use redis::{AddressError, RedisAddress, RedisRelay, URL_FORMS};
pub use signals::Signals;
pub use status::{LinkState, RelayStatus};
pub use wake::WakeMode;

/// How often every receiver polls the store, regardless of the relay.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A piece of an answer in progress that is sent to open streams.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LiveText {
    /// The session.
    pub session_id: SessionId,
    /// The running task.
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// The ID that the answer will have once it is stored.
    pub message_id: MessageId,
    /// The offset at which the piece starts, in bytes of UTF-8.
    pub offset: i64,
    /// The text.
    pub text: String,
}

impl LiveText {
    /// Returns the offset at which the next piece starts.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.offset + i64::try_from(self.text.len()).unwrap_or(0)
    }
}

/// A signal from another process or from this one.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Anything may have changed: read the log, and check for jobs, stop requests, and answered permission requests.
    Changed,
    /// A user's log has grown.
    Log(UserRef),
    /// Live text arrived for one of the user's sessions.
    Text(UserRef, Arc<LiveText>),
    /// A job became runnable.
    WakeWorkers,
    /// A stop was requested for a running task.
    Stop(TaskId),
    /// A running task's permission request was answered.
    Decided(TaskId),
    /// The relay has connected. Signals may have been lost, so receivers must check for every kind of change.
    Reconnected,
}

/// How often the text of an answer in progress is stored and published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextIntervals {
    /// How long a worker collects text before storing it.
    pub stored: Duration,
    /// How long a worker collects text before publishing it; `None` if streams read stored text only.
    pub published: Option<Duration>,
}

/// Sends hints and live text between processes.
#[async_trait]
pub trait Relay: Debug + Send + Sync {
    /// Announces a committed change. Must be called after the commit; never waits.
    fn announce(&self, hints: Hints);

    /// Publishes live text to the user's streams. Never waits, and may lose text.
    fn publish_text(&self, user: &UserRef, text: LiveText);

    /// Returns a receiver for all future signals.
    fn signals(&self) -> Signals;

    /// Subscribes to the user's signals until the guard is dropped.
    async fn follow(&self, user: &UserRef) -> FollowGuard;

    /// Subscribes to the signals for workers until the guard is dropped.
    fn follow_work(&self) -> FollowGuard;

    /// Returns how often text is stored and published.
    fn text_intervals(&self) -> TextIntervals;

    /// Returns the state of both directions and the number of lost messages.
    fn status(&self) -> RelayStatus;

    /// Waits for up to half a second until all announced hints have been sent. Must be called before the process exits.
    async fn flush(&self);
}

/// A relay shared by the parts of a process.
pub type SharedRelay = Arc<dyn Relay>;

/// A guard that ends a subscription when dropped. The default value holds no subscription.
#[derive(Default)]
pub struct FollowGuard {
    _guard: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl FollowGuard {
    /// Wraps the guard of a relay.
    fn new(guard: impl std::any::Any + Send + Sync) -> Self {
        Self { _guard: Some(Box::new(guard)) }
    }
}

impl Debug for FollowGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FollowGuard")
    }
}

/// Options that select and configure the relay.
#[derive(Clone, Debug, Default)]
pub struct RelayOptions {
    /// The Redis server, which processes on several machines require. If `None`, the embedded relay is used.
    pub redis: Option<RedisAddress>,
    /// How the embedded relay detects changes.
    pub wake: WakeMode,
}

/// The installation to which a relay's messages belong.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The ID, which is part of every channel's name.
    pub installation: String,
    /// The key that signs every message.
    pub key: RelayKey,
}

/// The reason why a relay could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The wake-up file cannot be created.
    #[error("cannot create the wake-up file next to the database")]
    WakeFile(#[source] std::io::Error),
    /// The database is on a server, and there is no Redis server.
    #[error("REDIS_URL: required when the database is on a PostgreSQL server")]
    RedisMissing,
}

/// Starts the relay of this process. Does not wait for Redis. `database` is the database file; `None` if the database is
/// on a server.
///
/// # Errors
/// Returns an error if the wake-up file next to the database cannot be created, or if the database is on a server and
/// no Redis server is configured.
pub async fn start(
    options: &RelayOptions,
    database: Option<&Path>,
    identity: &Identity,
) -> Result<SharedRelay, StartError> {
    Ok(match (&options.redis, database) {
        (Some(address), _) => Arc::new(RedisRelay::start(address, identity)),
        (None, Some(path)) => {
            Arc::new(EmbeddedRelay::start(path, options.wake, identity).await.map_err(StartError::WakeFile)?)
        }
        (None, None) => return Err(StartError::RedisMissing),
    })
}
