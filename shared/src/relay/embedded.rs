//! The relay of processes that share one database file on one machine: no service is needed.
//!
//! A hint says only that something changed; who hears it looks into the database. Live text needs no hint of its
//! own: it is stored in pieces often enough to be read from there.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Follow, Hints, LiveText, Relay, SIGNAL_BUFFER, Signal, TextPace,
    wake::{self, Interest, WakeFile, WakeMode},
};
use crate::chat::UserRef;

/// How much text a worker collects before it stores it: what a reader sees arrive at once.
const CHUNK_INTERVAL: Duration = Duration::from_millis(60);

/// See the module.
pub struct EmbeddedRelay {
    wake: WakeFile,
    interest: Arc<Interest>,
    signals: broadcast::Sender<Signal>,
    /// None where changes are polled for.
    watcher: Option<notify::RecommendedWatcher>,
    /// Held for its drop.
    _poller: DropGuard,
}

impl std::fmt::Debug for EmbeddedRelay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedRelay").field("watches", &self.watcher.is_some()).finish_non_exhaustive()
    }
}

impl EmbeddedRelay {
    /// Starts to listen to the other processes that have this database open.
    ///
    /// # Errors
    /// When the file beside the database that carries the hints cannot be made.
    pub async fn start(database: &Path, mode: WakeMode) -> std::io::Result<Self> {
        let wake = WakeFile::open(database)?;
        let interest = Arc::new(Interest::default());
        let (signals, _) = broadcast::channel(SIGNAL_BUFFER);
        let tell = {
            let signals = signals.clone();
            move || {
                // Nobody listening is no error.
                let _ = signals.send(Signal::Changed);
            }
        };
        let watcher = match mode {
            WakeMode::Auto => wake::watch(&wake, tell.clone()).await,
            WakeMode::Poll => None,
        };
        let stop = CancellationToken::new();
        if watcher.is_none() {
            tracing::info!("noticing changes of other processes by polling");
            let database = SqliteConnectOptions::new().filename(database).disable_statement_logging();
            tokio::spawn(wake::poll(database, Arc::clone(&interest), stop.clone(), tell));
        }
        Ok(Self { wake, interest, signals, watcher, _poller: stop.drop_guard() })
    }
}

#[async_trait]
impl Relay for EmbeddedRelay {
    fn announce(&self, hints: Hints) {
        if !hints.is_empty() {
            self.wake.touch();
            // Our own process need not wait for the file system.
            let _ = self.signals.send(Signal::Changed);
        }
    }

    fn publish_text(&self, _: &UserRef, _: LiveText) {}

    fn signals(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    async fn follow(&self, _: &UserRef) -> Follow {
        self.attend()
    }

    fn attend(&self) -> Follow {
        Follow::new(self.interest.add())
    }

    fn text_pace(&self) -> TextPace {
        TextPace { stored: CHUNK_INTERVAL, published: None }
    }

    fn is_connected(&self) -> bool {
        // There is nobody in between.
        true
    }
}
