//! `api backup` creates its final file only once the copy is complete.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use banter_tests::{app::TestApp, process::Process, random::TestRng, small_disk::SmallDisk};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::{connect, names};

/// Starts an installation without a worker, and adds messages with at least this many kilobytes of text.
async fn app_with_text(kilobytes: usize) -> TestApp {
    let app = TestApp::builder().on_sqlite().workers(0).start().await;
    let session = app.client().create_session("demo").await;
    for _ in 0..kilobytes.div_ceil(100) {
        app.client().send(&session, &"0123456789".repeat(10_000)).await;
    }
    app
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn back_up(app: &TestApp, arguments: &[&str]) -> Output {
    app.run_api(&[&["backup"], arguments].concat()).await
}

async fn message_count(database: &Path) -> i64 {
    let mut connection = connect(database).await;
    sqlx::query_scalar("SELECT COUNT(*) FROM chat_message").fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn writes_a_private_copy_while_the_api_runs() {
    let app = app_with_text(300).await;
    fs::create_dir(app.folder().join("copies")).unwrap();

    let output = back_up(&app, &["copies/banter.db"]).await;

    assert!(output.status.success(), "{output:?}");
    let copy = app.folder().join("copies/banter.db");
    let size = fs::metadata(&copy).unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains(&format!("to copies/banter.db ({} bytes)", size.len())), "{told}");
    assert_eq!(size.permissions().mode() & 0o777, 0o600);
    assert_eq!(names(&app.folder().join("copies")), ["banter.db"], "nothing else is left");
    assert_eq!(message_count(&copy).await, 3);
    assert_eq!(app.client().get("/readyz").await.status, 200);
}

#[tokio::test]
async fn keeps_an_existing_file_unless_told_to_overwrite_it() {
    let app = app_with_text(100).await;
    let target = app.folder().join("copy.db");
    fs::write(&target, "precious").unwrap();

    let refused = back_up(&app, &["copy.db"]).await;

    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).starts_with("api: copy.db already exists; choose another name, or pass --overwrite"),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    assert!(back_up(&app, &["copy.db", "--overwrite"]).await.status.success());
    assert_eq!(message_count(&target).await, 1);
}

#[tokio::test]
async fn rejects_invalid_backup_targets() {
    let app = app_with_text(100).await;
    std::os::unix::fs::symlink(app.database_file(), app.folder().join("link.db")).unwrap();
    std::os::unix::fs::symlink("nowhere.db", app.folder().join("dangling.db")).unwrap();
    let before = names(app.folder());

    for (target, reason) in [
        ("banter.db", "is one of the database's own files"),
        ("./banter.db", "is one of the database's own files"),
        ("link.db", "is one of the database's own files"),
        ("banter.db-wal", "is one of the database's own files"),
        ("banter.db-journal", "is one of the database's own files"),
        (".", "is not a regular file"),
        ("/dev/null", "is not a regular file"),
        ("dangling.db", "is not a regular file"),
        ("no/such/folder/copy.db", "cannot write"),
    ] {
        let output = back_up(&app, &[target, "--overwrite"]).await;
        assert_eq!(output.status.code(), Some(1), "{target}");
        assert!(stderr(&output).contains(reason), "{target}: {}", stderr(&output));
        assert_eq!(stderr(&output).matches("api: ").count(), 1, "one line");
    }

    assert_eq!(names(app.folder()), before);
    app.check().await;
}

#[tokio::test]
async fn a_planted_partial_file_neither_damages_the_database_nor_exposes_the_backup() {
    let app = app_with_text(100).await;
    let partial = app.folder().join(".copy.db.partial");
    let size = fs::metadata(app.database_file()).unwrap().len();

    std::os::unix::fs::symlink(app.database_file(), &partial).unwrap();
    let through_a_link = back_up(&app, &["copy.db"]).await;
    fs::remove_file(&partial).unwrap();
    fs::write(app.folder().join("other"), "").unwrap();
    fs::hard_link(app.folder().join("other"), &partial).unwrap();
    let with_another_name = back_up(&app, &["copy.db"]).await;

    for output in [through_a_link, with_another_name] {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).contains("cannot write copy.db"), "{output:?}");
    }
    assert!(!app.folder().join("copy.db").exists());
    assert!(fs::metadata(app.database_file()).unwrap().len() >= size);
    app.check().await;
}

#[tokio::test]
async fn does_not_create_a_missing_database() {
    let app = TestApp::builder().on_sqlite().apis(0).workers(0).start().await;

    let output = back_up(&app, &["copy.db"]).await;

    let stderr = stderr(&output);
    assert!(stderr.contains("there is no database at") && stderr.contains("check DATABASE_URL"), "{output:?}");
    assert!(!app.database_file().exists() && !app.folder().join("copy.db").exists());
}

#[tokio::test]
async fn a_killed_backup_leaves_no_final_file_and_the_next_one_cleans_up() {
    let app = app_with_text(8_000).await;
    let copies = app.folder().join("copies");
    fs::create_dir(&copies).unwrap();
    let mut rng = TestRng::seed_from_u64(7);
    let environment = [("DATABASE_URL".to_owned(), format!("sqlite://{}", app.database_file().display()))].into();
    for _ in 0..8 {
        let mut backup = Process::spawn("backup", "api", &["backup", "copies/banter.db"], &environment, app.folder());
        tokio::time::sleep(rng.random_range(Duration::ZERO..Duration::from_millis(150))).await;
        backup.kill();
        if backup.exit_status().is_some_and(|status| status.success()) {
            assert_eq!(message_count(&copies.join("banter.db")).await, 80);
            fs::remove_file(copies.join("banter.db")).unwrap();
        }
        // A process that is killed after the rename but before it exits leaves a complete copy.
        if let Ok(copy) = copies.join("banter.db").canonicalize() {
            assert_eq!(message_count(&copy).await, 80);
            fs::remove_file(copy).unwrap();
        }
    }

    let output = back_up(&app, &["copies/banter.db"]).await;

    assert!(output.status.success(), "{output:?}");
    assert_eq!(names(&copies), ["banter.db"]);
    assert_eq!(message_count(&copies.join("banter.db")).await, 80);
}

#[tokio::test]
async fn reports_a_full_disk_and_leaves_no_files_behind() {
    let Some(disk) = SmallDisk::mount(2) else {
        return println!("SKIPPED: a full disk needs root, to mount a small tmpfs");
    };
    let app = app_with_text(4_000).await;
    let target: PathBuf = disk.path().join("copy.db");
    fs::write(disk.path().join("other"), "x").unwrap();

    let output = back_up(&app, &[&target.display().to_string()]).await;

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("api: not enough disk space for "), "{output:?}");
    assert_eq!(names(disk.path()), ["other"]);
    app.client().send(&app.client().create_session("demo").await, "still works").await;
    app.client().post("/v1/chat", &json!({"agent_key": "demo"})).await.ok(201);
}
