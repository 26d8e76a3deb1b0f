//! Polls SQLite's change counter instead of watching a file.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Notify;

use crate::relay::POLL_INTERVAL;

/// How often to read the change counter while anything waits for changes.
const BUSY_POLL: Duration = Duration::from_millis(5);
/// How often to read the change counter otherwise.
const IDLE_POLL: Duration = POLL_INTERVAL;

/// The number of subscriptions that wait for changes. Polling is frequent only while there are any.
#[derive(Debug, Default)]
pub(in crate::relay) struct Interest {
    waiting: AtomicUsize,
    grown: Notify,
}

impl Interest {
    pub(in crate::relay) fn add(self: &Arc<Self>) -> InterestGuard {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.grown.notify_waiters();
        InterestGuard(Arc::clone(self))
    }

    fn is_any(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// A guard that counts as a waiting subscription until dropped.
#[derive(Debug)]
pub(in crate::relay) struct InterestGuard(Arc<Interest>);

impl Drop for InterestGuard {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Polls SQLite's change counter. Calls `on_change` once at the start, and whenever another connection has changed the
/// database.
pub(super) async fn run(database: &SqliteConnectOptions, interest: &Interest, on_change: &(dyn Fn() + Send + Sync)) {
    let mut connection: Option<SqliteConnection> = None;
    let mut last = None;
    loop {
        let version = read_version(&mut connection, database).await;
        if version.is_some() && version != last {
            last = version;
            on_change();
        }
        let pause = if interest.is_any() { BUSY_POLL } else { IDLE_POLL };
        tokio::select! {
            () = interest.grown.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Reads `PRAGMA data_version` (<https://www.sqlite.org/pragma.html#pragma_data_version>); `None` if it cannot be read.
async fn read_version(connection: &mut Option<SqliteConnection>, database: &SqliteConnectOptions) -> Option<i64> {
    if connection.is_none() {
        *connection = database.connect().await.ok();
    }
    let read = sqlx::query_scalar("PRAGMA data_version").fetch_one(connection.as_mut()?).await;
    if read.is_err() {
        *connection = None;
    }
    read.ok()
}
