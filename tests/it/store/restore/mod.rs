//! `api restore` installs a complete backup, or leaves the database unchanged.

mod sources;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use banter_tests::{
    app::TestApp,
    process::{Process, binary},
    random::TestRng,
    small_disk::SmallDisk,
    sse::USER_EVENTS,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::{connect, names};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Creates an installation with one turn, a backup of that state (`copy.db`), and a second turn, and then kills all
/// processes.
async fn app_with_backup() -> (TestApp, String) {
    let mut app = TestApp::builder().on_sqlite().start().await;
    let session = app.client().create_session("demo").await;
    app.client().ask(&session, "/echo before").await;
    assert!(app.run_api(&["backup", "copy.db"]).await.status.success());
    app.client().ask(&session, "/echo after").await;
    app.api(0).process.kill();
    app.worker(0).kill();
    (app, session)
}

async fn texts(database: &Path) -> Vec<String> {
    let mut connection = connect(database).await;
    let texts = sqlx::query_scalar("SELECT content FROM chat_message WHERE role = 'assistant' ORDER BY seq");
    texts.fetch_all(&mut connection).await.unwrap()
}

fn kept(app: &TestApp) -> Vec<String> {
    names(app.folder()).into_iter().filter(|name| name.contains("before-restore")).collect()
}

#[tokio::test]
async fn restores_the_backup_and_keeps_the_replaced_database() {
    let (mut app, session) = app_with_backup().await;

    let output = app.run_api(&["restore", "copy.db"]).await;

    assert!(output.status.success(), "{output:?}");
    let kept = kept(&app);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("restored copy.db (1 session, 2 messages)") && told.contains(&kept[0]), "{told}");
    assert_eq!(texts(&app.folder().join(&kept[0])).await, ["before", "after"]);
    app.check().await;
    let api = app.add_api().await;
    app.add_worker();
    let client = app.client_of(api);
    assert_eq!(client.transcript(&session).await.len(), 2);
    assert_eq!(client.ask(&session, "/echo again").await["reply"]["content"], "again");
    assert!(app.folder().join("copy.db").is_file(), "the source is kept");
}

