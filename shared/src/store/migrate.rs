//! The first open: one process at a time makes the file, switches it to WAL and runs both sets of migrations.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use apalis_sqlite::SqliteStorage;
use tokio::time::sleep;

use super::OpenError;

/// How often the lock is asked for.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Our own migrations, compiled in.
fn migrations() -> Migrator {
    sqlx::migrate!("../migrations")
}

/// Brings the database up to date under an exclusive lock on `<db>.migrate.lock`.
///
/// sqlx's own migration lock does nothing on SQLite, and the switch to WAL is not safe among several processes.
pub(super) async fn prepare(path: &Path, connect: &SqliteConnectOptions) -> Result<(), OpenError> {
    let shown = path.display().to_string();
    let lock = lock(path).await.map_err(|source| OpenError::Folder { path: shown.clone(), source })?;
    let open = |source| OpenError::Open { path: shown.clone(), source };
    let migrate = |source| OpenError::Migrate { path: shown.clone(), source };
    let mut connection: SqliteConnection = connect
        .clone()
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(30))
        .journal_mode(SqliteJournalMode::Wal)
        .connect()
        .await
        .map_err(open)?;
    // The queue's tables first: ours have indexes on them. Each set ignores the other's rows in the shared table.
    SqliteStorage::migrations().set_ignore_missing(true).run(&mut connection).await.map_err(migrate)?;
    migrations().set_ignore_missing(true).run(&mut connection).await.map_err(migrate)?;
    connection.close().await.map_err(open)?;
    drop(lock);
    Ok(())
}

/// Waits for the lock; it is freed with the file, also if the process dies. Asks again and again instead of waiting in
/// the system: a thread that waits there would keep the process from ending when it is told to.
async fn lock(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".migrate.lock");
    let file = File::options().create(true).truncate(false).write(true).open(name)?;
    let mut has_waited = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut has_waited, true) {
                    tracing::info!("another process brings the database up to date: waiting for it");
                }
                sleep(LOCK_PAUSE).await;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
