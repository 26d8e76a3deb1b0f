//! The relay of processes that share one database file on one machine; no service is required.
//!
//! A hint says only that something changed, and receivers read the database. Live text is not sent: it is stored often
//! enough for streams to read it from the database.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    FollowGuard, Hints, LiveText, Relay, Signal, TextIntervals,
    signals::{SignalSender, Signals},
    status::{Counters, Link, LinkState, RelayStatus},
    wake::{Interest, Listener, WakeFile, WakeMode},
};
use crate::chat::UserRef;

/// How long a worker collects text before storing it, which determines how often readers receive new text.
const CHUNK_INTERVAL: Duration = Duration::from_millis(60);

/// The embedded relay; see the module documentation.
#[derive(Debug)]
pub struct EmbeddedRelay {
    wake: Arc<WakeFile>,
    interest: Arc<Interest>,
    signals: SignalSender,
    counters: Counters,
    subscriber: Arc<Link>,
    publisher: Link,
    /// Ends the listener when dropped.
    _stop: DropGuard,
}

impl EmbeddedRelay {
    /// Starts listening for changes by other processes that use this database.
    ///
    /// # Errors
    /// Returns an error if the wake-up file next to the database cannot be created.
    pub async fn start(database: &Path, mode: WakeMode) -> std::io::Result<Self> {
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
        // Wait until changes are detected, so that nothing is missed after the start.
        tokio::spawn(stop.clone().run_until_cancelled_owned(listener.start().await));
        Ok(Self {
            wake,
            interest,
            signals,
            counters: Counters::default(),
            subscriber,
            publisher,
            _stop: stop.drop_guard(),
        })
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
        self.signals.send(Signal::Changed);
    }

    fn publish_text(&self, _: &UserRef, _: LiveText) {}

    fn signals(&self) -> Signals {
        self.signals.subscribe()
    }

    async fn follow(&self, _: &UserRef) -> FollowGuard {
        self.follow_work()
    }

    fn follow_work(&self) -> FollowGuard {
        FollowGuard::new(self.interest.add())
    }

    fn text_intervals(&self) -> TextIntervals {
        TextIntervals { stored: CHUNK_INTERVAL, published: None }
    }

    fn status(&self) -> RelayStatus {
        RelayStatus {
            subscriber: self.subscriber.get(),
            publisher: self.publisher.get(),
            pending_subscriptions: 0,
            dropped_hints: self.counters.dropped_hints.get(),
            dropped_texts: 0,
            lagged_signals: self.signals.lagged(),
            rejected_messages: 0,
        }
    }

    async fn flush(&self) {}
}
