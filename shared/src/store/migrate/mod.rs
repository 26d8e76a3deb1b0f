//! Prepares a database for use. Only one process at a time creates the file, switches it to WAL mode, and runs
//! migrations. Databases on servers are migrated in `server.rs`.

mod history;
mod server;
#[cfg(test)]
mod tests;
pub(super) mod unfinished;

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use apalis_sqlite::SqliteStorage;

pub(super) use server::{count_other_clients, prepare_server};

use super::{
    NewerSchema, OpenError, StoreError,
    database_driver::BEGIN_WRITE,
    files::{BACKUP_ID, DatabaseFiles, EnterError, Presence},
};
use crate::event::Epoch;

/// Returns Banter's own migrations, which are compiled in. The first one creates the 0.1.0 schema.
fn migrations() -> Migrator {
    sqlx::migrate!("../migrations")
}

/// Returns the migrations for databases older than 0.1.0. Their final schema is the one that the first of
/// [`migrations`] creates.
fn migrations_before_0_1_0() -> Migrator {
    sqlx::migrate!("../migrations/before_0_1_0")
}

/// Opens the database under the migration lock and brings it up to date.
///
/// sqlx's own migration lock has no effect with SQLite, and switching to WAL mode concurrently is not safe.
pub(super) async fn prepare(path: &Path, connect: &SqliteConnectOptions) -> Result<Presence, OpenError> {
    let shown = path.display().to_string();
    let folder = |source| OpenError::Folder { path: shown.clone(), source };
    let open = |source| OpenError::Open { path: shown.clone(), source };
    let files = DatabaseFiles::new(path);
    files.create_folder().map_err(folder)?;
    let lock = files.lock_migration(None).await.map_err(folder)?;
    files.remove_leftovers().map_err(folder)?;
    let presence = files.enter().map_err(|error| match error {
        EnterError::Io(source) => folder(source),
        EnterError::BeingRestored => OpenError::BeingRestored { path: shown.clone() },
        EnterError::ForeignLog => OpenError::ForeignLog { path: shown.clone() },
    })?;
    files.create().map_err(folder)?;
    files.restrict();
    let mut connection: SqliteConnection = connect
        .clone()
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(30))
        .journal_mode(SqliteJournalMode::Wal)
        .connect()
        .await
        .map_err(open)?;
    if let Some(schema) = find_newer_schema(&mut connection).await.map_err(open)? {
        return Err(OpenError::NewerSchema { path: shown, schema });
    }
    run(&mut connection).await.map_err(|source| OpenError::Migrate { path: shown.clone(), source })?;
    adopt_backup(&mut connection).await.map_err(|source| OpenError::Adopt { path: shown.clone(), source })?;
    connection.close().await.map_err(open)?;
    drop(lock);
    Ok(presence)
}

/// Runs the queue's migrations, and then Banter's, which create indexes on the queue's tables. Each set ignores the
/// other's rows in `_sqlx_migrations`.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    SqliteStorage::migrations().set_ignore_missing(true).run(&mut *connection).await?;
    carry_over(&mut *connection).await?;
    migrations().set_ignore_missing(true).run(connection).await
}

/// Migrates a database older than 0.1.0 to the 0.1.0 schema, and records the first of [`migrations`] as applied. Has no
/// effect on other databases.
async fn carry_over(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    let mut old = migrations_before_0_1_0();
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations").fetch_all(&mut *connection).await?;
    if !applied.iter().any(|version| old.version_exists(*version)) {
        return Ok(());
    }
    old.set_ignore_missing(true).run(&mut *connection).await?;
    let ours = migrations();
    let Some(first) = ours.iter().next() else { return Ok(()) };
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for migration in old.iter() {
        sqlx::query("DELETE FROM _sqlx_migrations WHERE version = $1")
            .bind(migration.version)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES ($1, $2, TRUE, $3, 0)",
    )
    .bind(first.version)
    .bind(&*first.description)
    .bind(&*first.checksum)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    tracing::info!(migration = first.version, "database upgraded from a version before 0.1.0");
    Ok(())
}

/// Returns the schema versions if the database has a migration that this program does not know.
pub(super) async fn find_newer_schema(connection: &mut SqliteConnection) -> Result<Option<NewerSchema>, sqlx::Error> {
    const HAS_MIGRATIONS: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'";
    if sqlx::query(HAS_MIGRATIONS).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(None);
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version DESC").fetch_all(connection).await?;
    let (ours, old, queue) = (migrations(), migrations_before_0_1_0(), SqliteStorage::migrations());
    let is_known = |version| [&ours, &old, &queue].iter().any(|set| set.version_exists(version));
    let found = applied.into_iter().find(|version| !is_known(*version));
    let known = ours.iter().chain(queue.iter()).map(|migration| migration.version).max().unwrap_or_default();
    Ok(found.map(|found| NewerSchema { found, known }))
}

/// Turns a backup into this installation's database. Has no effect on a database that is not a backup.
///
/// Clients' cursors, agent sessions, stream tickets, and other processes' Redis channels may be newer than the backup,
/// so they are invalidated.
pub(super) async fn adopt_backup(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let id: i32 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    if id != BACKUP_ID {
        return Ok(());
    }
    let mut tx = connection.begin_with(BEGIN_WRITE).await?;
    let logs: Vec<i64> = sqlx::query_scalar("SELECT id FROM user_log").fetch_all(&mut *tx).await?;
    for log in logs {
        sqlx::query("UPDATE user_log SET epoch = $2 WHERE id = $1")
            .bind(log)
            .bind(Epoch::generate())
            .execute(&mut *tx)
            .await?;
    }
    for change in [
        "UPDATE installation SET id = lower(hex(randomblob(8)))",
        "DELETE FROM agent_resume",
        "DELETE FROM stream_ticket",
        "PRAGMA application_id = 0",
    ] {
        sqlx::query(change).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    tracing::info!("backup restored; clients will resync");
    Ok(())
}
