//! Tests for the database driver, on a database in a file.

use std::{path::Path, sync::Arc, time::Duration};

use rusqlite::types::Value as StoredValue;
use sqlx::{Arguments as _, Error, Row as _, error::DatabaseError, types::Json};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::*;
use crate::store::{StoreError, sqlite};

fn options(path: &Path) -> SqliteOptions {
    SqliteOptions { path: path.to_owned(), busy_timeout: Duration::ZERO, pragmas: Vec::new(), statements_kept: 16 }
}

/// Creates a database with an empty table of notes.
async fn create() -> (TempDir, SqliteOptions) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    std::fs::write(&path, "").unwrap();
    let options = options(&path);
    let mut connection = options.open().unwrap();
    connection.exec("PRAGMA journal_mode = WAL").await.unwrap();
    connection
        .exec("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL CHECK (text != 'bad')) STRICT")
        .await
        .unwrap();
    (folder, options)
}

async fn insert(connection: &mut Connection, id: i64, text: &str) -> Result<u64, Error> {
    let insert = sqlx::query("INSERT INTO note (id, text) VALUES ($1, $2)").bind(id).bind(text);
    Ok(insert.execute(connection).await?.rows_affected())
}

#[tokio::test]
async fn passes_values_of_every_type() {
    let (_folder, options) = create().await;
    let mut connection = options.open().unwrap();

    let row =
        sqlx::query("SELECT $1 AS flag, $2 AS number, $3 AS text, $4 AS bytes, $5 AS missing, $6 AS json, 1.5 AS real")
            .bind(true)
            .bind(i64::MIN)
            .bind("a\0é")
            .bind(vec![0_u8, 255])
            .bind(None::<String>)
            .bind(Json(["x"]))
            .fetch_one(&mut connection)
            .await
            .unwrap();

    assert!(row.get::<bool, _>("flag"));
    assert_eq!((row.get::<i64, _>("number"), row.get::<i64, _>(1)), (i64::MIN, i64::MIN));
    assert_eq!((row.get::<String, _>("text"), row.get::<&str, _>("text")), ("a\0é".into(), "a\0é"));
    assert_eq!(row.get::<Vec<u8>, _>("bytes"), [0, 255]);
    assert_eq!(row.get::<Option<String>, _>("missing"), None);
    assert_eq!(row.get::<Json<Vec<String>>, _>("json").0, ["x"]);
    assert!(matches!(row.try_get::<i64, _>("real"), Err(Error::ColumnDecode { .. })));
    assert!(matches!(row.try_get::<i64, _>("text"), Err(Error::ColumnDecode { .. })));
    assert!(matches!(row.try_get::<i64, _>("missing"), Err(Error::ColumnDecode { .. })));
    assert!(matches!(row.try_get::<i64, _>("other"), Err(Error::ColumnNotFound(name)) if name == "other"));
    assert!(matches!(row.try_get::<i64, _>(7), Err(Error::ColumnIndexOutOfBounds { index: 7, len: 7 })));
}

#[tokio::test]
async fn only_reading_invalid_text_fails() {
    let (_folder, options) = create().await;
    let mut connection = options.open().unwrap();

    let row =
        sqlx::query("SELECT CAST(x'ff' AS TEXT) AS damaged, 7 AS number").fetch_one(&mut connection).await.unwrap();

    assert!(matches!(row.try_get::<String, _>("damaged"), Err(Error::ColumnDecode { .. })));
    assert_eq!(row.get::<i64, _>("number"), 7);
}

#[tokio::test]
async fn binds_parameters_by_number() {
    let (_folder, options) = create().await;
    let mut connection = options.open().unwrap();
    let mut arguments = Arguments::default();
    for text in ["one", "two", "three"] {
        arguments.add(text).unwrap();
    }
    let mut found = Vec::new();

    connection
        .run("SELECT $3 || $1, $1, $9, '$2'", &arguments, |row| {
            found = row.values.iter().map(|value| value.0.clone()).collect();
            true
        })
        .await
        .unwrap();

    let text = |text: &str| StoredValue::Text(text.into());
    assert_eq!(found, [text("threeone"), text("one"), StoredValue::Null, text("$2")]);
    assert!(matches!(connection.run("SELECT $name", &arguments, |_| true).await, Err(Error::Protocol(_))));
}

