//! Inserts finished conversations directly into a migrated database, because answering a million messages would take an
//! hour.

use std::path::Path;

use anyhow::Result;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// The amount of data in a filled database.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// Number of users, who are named `user-0`, `user-1`, and so on. Session `n` belongs to user `n` modulo this
    /// number.
    pub users: usize,
    /// Total number of sessions.
    pub sessions: usize,
    /// Number of turns in each session. A turn has two messages.
    pub turns: usize,
}

/// Statements that insert the sessions, tasks, and messages. `?1` is the number of users, `?2` is the number of
/// sessions, and `?3` is the number of turns in each session. Sessions are one minute apart. Every tenth session has an
/// unread answer, which a trigger counts.
const STATEMENTS: [&str; 3] = [
    "WITH RECURSIVE session (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM session WHERE n + 1 < ?2), \
     timed AS (SELECT n, strftime('%Y-%m-%dT%H:%M:%fZ', unixepoch() - 60 * (?2 - n), 'unixepoch') AS at FROM session) \
     INSERT INTO chat_session (id, workspace_id, agent_key, creator_id, title, title_folded, created_at, updated_at, \
         last_activity_at, last_turn, last_seq, last_read_seq) \
     SELECT printf('00000001-0000-7000-8001-%012x', n), 'default', 'scripted', 'user-' || (n % ?1), \
         'Topic ' || (n % 997) || ' of conversation ' || n, 'topic ' || (n % 997) || ' of conversation ' || n, \
         at, at, at, ?3, 2 * ?3, 2 * ?3 - (n % 10 = 0) FROM timed",
    "WITH RECURSIVE turn (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM turn WHERE n + 1 < ?2 * ?3), \
     timed AS (SELECT n, \
         strftime('%Y-%m-%dT%H:%M:%fZ', unixepoch() - 60 * (?2 - n / ?3), 'unixepoch') AS at FROM turn WHERE ?1 > 0) \
     INSERT INTO agent_task (id, chat_session_id, turn, user_message_id, answer_message_id, status, attempt, \
         max_attempts, created_at, started_at, finished_at) \
     SELECT printf('00000001-0000-7000-8004-%012x', n), printf('00000001-0000-7000-8001-%012x', n / ?3), n % ?3 + 1, \
         printf('00000001-0000-7000-8002-%012x', 2 * n), printf('00000001-0000-7000-8002-%012x', 2 * n + 1), \
         'succeeded', 1, 3, at, at, at FROM timed",
    "WITH RECURSIVE message (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM message WHERE n + 1 < 2 * ?2 * ?3), \
     timed AS (SELECT n, n / 2 AS turn, n % 2 AS is_answer, \
         strftime('%Y-%m-%dT%H:%M:%fZ', unixepoch() - 60 * (?2 - n / 2 / ?3), 'unixepoch') AS at \
         FROM message WHERE ?1 > 0) \
     INSERT INTO chat_message (id, chat_session_id, role, content, task_id, created_at, turn, seq, finish_reason, \
         elapsed_ms) \
     SELECT printf('00000001-0000-7000-8002-%012x', n), printf('00000001-0000-7000-8001-%012x', turn / ?3), \
         iif(is_answer, 'assistant', 'user'), \
         iif(is_answer, 'The answer to question ', 'Here is question ') || turn || ' about topic ' || (turn % 997) || \
             ', which is a sentence of an ordinary length, so that a page of messages has an ordinary size.', \
         printf('00000001-0000-7000-8004-%012x', turn), at, turn % ?3 + 1, 2 * (turn % ?3) + 1 + is_answer, \
         iif(is_answer, 'stop', NULL), iif(is_answer, 5, NULL) FROM timed",
];

/// Inserts the rows in one transaction. The users must already exist.
///
/// # Errors
/// Fails if a row violates the schema.
pub async fn run(database: &Path, size: Fill) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(database).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for statement in STATEMENTS {
        sqlx::query(statement)
            .bind(i64::try_from(size.users)?)
            .bind(i64::try_from(size.sessions)?)
            .bind(i64::try_from(size.turns)?)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Returns the ID of the session with this number.
pub fn session_id(number: usize) -> String {
    format!("00000001-0000-7000-8001-{number:012x}")
}
