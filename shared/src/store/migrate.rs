//! The first open: one process at a time makes the file, switches it to WAL and runs both sets of migrations.

use std::{fs::File, path::Path};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use apalis_sqlite::SqliteStorage;

use super::OpenError;

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
        .busy_timeout(std::time::Duration::from_secs(30))
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

/// Waits for the lock; it is freed with the file, also if the process dies.
async fn lock(path: &Path) -> std::io::Result<File> {
    let path = path.to_owned();
    let locked = tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut name = path.into_os_string();
        name.push(".migrate.lock");
        let file = File::options().create(true).truncate(false).write(true).open(name)?;
        file.lock()?;
        Ok(file)
    });
    locked.await.map_err(std::io::Error::other)?
}
