//! Detects that a database on a server was restored, or that a standby took the server's place.
//!
//! The server's own tools restore databases, so nothing marks a restored one. It can be recognized because it is in
//! another cluster, is another database, has other tables, or is on another timeline than at the previous start:
//!
//! | What happened | What changes |
//! |---|---|
//! | `pg_restore` into another cluster | The system identifier |
//! | `pg_restore` into a new database | The OIDs of the database and its tables |
//! | `pg_restore --clean` into the same database | The OIDs of the tables |
//! | Recovery to a point in time, or the promotion of a standby | The timeline |
//!
//! A new timeline is ignored while other processes are running: they have followed a standby that took over, and their
//! streams must stay valid. The processes are stopped for a recovery, so it is not ignored.
//!
//! A snapshot of the server's disk cannot be recognized. The operator then sets `installation.history` to an empty text.

use crate::{
    event::Epoch,
    store::{StoreError, database_driver::Connection, postgres},
};

/// Returns the identity of the database's history, which ends with the timeline. Every role may read it.
const FIND_HISTORY: &str = "SELECT concat_ws('-', (SELECT system_identifier FROM pg_control_system()), \
     (SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass('public.user_log')::oid, \
     left(pg_walfile_name(pg_current_wal_lsn()), 8))";

/// Turns a restored database into this installation's database. Has no effect on a database that was not restored.
///
/// Clients' cursors, agent sessions, stream tickets, and other processes' Redis channels may be newer than the database,
/// so they are invalidated. Must be called under the migration lock.
pub(super) async fn adopt_restored(connection: &mut Connection) -> Result<(), StoreError> {
    let current: String = match sqlx::query_scalar(FIND_HISTORY).fetch_one(&mut *connection).await {
        Ok(history) => history,
        // Some providers withhold these functions.
        Err(error) if postgres::is_withheld(&error) => {
            tracing::warn!(%error, "the server does not reveal whether the database was restored");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    // Only starting processes change the history, so the migration lock suffices to read it.
    let known: Option<String> =
        sqlx::query_scalar("SELECT history FROM installation").fetch_one(&mut *connection).await?;
    let is_taken_over = known.as_deref().is_some_and(|known| without_timeline(known) == without_timeline(&current));
    if known.as_ref() == Some(&current) || (is_taken_over && count_running_clients(connection).await? > 0) {
        return Ok(());
    }
    connection.begin_write().await?;
    if known.is_some() {
        invalidate(connection).await?;
    }
    sqlx::query("UPDATE installation SET history = $1").bind(&current).execute(&mut *connection).await?;
    connection.commit().await?;
    if known.is_some() {
        tracing::info!("the database was restored, or the server was replaced by a standby; clients will resync");
    }
    Ok(())
}

/// Returns the number of connections to the server's database from processes that have started.
async fn count_running_clients(connection: &mut Connection) -> Result<i64, sqlx::Error> {
    const COUNT: &str = "SELECT COUNT(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'banter' AND pid != pg_backend_pid()";
    sqlx::query_scalar(COUNT).fetch_one(connection).await
}

/// Returns the part of a history that remains the same when a standby takes over.
fn without_timeline(history: &str) -> Option<&str> {
    history.rsplit_once('-').map(|(before, _)| before)
}

/// Invalidates everything outside the database that may be newer than the database.
async fn invalidate(connection: &mut Connection) -> Result<(), StoreError> {
    let logs: Vec<i64> = sqlx::query_scalar("SELECT id FROM user_log").fetch_all(&mut *connection).await?;
    for log in logs {
        sqlx::query("UPDATE user_log SET epoch = $2 WHERE id = $1")
            .bind(log)
            .bind(Epoch::generate())
            .execute(&mut *connection)
            .await?;
    }
    for change in [
        "UPDATE installation SET id = left(replace(gen_random_uuid()::text, '-', ''), 16)",
        "DELETE FROM agent_resume",
        "DELETE FROM stream_ticket",
    ] {
        sqlx::query(change).execute(&mut *connection).await?;
    }
    Ok(())
}
