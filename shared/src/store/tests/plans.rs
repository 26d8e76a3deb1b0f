//! Tests for the query plans of all statements, and for the indexes that they use.

use std::collections::BTreeSet;

use super::{statements::Statement, *};

/// Scans that are allowed, because they stay short regardless of the number of users, sessions, and messages.
const SHORT_SCANS: [&str; 21] = [
    // Expressions, parameters, and the schema.
    "SCAN CONSTANT ROW",
    "SCAN json_each ",
    "-ROW VALUES CLAUSE",
    "SCAN counted",
    "SCAN pragma_",
    "SCAN sqlite_schema",
    "SCAN sqlite_master",
    // Tables with one row, or with a few rows per worker.
    "SCAN installation",
    "SCAN step_revision",
    "SCAN draft_revision",
    "SCAN queue_clock",
    "SCAN worker_heartbeat",
    "SCAN agent_health",
    "SCAN folder_report",
    // A table with one row for each bucket of a histogram.
    "SCAN turn_time",
    // Texts and files that are about to be deleted.
    "SCAN search_index_removal",
    "SCAN released_file",
    "INDEX stored_file_deleting",
    // The turns that fit into a request.
    "SCAN part",
    // Unfinished tasks.
    "INDEX agent_task_one_running",
    "INDEX agent_task_queued",
];

/// Searches that find more rows as a user's sessions, a session's turns, or a user's events accumulate.
const LONG_SEARCHES: [(&str, &str); 6] = [
    ("INDEX chat_session_list", "(workspace_id=? AND creator_id=?)"),
    ("INDEX chat_message_turn", "(chat_session_id=?)"),
    ("INDEX chat_message_seq", "(chat_session_id=?)"),
    ("INDEX chat_message_files", "(chat_session_id=?)"),
    ("INDEX agent_task_turn", "(chat_session_id=?)"),
    ("INDEX event_log_seq", "(user_log_id=?)"),
];

/// Plan steps that are allowed in statements that contain the given text.
const EXCEPTIONS: [(&str, &str); 26] = [
    // This reads one bucket of the index.
    ("SCAN search_index", "search_index MATCH $1"),
    // This looks for rows that refer to a new session, of which there are none.
    ("(chat_session_id=?)", "INSERT INTO chat_session"),
    // These stop at the first row.
    ("SCAN api_key", "SELECT 1 FROM api_key LIMIT 1"),
    ("SCAN chat_session", "SELECT 1 FROM chat_session LIMIT 1"),
    ("INDEX chat_message_seq", "(SELECT MAX(l.seq) FROM chat_message l"),
    ("INDEX chat_message_seq", "role = 'assistant' ORDER BY seq DESC LIMIT 1"),
    // These read the oldest rows.
    ("SCAN event_log", "FROM event_log ORDER BY id LIMIT"),
    ("SCAN event_log", "FROM event_log WHERE stripe = $2 ORDER BY id LIMIT"),
    ("SCAN deleted_session", "FROM deleted_session ORDER BY number LIMIT"),
    // This one deletes everything that belongs to the session.
    ("(chat_session_id=?)", "DELETE FROM chat_session WHERE id = $1"),
    // This one skips the tasks in a session's queue.
    ("INDEX agent_task_turn", "t.status NOT IN ('queued', 'running') ORDER BY t.turn DESC LIMIT 1"),
    // These copy a session.
    ("(chat_session_id=?)", "FROM agent_task n JOIN"),
    ("(chat_session_id=?)", "FROM chat_message c JOIN"),
    ("(chat_session_id=?)", "UPDATE agent_task SET parent_turn = (SELECT MAX(p.turn)"),
    ("(chat_session_id=?)", "UPDATE task_step SET detail = json_set"),
    // These read all turns of a session whose branch changes.
    ("(chat_session_id=?)", "SELECT turn FROM chat_message WHERE chat_session_id = $1 AND role = 'user'"),
    ("(chat_session_id=?)", "SELECT turn, parent_turn, revision_of, next_turn"),
    ("SCAN (subquery", "ROW_NUMBER() OVER (ORDER BY m.turn"),
    // This one changes all answers of a session whose agent changes for the first time.
    ("(chat_session_id=?)", "role = 'assistant' AND agent_key IS NULL"),
    // This one reads the sizes of a user's files.
    ("SCAN file", "GROUP BY file_id) AS file"),
    // This one lists all keys for an administrator.
    ("", "FROM api_key ORDER BY created_at, id"),
    // This one lists everything that a user exports.
    ("", "SELECT id FROM chat_session WHERE workspace_id = $1 AND creator_id = $2"),
    // This one lists the workers with running tasks.
    ("USE TEMP B-TREE FOR DISTINCT", "SELECT DISTINCT t.worker_id"),
    // This one lists the files of the database that a restore replaces.
    ("SCAN stored_file", "SELECT id, workspace_id FROM stored_file ORDER BY id"),
    // These count the rows of a backup that is being restored.
    ("SCAN chat_session", "(SELECT COUNT(*) FROM chat_message)"),
    ("SCAN chat_message", "(SELECT COUNT(*) FROM chat_message)"),
];