#[tokio::test]
async fn a_cursor_from_before_the_restore_leads_to_one_resync() {
    let (mut app, session) = app_with_backup().await;
    let old = {
        let mut connection = connect(&app.database_file()).await;
        let (epoch, seq): (String, i64) =
            sqlx::query_as("SELECT epoch, last_seq FROM user_log").fetch_one(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
        format!("{epoch}-{seq}")
    };
    assert!(app.run_api(&["restore", "copy.db"]).await.status.success());
    let api = app.add_api().await;
    app.add_worker();
    let client = app.client_of(api);
    // The new history is longer than the old one was, so only the epoch distinguishes the two.
    for _ in 0..6 {
        client.ask(&session, "/echo new").await;
    }

    let mut stream = client.events(&format!("{USER_EVENTS}?after={old}")).await;
    let first = [stream.next().await, stream.next().await];

    let resyncs: Vec<_> = first.iter().filter(|event| event.kind == "resync").collect();
    assert_eq!(resyncs.len(), 1, "{first:?}");
    assert_eq!(resyncs[0].data["reason"], "foreign");
}

#[tokio::test]
async fn fails_while_any_process_has_the_database_open() {
    let mut app = TestApp::builder().on_sqlite().start().await;
    let session = app.client().create_session("demo").await;
    assert!(app.run_api(&["backup", "copy.db"]).await.status.success());
    app.client().ask(&session, "/echo kept").await;

    let mut refused = vec![app.run_api(&["restore", "copy.db"]).await];
    app.api(0).process.kill();
    refused.push(app.run_api(&["restore", "copy.db"]).await);
    app.worker(0).kill();
    let mut foreign = connect(&app.database_file()).await;
    sqlx::query("SELECT COUNT(*) FROM chat_message").execute(&mut foreign).await.unwrap();
    refused.push(app.run_api(&["restore", "copy.db"]).await);

    for output in refused {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let (told, line) = (stderr(&output), "; stop all `api` and `worker` processes first");
        assert!(told.contains(" is in use by process ") && told.trim_end().ends_with(line), "{told}");
    }
    sqlx::Connection::close(foreign).await.unwrap();
    assert_eq!(texts(&app.database_file()).await, ["kept"]);
    assert!(app.run_api(&["restore", "copy.db"]).await.status.success());
    assert!(texts(&app.database_file()).await.is_empty());
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_the_old_or_the_restored_database() {
    let (app, _) = app_with_backup().await;
    let environment = [("DATABASE_URL".to_owned(), format!("sqlite://{}", app.database_file().display()))].into();
    let mut rng = TestRng::seed_from_u64(11);
    let (mut old, mut new) = (0, 0);
    for _ in 0..15 {
        let mut restore = Process::spawn("restore", "api", &["restore", "copy.db"], &environment, app.folder());
        tokio::time::sleep(rng.random_range(Duration::ZERO..Duration::from_millis(120))).await;
        restore.kill();

        app.check().await;
        match texts(&app.database_file()).await.len() {
            2 => old += 1,
            1 => {
                new += 1;
                for name in kept(&app) {
                    let path = app.folder().join(&name);
                    assert!((1..=2).contains(&texts(&path).await.len()), "{name} is complete");
                }
                // Restores the old database for the next round.
                let replaced = kept(&app).into_iter().next().unwrap();
                assert!(app.run_api(&["restore", &replaced]).await.status.success());
            }
            other => panic!("a mixture: {other} answers"),
        }
        for name in kept(&app) {
            assert_ne!(
                identity(&app.folder().join(&name)),
                identity(&app.database_file()),
                "{name} is a separate file"
            );
            fs::remove_file(app.folder().join(name)).unwrap();
        }
        assert!(!names(app.folder()).iter().any(|name| name.contains(".restoring")), "{:?}", names(app.folder()));
    }
    println!("killed restores: {old} left the old database, {new} were complete");
}

fn identity(path: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(path).unwrap();
    (found.dev(), found.ino())
}

#[tokio::test]
async fn reports_a_full_disk_and_leaves_the_database_unchanged() {
    let Some(disk) = SmallDisk::mount(8) else {
        return println!("SKIPPED: simulating a full disk requires root to mount a small tmpfs");
    };
    let url = format!("sqlite://{}", disk.path().join("banter.db").display());
    let mut app = TestApp::builder().on_sqlite().workers(0).env("DATABASE_URL", &url).start().await;
    let session = app.client().create_session("demo").await;
    for _ in 0..20 {
        app.client().post_message(&session, "", &json!({"content": "0123456789".repeat(10_000)})).await.ok(202);
    }
    assert!(app.run_api(&["backup", "copy.db"]).await.status.success());
    app.api(0).process.stop(Duration::from_secs(20)).await;
    let filler = disk.fill();
    let before = names(disk.path());

    let output = app.run_api(&["restore", "copy.db"]).await;

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("api: not enough disk space for a copy of copy.db in "), "{output:?}");
    assert_eq!(names(disk.path()), before);
    fs::remove_file(filler).unwrap();
    app.check().await;
    assert!(app.run_api(&["restore", "copy.db"]).await.status.success());
    app.check().await;
}

#[tokio::test]
async fn the_documented_commands_back_up_and_restore() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md")).unwrap();
    let section = docs.split("\n## ").find(|section| section.starts_with("Back up and restore")).unwrap();
    let blocks: Vec<&str> = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [back_up, restore] = blocks[..] else {
        panic!("expected one block for backing up and one for restoring: {blocks:?}")
    };
    let mut app = TestApp::builder().on_sqlite().env("DATABASE_URL", "sqlite://data/banter.db").start().await;
    let session = app.client().create_session("demo").await;
    app.client().ask(&session, "/echo before").await;

    run_documented(&app, back_up);
    app.client().ask(&session, "/echo after").await;
    app.stop_all().await;
    run_documented(&app, restore);

    let api = app.add_api().await;
    assert_eq!(app.client_of(api).transcript(&session).await.len(), 2);
}

fn run_documented(app: &TestApp, block: &str) {
    let path = format!("{}:{}", binary("api").parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    let output = command.args(["-ec", block]).current_dir(app.folder()).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{block}: {output:?}");
}
