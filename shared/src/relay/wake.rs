//! How processes that share a database file notice each other's changes.
//!
//! After a commit the writer touches `<db>-wake`, and the others watch that file. (Not the write-ahead log: its
//! frames land before a durable commit becomes visible, so a look at that moment finds nothing.) Where files cannot
//! be watched, SQLite's own change counter is polled instead.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use notify::{EventKind, RecursiveMode, Watcher as _, event::ModifyKind};
use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often the change counter is read while somebody waits for changes.
const BUSY_POLL: Duration = Duration::from_millis(5);
/// How often otherwise.
const IDLE_POLL: Duration = super::POLL_INTERVAL;
/// How long a watch may take to show our own first touch before it counts as not working.
const PROBE: Duration = Duration::from_millis(500);

/// How changes of other processes are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WakeMode {
    /// By watching a file, where that works; else by polling.
    #[default]
    Auto,
    /// By polling.
    Poll,
}

/// The file that is touched after a commit.
#[derive(Debug)]
pub(super) struct WakeFile {
    path: PathBuf,
    file: File,
}

impl WakeFile {
    /// Opens the file beside the database, and makes it if it is missing. Kept open: a watch follows the file, not
    /// its name.
    pub(super) fn open(database: &Path) -> std::io::Result<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push("-wake");
        let path = PathBuf::from(name);
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        Ok(Self { path, file })
    }

    /// Tells everyone who watches.
    pub(super) fn touch(&self) {
        if let Err(error) = self.file.write_at(b".", 0) {
            tracing::warn!(%error, path = %self.path.display(), "could not wake the other processes; they look by themselves");
        }
    }
}

/// Counts who waits for changes; polling is frequent only then.
#[derive(Debug, Default)]
pub(super) struct Interest {
    waiting: AtomicUsize,
    grown: Notify,
}

impl Interest {
    pub(super) fn add(self: &Arc<Self>) -> InterestGuard {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.grown.notify_waiters();
        InterestGuard(Arc::clone(self))
    }

    fn is_any(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// Somebody waits for changes as long as this lives.
#[derive(Debug)]
pub(super) struct InterestGuard(Arc<Interest>);

impl Drop for InterestGuard {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls `on_change` after every touch of the file until the watcher is dropped; `None` where files cannot be watched.
pub(super) async fn watch(
    wake: &WakeFile,
    on_change: impl Fn() + Send + 'static,
) -> Option<notify::RecommendedWatcher> {
    let seen = Arc::new(Notify::new());
    let probe = Arc::clone(&seen);
    let handler = move |event: notify::Result<notify::Event>| match event {
        Ok(event) if matches!(event.kind, EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any)) => {
            probe.notify_one();
            on_change();
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "watching for changes of other processes failed"),
    };
    let mut watcher = notify::recommended_watcher(handler).ok()?;
    watcher.watch(&wake.path, RecursiveMode::NonRecursive).ok()?;
    wake.touch();
    // Some file systems accept a watch and never tell: only one that shows our own touch is trusted.
    tokio::time::timeout(PROBE, seen.notified()).await.ok()?;
    Some(watcher)
}

/// Polls SQLite's change counter and calls `on_change` when another connection has changed the database.
pub(super) async fn poll(
    database: SqliteConnectOptions,
    interest: Arc<Interest>,
    stop: CancellationToken,
    on_change: impl Fn() + Send,
) {
    let mut connection: Option<SqliteConnection> = None;
    let mut last = None;
    loop {
        let version = read_version(&mut connection, &database).await;
        if version.is_some() && version != last {
            last = version;
            on_change();
        }
        let pause = if interest.is_any() { BUSY_POLL } else { IDLE_POLL };
        tokio::select! {
            () = stop.cancelled() => return,
            () = interest.grown.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// `PRAGMA data_version` (<https://www.sqlite.org/pragma.html#pragma_data_version>); `None` when it cannot be read.
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
