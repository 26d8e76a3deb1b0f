//! `api copy` moves an installation to another database.

use std::{process::Output, time::Duration};

use banter_tests::{
    app::TestApp, chat::id_of, follower::FollowerOptions, postgres::Postgres, process, random::TestRng,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::time::timeout;

async fn copy(app: &TestApp, to: &str) -> Output {
    app.run_api(&["copy", "--to", to]).await
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts the installation's api and worker on another database.
async fn move_to(app: &mut TestApp, url: &str) {
    app.set_env("DATABASE_URL", url);
    app.revive_api(0).await;
    app.replace_worker(0);
}

#[tokio::test]
async fn moves_an_installation_to_postgresql_and_back_without_a_resync() {
    let postgres = Postgres::start().await;
    let server = postgres.create_database("banter");
    let mut app = TestApp::builder().redis().on_sqlite().start().await;
    let client = app.client_for("ann", "member").await;
    let sessions = [client.create_session("demo").await, client.create_session("demo").await];
    for session in &sessions {
        client.ask(session, "/echo früh 🌅").await;
    }
    client.put(&format!("/v1/chat/{}/draft", sessions[0]), &json!({"text": "half a thought", "revision": 0})).await;
    client.ask(&sessions[1], "/fail").await;
    let follower = FollowerOptions::user(&client).start().await;
    app.remove_worker(0).await;
    let waiting = client.send(&sessions[0], "/echo late").await;
    let archived = client.create_session("demo").await;
    client.archive(&archived).await.ok_status(204);
    let before = (client.list_all("").await, client.messages(&sessions[0]).await, client.messages(&sessions[1]).await);
    app.stop_all().await;

    let there = copy(&app, &server).await;

    assert!(there.status.success(), "{there:?}");
    let told = String::from_utf8_lossy(&there.stdout).into_owned();
    assert!(told.starts_with(&format!("copied {} to postgres://127.0.0.1:", app.database_file().display())), "{told}");
    assert!(told.contains("/banter (3 sessions, 6 messages, "), "{told}");
    app.set_env("DATABASE_URL", &server);
    app.revive_api(0).await;
    let after = (client.list_all("").await, client.messages(&sessions[0]).await, client.messages(&sessions[1]).await);
    assert_eq!(after, before);
    app.add_worker();
    client.wait_for_status(&sessions[0], &id_of(&waiting.task), "succeeded").await;
    client.ask(&sessions[1], "/echo on PostgreSQL").await;
    app.check().await;
    let before = (client.messages(&sessions[0]).await, client.messages(&sessions[1]).await);
    app.stop_all().await;

    let back = copy(&app, "sqlite://back.db").await;

    assert!(back.status.success(), "{back:?}");
    move_to(&mut app, "sqlite://back.db").await;
    let after = (client.messages(&sessions[0]).await, client.messages(&sessions[1]).await);
    assert_eq!(after, before);
    client.ask(&sessions[0], "/echo back on SQLite").await;
    follower.settle(&client).await;
    follower.assert_unbroken();
    app.check().await;
}

#[tokio::test]
async fn a_copy_that_fails_or_is_killed_is_continued_and_opened_only_when_complete() {
    let mut rng = TestRng::seed_from_u64(7);
    let postgres = Postgres::start().await;
    let server = postgres.create_database("banter");
    let mut app = TestApp::builder().workers(0).redis().on_sqlite().start().await;
    let session = app.client().create_session("demo").await;
    for number in 0..40 {
        let other = app.client().create_session("demo").await;
        app.client().send(&other, &format!("/echo {number} {}", "0123456789".repeat(3000))).await;
    }
    let last = app.client().send(&session, "/echo the last one").await;
    let before = app.client().messages(&session).await;
    app.stop_all().await;
    let source = app.environment()["DATABASE_URL"].clone();
    app.set_env("DATABASE_URL", &server);
    assert!(app.run_api(&["migrate"]).await.status.success());
    let rejects = format!("ALTER TABLE chat_message ADD CONSTRAINT full_disk CHECK (id != '{}')", id_of(&last.message));
    postgres.query("banter", &rejects);

    app.set_env("DATABASE_URL", &source);
    let failed = copy(&app, &server).await;
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(stderr(&failed).starts_with("api: cannot write to postgres://127.0.0.1:"), "{}", stderr(&failed));
    app.set_env("DATABASE_URL", &server);
    let refused = app.run_api(&["check"]).await;
    assert!(
        stderr(&refused).ends_with("/banter is an unfinished copy. Run `api copy` again to finish it\n"),
        "{refused:?}"
    );
    postgres.query("banter", "ALTER TABLE chat_message DROP CONSTRAINT full_disk");
    app.set_env("DATABASE_URL", &source);
    // The future kills the process when it is dropped.
    for _ in 0..8 {
        let limit = Duration::from_millis(rng.random_range(20..250));
        let _ = timeout(limit, copy(&app, &server)).await;
    }
    let done = copy(&app, &server).await;

    // A copy that was not killed in time is complete, so the target is no longer empty.
    if !done.status.success() {
        assert!(stderr(&done).contains("/banter is not empty (the table chat_session has rows)"), "{}", stderr(&done));
    }
    app.set_env("DATABASE_URL", &server);
    app.check().await;
    app.revive_api(0).await;
    assert_eq!(app.client().messages(&session).await, before);
    assert_eq!(app.client().list_all("").await.len(), 41);
}

#[tokio::test]
async fn refuses_databases_in_use_and_targets_with_data() {
    let mut app = TestApp::builder().workers(0).on_sqlite().start().await;
    let session = app.client().create_session("demo").await;
    app.client().send(&session, "/echo precious").await;
    let reason = |output: &Output| {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        stderr(output)
    };

    let in_use = copy(&app, "sqlite://copy.db").await;
    assert!(reason(&in_use).contains(" is in use by "), "{}", stderr(&in_use));
    app.stop_all().await;
    let same = copy(&app, &app.environment()["DATABASE_URL"]).await;
    assert!(reason(&same).contains("--to is the current database"), "{}", stderr(&same));
    assert!(copy(&app, "sqlite://copy.db").await.status.success());
    let full = copy(&app, "sqlite://copy.db").await;
    assert!(reason(&full).contains("copy.db is not empty (the table chat_session has rows)"), "{}", stderr(&full));
    let unreachable = copy(&app, "postgres://ann:hunter2@127.0.0.1:1/banter").await;
    assert!(
        reason(&unreachable).starts_with("api: --to: cannot open postgres://127.0.0.1:1/banter"),
        "{unreachable:?}"
    );
    assert!(!stderr(&unreachable).contains("hunter2"));
    let invalid = copy(&app, "mysql://ann:hunter2@db/banter").await;
    assert_eq!(invalid.status.code(), Some(2));
    assert!(stderr(&invalid).starts_with("api: --to=\"mysql://…@db/banter\": expected sqlite://PATH"), "{invalid:?}");

    let output = process::run("api", &["copy", "--to", "sqlite://copy.db"], &missing(&app), app.folder()).await;
    assert!(reason(&output).contains("there is no database at nowhere.db; check DATABASE_URL"), "{output:?}");
    assert!(!app.folder().join("nowhere.db").exists());
}

/// Returns an environment whose database does not exist.
fn missing(app: &TestApp) -> process::Environment {
    let mut environment = app.environment().clone();
    environment.insert("DATABASE_URL".into(), "sqlite://nowhere.db".into());
    environment
}