#[tokio::test]
async fn a_cached_statement_keeps_no_values() {
    let (_folder, options) = create().await;
    let mut connection = options.open().unwrap();

    for value in [Some(1_i64), None, Some(2)] {
        let found: Option<i64> = sqlx::query_scalar("SELECT $1").bind(value).fetch_one(&mut connection).await.unwrap();
        assert_eq!(found, value);
    }
    let found: Option<i64> = sqlx::query_scalar("SELECT $1").fetch_one(&mut connection).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn stops_after_the_row_that_is_the_last_one_needed() {
    let (_folder, options) = create().await;
    let mut connection = options.open().unwrap();
    for id in 1..=5 {
        insert(&mut connection, id, "x").await.unwrap();
    }
    let mut ids = Vec::new();

    let add = |row: Row| {
        ids.push(row.get::<i64, _>("id"));
        ids.len() < 3
    };
    connection.run("SELECT id FROM note ORDER BY id", &Arguments::default(), add).await.unwrap();

    assert_eq!(ids, [1, 2, 3]);
    let all: Vec<i64> = sqlx::query_scalar("SELECT id FROM note").fetch_all(&mut connection).await.unwrap();
    assert_eq!(all, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn reports_the_errors_of_sqlite() {
    let (_folder, options) = create().await;
    let mut connection = options.open().unwrap();
    assert_eq!(insert(&mut connection, 1, "good").await.unwrap(), 1);

    let repeated = insert(&mut connection, 1, "good").await.unwrap_err();
    let rejected = insert(&mut connection, 2, "bad").await.unwrap_err();
    let unknown = connection.exec("SELECT * FROM unknown").await.unwrap_err();

    assert!(repeated.as_database_error().is_some_and(DatabaseError::is_unique_violation));
    assert!(rejected.as_database_error().is_some_and(DatabaseError::is_check_violation));
    assert!(unknown.to_string().contains("no such table: unknown"), "{unknown}");
    assert!(matches!(connection.exec("SELECT 1; SELECT 2").await, Err(Error::Protocol(_))));
    assert!(sqlite::is_rejection(&connection.exec("ROLLBACK").await.unwrap_err().into()));
}

#[tokio::test]
async fn reports_a_lock_that_another_connection_holds() {
    let (_folder, options) = create().await;
    let (mut connection, mut other) = (options.open().unwrap(), options.open().unwrap());
    other.exec("BEGIN IMMEDIATE").await.unwrap();

    let refused = connection.exec("BEGIN IMMEDIATE").await.unwrap_err();

    assert!(matches!(StoreError::from(refused), StoreError::Busy));
    other.exec("ROLLBACK").await.unwrap();
    connection.exec("BEGIN IMMEDIATE").await.unwrap();
}

#[tokio::test]
async fn readers_see_one_snapshot_and_return_their_connection() {
    let (_folder, options) = create().await;
    let mut writer = options.open().unwrap();
    let pool = Pool::open(Options::Sqlite(options), 1, Duration::from_millis(50)).await.unwrap();
    let count =
        async |tx: &mut Connection| sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM note").fetch_one(tx).await;

    for expected in 0..3 {
        let counts = pool.read(async |tx| {
            let before = count(tx).await?;
            insert(&mut writer, expected + 1, "x").await?;
            Ok::<_, Error>((before, count(tx).await?))
        });
        assert_eq!(counts.await.unwrap(), (expected, expected));
    }
    let failed = pool.read(async |tx| insert(tx, 9, "bad").await).await;
    assert!(matches!(failed, Err(Error::Database(_))));
    assert_eq!(pool.read(count).await.unwrap(), 3);
    pool.close().await;
    assert!(matches!(pool.read(count).await, Err(Error::PoolClosed)));
}

#[tokio::test]
async fn a_reader_waits_for_a_connection_within_the_limit() {
    let (_folder, options) = create().await;
    let pool = Pool::open(Options::Sqlite(options), 1, Duration::from_millis(20)).await.unwrap();
    let none = async |_: &mut Connection| Ok::<_, Error>(());

    let held = pool.read(async |_| pool.read(none).await);

    assert!(matches!(held.await, Err(Error::PoolTimedOut)));
    pool.read(none).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn other_tasks_run_while_a_task_blocks() {
    let (started, ended) =
        (Arc::new(Notify::new()), Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new())));
    let (has_started, has_ended) = (Arc::clone(&started), Arc::clone(&ended));
    let blocking = tokio::spawn(block(async move {
        has_started.notify_one();
        let (flag, changed) = &*has_ended;
        let flag = changed.wait_while(flag.lock().unwrap(), |is_set| !*is_set).unwrap();
        *flag
    }));

    // The only other thread polls this task while the first one waits.
    let other = tokio::spawn(async move {
        started.notified().await;
        *ended.0.lock().unwrap() = true;
        ended.1.notify_all();
    });

    other.await.unwrap();
    assert!(blocking.await.unwrap());
}
