//! The relay over Redis pub/sub: for processes on any number of machines that share one database.
//!
//! Guarantees: nothing waits for Redis. Publishing is off the caller's path and drops what does not fit; while Redis is
//! away or frozen, receivers live from their own looks; within two seconds of its return everyone is connected again
//! and hears [`Signal::Healed`]. Nothing is kept in Redis.
//!
//! Channels are named `banter:<installation>:…`: one a user for events and text, one for work, one for what running tasks
//! have to hear: stops and decisions.

mod publisher;
mod subscriber;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::redis::Client;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Follow, Hints, LiveText, Relay, SIGNAL_BUFFER, Signal, TextPace};
use crate::{chat::UserRef, id::TaskId};

/// How long a stream waits at its start until its user's channel is subscribed; after that it lives from polling
/// until it is.
const FOLLOW_LIMIT: Duration = Duration::from_millis(200);
/// How long Redis may take to answer before it counts as away.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// First pause before a new connection; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause: a return is noticed within this and [`ANSWER_LIMIT`].
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Messages that wait to be published. What does not fit is lost, and found by looking.
const PUBLISH_BUFFER: usize = 4096;
/// Changes of subscriptions that wait to be made.
const COMMAND_BUFFER: usize = 1024;
/// How much time's text is published at once.
const PUBLISHED: Duration = Duration::from_millis(30);
/// How much time's text is stored at once: what a stream that missed text has to wait for.
const STORED: Duration = Duration::from_millis(250);

/// What is sent over a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    /// On a user's channel: the log has grown.
    Log,
    /// On a user's channel: live text.
    Text(LiveText),
    /// On the channel of work: a job is runnable.
    Work,
    /// On the channel of stops: a running task is to stop.
    Stop(TaskId),
    /// On the channel of stops: a permission request of a running task was answered.
    Decided(TaskId),
}

/// The names of an installation's channels.
#[derive(Clone, Debug)]
struct Channels {
    prefix: String,
}

impl Channels {
    fn user(&self, user: &UserRef) -> String {
        // The length keeps a/b + c and a + b/c apart.
        format!("{}:user:{}:{}/{}", self.prefix, user.workspace_id.len(), user.workspace_id, user.user_id)
    }

    fn work(&self) -> String {
        format!("{}:work", self.prefix)
    }

    fn stops(&self) -> String {
        format!("{}:stops", self.prefix)
    }
}

/// A change of what is subscribed.
#[derive(Debug)]
enum Command {
    /// Subscribe to a user's channel, and say so.
    Follow(UserRef, oneshot::Sender<()>),
    /// Nobody follows the user any more, unless somebody does again.
    Forget(UserRef),
}

/// Who is followed, and by how many.
type Followed = Arc<Mutex<HashMap<UserRef, usize>>>;

fn lock(followed: &Followed) -> MutexGuard<'_, HashMap<UserRef, usize>> {
    followed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See the module.
#[derive(Debug)]
pub struct RedisRelay {
    channels: Channels,
    signals: broadcast::Sender<Signal>,
    outgoing: mpsc::Sender<(String, Wire)>,
    commands: mpsc::Sender<Command>,
    followed: Followed,
    /// Whether somebody listens at the other end.
    is_connected: Arc<AtomicBool>,
    /// Held for its drop: ends the tasks that publish and listen.
    _stop: DropGuard,
}

impl RedisRelay {
    /// Starts to connect; does not wait until it is connected.
    ///
    /// # Errors
    /// When the URL is none of Redis.
    pub fn start(url: &str, installation: &str) -> Result<Self, ::redis::RedisError> {
        let client = Client::open(url)?;
        let channels = Channels { prefix: format!("banter:{installation}") };
        let (signals, _) = broadcast::channel(SIGNAL_BUFFER);
        let (outgoing, to_publish) = mpsc::channel(PUBLISH_BUFFER);
        let (commands, to_follow) = mpsc::channel(COMMAND_BUFFER);
        let followed = Followed::default();
        let is_connected = Arc::<AtomicBool>::default();
        let stop = CancellationToken::new();
        tokio::spawn(publisher::run(client.clone(), to_publish, stop.clone()));
        let subscriber = subscriber::Subscriber {
            client,
            channels: channels.clone(),
            signals: signals.clone(),
            followed: Arc::clone(&followed),
            commands: to_follow,
            is_connected: Arc::clone(&is_connected),
        };
        tokio::spawn(subscriber.run(stop.clone()));
        Ok(Self { channels, signals, outgoing, commands, followed, is_connected, _stop: stop.drop_guard() })
    }

    fn publish(&self, channel: String, message: Wire) {
        // Full: Redis is slow or away, and who needs the message looks by themselves.
        let _ = self.outgoing.try_send((channel, message));
    }

    /// Tells this process's own receivers, who need not wait for Redis.
    fn tell(&self, signal: Signal) {
        // Nobody listening is no error.
        let _ = self.signals.send(signal);
    }
}

#[async_trait]
impl Relay for RedisRelay {
    fn announce(&self, hints: Hints) {
        for user in hints.users {
            self.publish(self.channels.user(&user), Wire::Log);
            self.tell(Signal::Log(user));
        }
        if hints.wake_workers {
            self.publish(self.channels.work(), Wire::Work);
            self.tell(Signal::WakeWorkers);
        }
        for task_id in hints.stops {
            self.publish(self.channels.stops(), Wire::Stop(task_id));
            self.tell(Signal::Stop(task_id));
        }
        for task_id in hints.decisions {
            self.publish(self.channels.stops(), Wire::Decided(task_id));
            self.tell(Signal::Decided(task_id));
        }
    }

    fn publish_text(&self, user: &UserRef, text: LiveText) {
        self.publish(self.channels.user(user), Wire::Text(text));
    }

    fn signals(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    async fn follow(&self, user: &UserRef) -> Follow {
        *lock(&self.followed).entry(user.clone()).or_default() += 1;
        let guard =
            Follower { user: user.clone(), followed: Arc::clone(&self.followed), commands: self.commands.clone() };
        let (done, subscribed) = oneshot::channel();
        if self.commands.try_send(Command::Follow(user.clone(), done)).is_ok() {
            let _ = timeout(FOLLOW_LIMIT, subscribed).await;
        }
        Follow::new(guard)
    }

    fn attend(&self) -> Follow {
        Follow::nothing()
    }

    fn text_pace(&self) -> TextPace {
        TextPace { stored: STORED, published: Some(PUBLISHED) }
    }

    fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

/// One of those who follow a user.
struct Follower {
    user: UserRef,
    followed: Followed,
    commands: mpsc::Sender<Command>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followed = lock(&self.followed);
        if let Some(count) = followed.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                followed.remove(&self.user);
                // Full: one subscription too many costs little, and ends with the connection.
                let _ = self.commands.try_send(Command::Forget(self.user.clone()));
            }
        }
    }
}