/// Indexes that no statement uses. They are created with the queue's tables.
const OTHER_INDEXES: [&str; 3] = ["Idx", "LSIdx", "WTIdx"];

/// Returns whether a statement runs on SQLite.
fn is_for_sqlite(statement: &Statement) -> bool {
    !["search/postgres.rs", "tail/postgres.rs"].contains(&statement.file.as_str())
}

/// Returns the steps of a statement's plan.
async fn explain(store: &Store, statement: &Statement) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", number_names(&statement.sql)));
    let plan = sqlx::query(explain).fetch_all(&mut store.connect().await.unwrap()).await;
    plan.unwrap_or_else(|error| panic!("{error}: {statement:?}")).iter().map(|step| step.get("detail")).collect()
}

/// Replaces named parameters with `$1`, because a plan does not depend on their values.
fn number_names(sql: &str) -> String {
    let mut pieces = sql.split('$');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |numbered, piece| {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let number =
            if piece.starts_with(|c: char| c.is_ascii_digit()) { &piece[..piece.len() - rest.len()] } else { "1" };
        format!("{numbered}${number}{rest}")
    })
}

/// Returns whether a step may read or sort more rows as the database grows.
fn is_slow(step: &str) -> bool {
    let is_scan = step.starts_with("SCAN ") && !SHORT_SCANS.iter().any(|short| step.contains(short));
    let is_search = LONG_SEARCHES.iter().any(|(index, columns)| step.contains(index) && step.ends_with(columns));
    is_scan || is_search || step.contains("TEMP B-TREE")
}

#[tokio::test]
async fn no_statement_reads_more_rows_as_the_database_grows() {
    let f = Fixture::on_sqlite().await;
    let (mut slow, mut exceptions) = (Vec::new(), BTreeSet::new());
    for statement in statements::find_all().into_iter().filter(is_for_sqlite) {
        for step in explain(&f.store, &statement).await.into_iter().filter(|step| is_slow(step)) {
            let is_allowed = |(allowed, text): &(&str, &str)| step.contains(allowed) && statement.sql.contains(text);
            match EXCEPTIONS.iter().position(is_allowed) {
                Some(exception) => drop(exceptions.insert(exception)),
                None => slow.push((statement.clone(), step)),
            }
        }
    }

    assert!(slow.is_empty(), "{slow:#?}");
    assert_eq!(exceptions.len(), EXCEPTIONS.len(), "only these exceptions are still needed: {exceptions:?}");
}

#[tokio::test]
async fn every_index_is_used() {
    let f = Fixture::on_sqlite().await;
    let mut used = BTreeSet::new();
    for statement in statements::find_all().into_iter().filter(is_for_sqlite) {
        for step in explain(&f.store, &statement).await {
            used.extend(step.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned));
        }
    }

    let mut unused: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%' ORDER BY name",
    )
    .fetch_all(&mut f.store.connect().await.unwrap())
    .await
    .unwrap();
    unused.retain(|index| !used.contains(index));
    assert_eq!(unused, OTHER_INDEXES);
}

/// SQLite takes the value of a parameter into account if the parameter is a `LIMIT` or is compared with the column in a
/// partial index's condition. The statement is then compiled again whenever the parameter is bound
/// (`sqlite3_bind_int64` marks it as expired). Compiling takes longer than running.
#[test]
fn no_statement_is_compiled_again_for_the_value_of_a_parameter() {
    const PARTIAL_INDEXES: [(&str, &str); 3] =
        [("agent_task", "status = $"), ("Jobs", "status = $"), ("chat_message", "role = $")];
    for Statement { file, sql } in statements::find_all() {
        let is_expression = |limit: &str| limit.trim_start_matches(char::is_alphanumeric).starts_with(" + 0");
        assert!(sql.split("LIMIT $").skip(1).all(is_expression), "write LIMIT $n + 0: {file}: {sql}");
        let (_, condition) = sql.split_once(" WHERE ").unwrap_or_default();
        for (table, comparison) in PARTIAL_INDEXES {
            let is_selected = sql.contains(table) && condition.contains(comparison);
            assert!(!is_selected, "compares the column of a partial index on {table}: {file}: {sql}");
        }
    }
}

#[tokio::test]
async fn title_searches_read_only_an_index() {
    let f = Fixture::on_sqlite().await;
    let is_search = |statement: &Statement| {
        statement.sql.contains("s.title_folded LIKE") && !statement.sql.contains("s.unread_count > 0")
    };
    let searches: Vec<_> = statements::find_all().into_iter().filter(is_search).collect();

    assert_eq!(searches.len(), 1);
    let steps = explain(&f.store, &searches[0]).await;
    assert!(steps[0].starts_with("SEARCH s USING COVERING INDEX chat_session_list "), "{steps:?}");
}

#[test]
fn finds_statements_in_all_forms() {
    let statements = statements::find_all();

    let of = |file: &str| statements.iter().filter(|statement| statement.file == file).count();
    assert_eq!(of("session_list.rs"), 4, "constants that consist of macros");
    assert!(of("rows/session.rs") == 2 && of("turns.rs") > 3, "arguments of functions");
    assert!(statements.iter().any(|statement| statement.sql.contains("t.id AS t_id")), "macros in macros");
}
