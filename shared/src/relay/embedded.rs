//! The relay for processes that share one database file on one machine. It requires no other service.
//!
//! A hint to another process conveys only that something changed; receivers then read the database. Live text is sent
//! over Unix sockets. If sockets cannot be used, text is stored more often, and streams read it from the database.

mod followed_users;
mod socket_folder;
mod text_channel;
mod text_listener;
mod text_publisher;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    FollowGuard, Hints, Identity, LiveText, Relay, Signal, TextIntervals,
    rejections::Rejections,
    signals::{SignalSender, Signals},
    status::{Counters, Link, LinkState, RelayStatus},
    wake::{Interest, Listener, WakeFile, WakeMode},
};
use crate::chat::UserRef;
use followed_users::FollowedUsers;
use socket_folder::SocketFolder;
use text_channel::{Seal, UserText};
use text_listener::TextListener;
use text_publisher::TextPublisher;

/// How long text is collected before it is sent.
const PUBLISHED: Duration = Duration::from_millis(15);
/// How long text is collected before it is stored. A stream that missed sent text receives it with this delay.
const STORED: Duration = Duration::from_millis(250);
/// How long text is collected before it is stored if it cannot be sent.
const STORED_ONLY: Duration = Duration::from_millis(60);

/// The embedded relay; see the module documentation.
#[derive(Debug)]
pub struct EmbeddedRelay {
    wake: Arc<WakeFile>,
    interest: Arc<Interest>,
    signals: SignalSender,
    counters: Arc<Counters>,
    subscriber: Arc<Link>,
    publisher: Link,
    followed: Arc<FollowedUsers>,
    /// The receiver of live text; `None` once it has been started for the first stream.
    listener: Mutex<Option<TextListener>>,
    /// Sends live text; `None` if sockets cannot be created.
    texts: Option<TextPublisher>,
    tasks: CancellationToken,
    /// Cancels the relay's tasks when dropped.
    _stop: DropGuard,
}

impl EmbeddedRelay {
    /// Starts listening for changes made by other processes that use this database.
    ///
    /// # Errors
    /// Returns an error if the wake-up file next to the database cannot be created.
    pub async fn start(database: &Path, mode: WakeMode, identity: &Identity) -> std::io::Result<Self> {
        let wake = Arc::new(WakeFile::open(database)?);
        let interest = Arc::<Interest>::default();
        let signals = SignalSender::new();
        let subscriber = Arc::new(Link::new("subscriber"));
        let publisher = Link::new("publisher");
        publisher.connected();
        let listener = Listener {
            wake: Arc::clone(&wake),
            mode,
            database: SqliteConnectOptions::new().filename(database).disable_statement_logging(),
            interest: Arc::clone(&interest),
            link: Arc::clone(&subscriber),
            on_change: {
                let signals = signals.clone();
                Arc::new(move || signals.send(Signal::Changed))
            },
        };
        let stop = CancellationToken::new();
        // Wait until the listener can detect changes, so that no later change is missed.
        tokio::spawn(stop.clone().run_until_cancelled_owned(listener.start().await));
        let (counters, followed) = (Arc::<Counters>::default(), Arc::<FollowedUsers>::default());
        let (folder, seal) = (SocketFolder::of(database), Seal::new(identity.key.clone(), &identity.installation));
        let listener = TextListener {
            folder: folder.clone(),
            seal: seal.clone(),
            signals: signals.clone(),
            followed: Arc::clone(&followed),
            rejections: Arc::new(Rejections::new(Arc::clone(&counters))),
        };
        // A process that cannot create a socket assumes that no other process can create one either.
        let texts = match folder.open().and_then(|folder| folder.listen()) {
            Ok(_) => {
                let (texts, sending) = TextPublisher::new(folder, seal, Arc::clone(&counters));
                tokio::spawn(stop.clone().run_until_cancelled_owned(sending.run()));
                Some(texts)
            }
            Err(error) => {
                tracing::warn!(%error, "cannot send live text to other processes; storing partial answers more often");
                None
            }
        };
        Ok(Self {
            wake,
            interest,
            signals,
            counters,
            subscriber,
            publisher,
            followed,
            listener: Mutex::new(Some(listener)),
            texts,
            tasks: stop.clone(),
            _stop: stop.drop_guard(),
        })
    }

    /// Starts receiving live text, unless this has already been done. A process without streams needs no socket.
    fn listen(&self) {
        let Some(listener) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let bound = listener.bind().inspect_err(
            |error| tracing::warn!(%error, "cannot receive live text; reading the stored text, and retrying"),
        );
        tokio::spawn(self.tasks.clone().run_until_cancelled_owned(listener.run(bound.ok())));
    }
}

#[async_trait]
impl Relay for EmbeddedRelay {
    fn announce(&self, hints: Hints) {
        if hints.is_empty() {
            return;
        }
        match self.wake.touch() {
            Ok(()) => self.publisher.connected(),
            Err(error) => {
                self.counters.dropped_hints.add(1);
                self.publisher.failed(LinkState::Disconnected, &error);
            }
        }
        // Receivers in this process do not need to wait for the file system.
        self.signals.send_hints(hints);
    }

    fn publish_text(&self, user: &UserRef, text: LiveText) {
        if let Some(texts) = &self.texts {
            texts.publish(UserText { user: user.clone(), text });
        }
    }

    fn signals(&self) -> Signals {
        self.signals.subscribe()
    }

    async fn follow(&self, user: &UserRef) -> FollowGuard {
        self.listen();
        FollowGuard::new((self.followed.add(user), self.interest.add()))
    }

    fn follow_work(&self) -> FollowGuard {
        FollowGuard::new(self.interest.add())
    }

    fn text_intervals(&self) -> TextIntervals {
        match self.texts {
            Some(_) => TextIntervals { stored: STORED, published: Some(PUBLISHED) },
            None => TextIntervals { stored: STORED_ONLY, published: None },
        }
    }

    fn status(&self) -> RelayStatus {
        RelayStatus {
            subscriber: self.subscriber.get(),
            publisher: self.publisher.get(),
            pending_subscriptions: 0,
            dropped_hints: self.counters.dropped_hints.get(),
            dropped_texts: self.counters.dropped_texts.get(),
            lagged_signals: self.signals.lagged(),
            rejected_messages: self.counters.rejected_messages.get(),
        }
    }

    async fn flush(&self) {}
}
