//! The files that can be restored, and those that are rejected.

use std::{fs, path::Path};

use super::{app_with_backup, connect, names, stderr, texts};

#[tokio::test]
async fn rejects_sources_that_are_not_a_complete_banter_database() {
    let (app, _) = app_with_backup().await;
    let path = |name: &str| app.folder().join(name);
    fs::write(path("text.db"), "not a database, but some text\n".repeat(200)).unwrap();
    fs::write(path("empty.db"), "").unwrap();
    let mut other = connect_new(&path("other.db")).await;
    sqlx::query("CREATE TABLE notes (text TEXT)").execute(&mut other).await.unwrap();
    sqlx::Connection::close(other).await.unwrap();
    let whole = fs::read(path("copy.db")).unwrap();
    fs::write(path("short.db"), &whole[..whole.len() / 2]).unwrap();
    let mut corrupted = whole.clone();
    corrupted[4096..4096 + 3000].fill(0xa5);
    fs::write(path("corrupted.db"), corrupted).unwrap();
    fs::write(path("newer.db"), &whole).unwrap();
    let mut newer = connect(&path("newer.db")).await;
    let insert = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                  VALUES (99990101000000, 'later', 1, x'00', 0)";
    sqlx::query(insert).execute(&mut newer).await.unwrap();
    sqlx::Connection::close(newer).await.unwrap();
    let before = names(app.folder());

    for (source, reason) in [
        ("missing.db", "cannot read missing.db"),
        ("text.db", "is not a Banter database"),
        ("empty.db", "is not a Banter database"),
        ("other.db", "is not a Banter database"),
        (".", "is not a Banter database"),
        ("short.db", "is corrupted"),
        ("corrupted.db", "is corrupted"),
        ("newer.db", "99990101000000"),
        ("banter.db", "is the current database; pass a backup instead"),
    ] {
        let output = app.run_api(&["restore", source]).await;
        assert_eq!(output.status.code(), Some(1), "{source}: {output:?}");
        assert!(stderr(&output).contains(reason), "{source}: {}", stderr(&output));
    }

    assert_eq!(names(app.folder()), before, "nothing is left over");
    assert_eq!(texts(&app.database_file()).await, ["before", "after"]);
    app.check().await;
}

async fn connect_new(path: &Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn rejects_a_backup_copied_over_a_database_with_a_log_and_can_restore_it() {
    let (app, _) = app_with_backup().await;
    assert!(fs::metadata(app.folder().join("banter.db-wal")).unwrap().len() > 0, "the process was killed");
    fs::copy(app.folder().join("copy.db"), app.database_file()).unwrap();

    let refused = [app.run_api(&["check"]).await, app.run_worker(&["run"]).await];

    for output in refused {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).contains("api restore"), "{output:?}");
    }
    assert!(app.run_api(&["restore", "copy.db"]).await.status.success());
    assert_eq!(texts(&app.database_file()).await, ["before"]);
    app.check().await;
}

#[tokio::test]
async fn adopts_a_backup_copied_into_an_empty_folder() {
    let (app, _) = app_with_backup().await;
    let facts = "SELECT (SELECT id FROM installation) || ' ' || (SELECT epoch FROM user_log)";
    let before: String = sqlx::query_scalar(facts).fetch_one(&mut connect(&app.database_file()).await).await.unwrap();
    for name in ["banter.db", "banter.db-wal", "banter.db-shm"] {
        let _ = fs::remove_file(app.folder().join(name));
    }
    fs::copy(app.folder().join("copy.db"), app.database_file()).unwrap();

    app.check().await;

    let after: String = sqlx::query_scalar(facts).fetch_one(&mut connect(&app.database_file()).await).await.unwrap();
    for (before, after) in before.split(' ').zip(after.split(' ')) {
        assert_ne!(before, after);
    }
    app.check().await;
    let later: String = sqlx::query_scalar(facts).fetch_one(&mut connect(&app.database_file()).await).await.unwrap();
    assert_eq!(after, later, "once");
}
