//! The relay: notifies other processes of changes, and carries the live text of answers.
//!
//! The truth is in the store. If a relay loses every message, everything still happens, up to a second later: each
//! receiver also polls the store. That second is never lost silently: [`RelayStatus`] shows each direction's state and
//! counts what was dropped.

mod embedded;
mod key;
mod redis;
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

/// How often every receiver looks by itself, whatever the relay says: the net under the net.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A piece of a running answer, on its way to the streams that show it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LiveText {
    /// The session.
    pub session_id: SessionId,
    /// The running task.
    pub task_id: TaskId,
    /// Its attempt.
    pub attempt: i64,
    /// The id that the answer will have.
    pub message_id: MessageId,
    /// Where the piece belongs, in bytes of UTF-8.
    pub offset: i64,
    /// The text.
    pub text: String,
}

impl LiveText {
    /// Where the next piece belongs.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.offset + i64::try_from(self.text.len()).unwrap_or(0)
    }
}

/// What arrives from other processes, and from this one.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Something was committed, and it is not known what: read the log, look for jobs and for stops.
    Changed,
    /// A user's log has grown.
    Log(UserRef),
    /// Live text of a session of this user.
    Text(UserRef, Arc<LiveText>),
    /// A job is runnable.
    WakeWorkers,
    /// A running task is to stop.
    Stop(TaskId),
    /// A permission request of a running task was answered.
    Decided(TaskId),
    /// The relay was away and is back: signals were lost, read everything once.
    Healed,
}

/// How an answer's text travels while it is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPace {
    /// How much time's text a worker collects before it stores it.
    pub stored: Duration,
    /// How much it collects before it publishes it; `None` where streams read what is stored.
    pub published: Option<Duration>,
}

/// Carries hints between processes. All implementations give the same guarantees.
#[async_trait]
pub trait Relay: Debug + Send + Sync {
    /// Tells what a change has done. Called after its commit, never before; never waits.
    fn announce(&self, hints: Hints);

    /// Sends live text to the user's streams. Never waits; may be lost.
    fn publish_text(&self, user: &UserRef, text: LiveText);

    /// Returns a receiver of everything that arrives from now on.
    fn signals(&self) -> Signals;

    /// Makes sure that this user's signals arrive, as long as the guard lives.
    async fn follow(&self, user: &UserRef) -> Follow;

    /// Makes sure that signals to workers arrive without delay, as long as the guard lives.
    fn attend(&self) -> Follow;

    /// How text travels.
    fn text_pace(&self) -> TextPace;

    /// Returns the current state of both directions, and what was lost so far.
    fn status(&self) -> RelayStatus;

    /// Waits, for half a second at most, until everything that was announced has been sent. For a process that ends.
    async fn flush(&self);
}

/// A relay shared by the parts of a process.
pub type SharedRelay = Arc<dyn Relay>;

/// Held by whoever needs signals soon: an open stream, a running task.
pub struct Follow {
    _guard: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Follow {
    /// A guard that runs `guard`'s drop at its end.
    fn new(guard: impl std::any::Any + Send + Sync) -> Self {
        Self { _guard: Some(Box::new(guard)) }
    }

    /// A guard of nothing.
    const fn nothing() -> Self {
        Self { _guard: None }
    }
}

impl Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follow")
    }
}

/// Which relay to start.
#[derive(Clone, Debug, Default)]
pub struct RelayOptions {
    /// Redis, for processes on several machines; without it the embedded relay.
    pub redis: Option<RedisAddress>,
    /// How the embedded relay notices changes.
    pub wake: WakeMode,
}

/// The installation that a relay's messages belong to.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its id: part of every channel's name.
    pub installation: String,
    /// Signs every message.
    pub key: RelayKey,
}

/// Why a relay could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The wake-up file cannot be created.
    #[error("cannot create the wake-up file next to the database")]
    WakeFile(#[source] std::io::Error),
}

/// Starts the relay of this process. Does not wait for Redis.
///
/// # Errors
/// When the wake-up file next to the database cannot be created.
pub async fn start(options: &RelayOptions, database: &Path, identity: &Identity) -> Result<SharedRelay, StartError> {
    Ok(match &options.redis {
        Some(address) => Arc::new(RedisRelay::start(address, identity)),
        None => Arc::new(EmbeddedRelay::start(database, options.wake).await.map_err(StartError::WakeFile)?),
    })
}
