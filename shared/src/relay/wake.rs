//! Detects changes made by other processes that share a database file.
//!
//! After a commit, the writer touches `<db>-wake`, which the other processes watch. They do not watch the write-ahead
//! log, because it is written before the commit becomes visible, and a read at that moment would find nothing. If the
//! file cannot be watched, SQLite's change counter is polled instead.
//!
//! The file may be removed or replaced at any time. The next process that touches or watches it recreates it, and all
//! others switch to the new file.

mod file;
mod poll;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use tokio::time::sleep;

use super::{LinkState, status::Link};
use watch::{Watch, WatchError};

pub(super) use file::WakeFile;
pub(super) use poll::Interest;

/// How often a polling process tries again to watch the file.
const WATCH_RETRY: Duration = Duration::from_secs(30);

/// How changes made by other processes are detected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WakeMode {
    /// By watching a file if that works, otherwise by polling.
    #[default]
    Auto,
    /// By polling.
    Poll,
}

/// A callback that is invoked after changes.
pub(super) type OnChange = Arc<dyn Fn() + Send + Sync>;

/// Detects changes made by other processes.
pub(super) struct Listener {
    pub(super) wake: Arc<WakeFile>,
    pub(super) mode: WakeMode,
    pub(super) database: SqliteConnectOptions,
    pub(super) interest: Arc<Interest>,
    pub(super) link: Arc<Link>,
    pub(super) on_change: OnChange,
}

impl Listener {
    /// Starts watching if the mode allows it. The returned future watches or polls until it is dropped.
    pub(super) async fn start(self) -> impl Future<Output = ()> + Send {
        let first = match self.mode {
            WakeMode::Auto => Some(self.watch().await),
            WakeMode::Poll => None,
        };
        async move {
            if let Some(first) = first {
                self.run(first).await;
            } else {
                self.link.configured(LinkState::Polling);
                self.poll().await;
            }
        }
    }

    async fn run(&self, mut watch: Result<Watch, WatchError>) {
        loop {
            watch = match watch {
                Ok(watch) => {
                    self.link.connected();
                    watch.until_stale(&self.wake).await;
                    let path = self.wake.path().display();
                    tracing::warn!(%path, "wake-up file was removed or replaced; watching it again");
                    self.watch().await
                }
                Err(error) => {
                    self.link.failed(LinkState::Polling, &error);
                    tokio::select! {
                        () = self.poll() => return,
                        watch = self.retry() => Ok(watch),
                    }
                }
            };
            // Changes may have been missed while the file was not watched.
            (self.on_change)();
        }
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        Watch::start(&self.wake, Arc::clone(&self.on_change)).await.inspect(|_| self.link.connected())
    }

    async fn retry(&self) -> Watch {
        loop {
            sleep(WATCH_RETRY).await;
            if let Ok(watch) = self.watch().await {
                return watch;
            }
        }
    }

    async fn poll(&self) {
        poll::run(&self.database, &self.interest, &*self.on_change).await;
    }
}
