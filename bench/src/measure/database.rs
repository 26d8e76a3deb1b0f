//! Samples the database and the sizes of its files. Uses a read-only connection.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// The digits used by ULIDs (Crockford's base 32). A ULID's first ten digits are the milliseconds since 1970.
const ULID_DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_TIME_DIGITS: usize = 10;

const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

/// A database that is sampled repeatedly.
#[derive(Debug)]
pub struct DatabaseSampler {
    path: PathBuf,
    connection: SqliteConnection,
}

/// A sample of a database.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseSample {
    /// Size of the database file, in MiB.
    pub size_mib: f64,
    /// Size of the write-ahead log, in MiB.
    pub wal_mib: f64,
    /// How long the oldest runnable job has been waiting, in milliseconds; 0 if there is none.
    pub oldest_runnable_ms: f64,
    /// Number of events in all users' logs.
    pub events: f64,
    /// Number of finished jobs that are still stored.
    pub ended_jobs: f64,
}

impl DatabaseSampler {
    /// Opens a read-only connection.
    pub async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        Ok(Self { path: path.to_owned(), connection: SqliteConnection::connect_with(&options).await? })
    }

    /// Takes a sample.
    pub async fn sample(&mut self) -> Result<DatabaseSample> {
        // A job's ID is a ULID that contains the time at which the job first became runnable. Jobs waiting for a retry
        // are excluded until they are due.
        let row = sqlx::query(
            "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now, (SELECT MIN(id) FROM Jobs \
             WHERE job_type = 'agent-task' AND status = 'Pending' AND run_at <= unixepoch()) AS oldest, \
             (SELECT COALESCE(SUM(last_seq - floor_seq), 0) FROM user_log) AS events, \
             (SELECT COUNT(*) FROM Jobs INDEXED BY agent_jobs_ended \
             WHERE job_type = 'agent-task' AND done_at IS NOT NULL) AS ended_jobs",
        )
        .fetch_one(&mut self.connection)
        .await?;
        let (now, oldest): (i64, Option<String>) = (row.try_get("now")?, row.try_get("oldest")?);
        let (events, ended_jobs): (i64, i64) = (row.try_get("events")?, row.try_get("ended_jobs")?);
        let oldest_runnable_ms = oldest.map_or(0.0, |id| (now - ulid_millis(&id)).max(0) as f64);
        let wal = PathBuf::from(format!("{}-wal", self.path.display()));
        Ok(DatabaseSample {
            size_mib: mib(&self.path),
            wal_mib: mib(&wal),
            oldest_runnable_ms,
            events: events as f64,
            ended_jobs: ended_jobs as f64,
        })
    }
}

fn mib(file: &Path) -> f64 {
    fs::metadata(file).map_or(0.0, |data| data.len() as f64 / BYTES_PER_MIB)
}

fn ulid_millis(ulid: &str) -> i64 {
    let digit = |letter| ULID_DIGITS.find(letter).and_then(|digit| i64::try_from(digit).ok()).unwrap_or(0);
    ulid.chars().take(ULID_TIME_DIGITS).fold(0, |millis, letter| millis * 32 + digit(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_of_a_ulid() {
        // The example from the ULID specification.
        assert_eq!(ulid_millis("01ARYZ6S41TSV4RRFFQ69G5FAV"), 1_469_918_176_385);
    }
}
