//! Migrates the schema of a database on a PostgreSQL server.
//!
//! The migrations run on the store's own connection, because sqlx's migrator would open one of its own, with other
//! options. The tables of applied migrations are those of sqlx.

use apalis_postgres::PostgresStorage;
use sqlx::migrate::{MigrateError, Migration, Migrator};

use super::{NewerSchema, history};
use crate::store::{
    OpenError,
    database_driver::{Connection, Options, PoolerError, PostgresOptions},
};

/// The key of the advisory lock under which one process at a time migrates (`Bntm` in ASCII).
const MIGRATION_LOCK: i64 = 0x426e_746d;

/// The name of a starting process's connection. A process that is running has connections with the name `banter`.
const STARTING: &str = "banter starting";

/// Migrations, and the schema that has the table of those that were applied.
struct MigrationSet {
    schema: &'static str,
    migrator: Migrator,
}

/// Returns all migrations, in order: the queue's, and then Banter's.
fn migration_sets() -> [MigrationSet; 2] {
    [
        MigrationSet { schema: "apalis", migrator: PostgresStorage::migrations() },
        MigrationSet { schema: "public", migrator: sqlx::migrate!("../migrations/postgres") },
    ]
}

/// Brings the schema of a database up to date, and adopts a restored database. Any number of processes can do this
/// concurrently.
pub(in crate::store) async fn prepare_server(server: &PostgresOptions, path: &str) -> Result<(), OpenError> {
    let open = |source| OpenError::Open { path: path.to_owned(), source };
    let mut server = server.clone();
    server.config.application_name(STARTING);
    let mut connection = Options::Postgres(server).open().await.map_err(|error| {
        if PoolerError::is_cause_of(&error) { OpenError::Pooler { path: path.to_owned() } } else { open(error) }
    })?;
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut connection).await.map_err(open)?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { path: path.to_owned(), encoding });
    }
    let migrate = |source| OpenError::Migrate { path: path.to_owned(), source };
    // Other processes may migrate first, and a migration may take long. The lock is released with the connection.
    let lock = format!("SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock({MIGRATION_LOCK})");
    connection.exec(&lock).await.map_err(open)?;
    for set in migration_sets() {
        let applied = list_applied(&mut connection, set.schema).await.map_err(open)?;
        if let Some(schema) = find_newer(&set.migrator, &applied) {
            return Err(OpenError::NewerSchema { path: path.to_owned(), schema });
        }
        for migration in set.migrator.iter() {
            match applied.iter().find(|(version, _)| *version == migration.version) {
                Some((_, checksum)) if *checksum == *migration.checksum => {}
                Some(_) => return Err(migrate(MigrateError::VersionMismatch(migration.version))),
                None => apply(&mut connection, set.schema, migration)
                    .await
                    .map_err(|source| migrate(MigrateError::ExecuteMigration(source, migration.version)))?,
            }
        }
    }
    let adopt = |source| OpenError::Adopt { path: path.to_owned(), source };
    history::adopt_restored(&mut connection).await.map_err(adopt)
}

/// Returns the number of connections to the server's database from other processes, including those that are starting.
pub(in crate::store) async fn count_other_clients(connection: &mut Connection) -> Result<i64, sqlx::Error> {
    const COUNT: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name IN ('banter', 'banter starting') AND pid != pg_backend_pid()";
    sqlx::query_scalar(COUNT).fetch_one(connection).await
}

/// Lists the versions of the applied migrations with their checksums. Creates the table if it is missing.
async fn list_applied(connection: &mut Connection, schema: &str) -> Result<Vec<(i64, Vec<u8>)>, sqlx::Error> {
    connection
        .exec(&format!(
            "SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS {schema}; \
             CREATE TABLE IF NOT EXISTS {schema}._sqlx_migrations (version BIGINT PRIMARY KEY, \
             description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, \
             checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)"
        ))
        .await?;
    let list = format!("SELECT version, checksum FROM {schema}._sqlx_migrations ORDER BY version");
    sqlx::query_as(sqlx::AssertSqlSafe(list)).fetch_all(connection).await
}

/// Returns the schema versions if a migration was applied that this program does not know.
fn find_newer(migrator: &Migrator, applied: &[(i64, Vec<u8>)]) -> Option<NewerSchema> {
    let (found, _) = applied.iter().rev().find(|(version, _)| !migrator.version_exists(*version))?;
    let known = migrator.iter().map(|migration| migration.version).max().unwrap_or_default();
    Some(NewerSchema { found: *found, known })
}

/// Applies a migration in one transaction.
async fn apply(connection: &mut Connection, schema: &str, migration: &Migration) -> Result<(), sqlx::Error> {
    connection.exec("BEGIN").await?;
    connection.exec(migration.sql.as_str()).await?;
    let record = format!(
        "INSERT INTO {schema}._sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES ($1, $2, TRUE, $3, 0)"
    );
    sqlx::query(sqlx::AssertSqlSafe(record))
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .execute(&mut *connection)
        .await?;
    connection.commit().await
}
