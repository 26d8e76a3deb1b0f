//! Any number of processes can start in any order, even all at once on a new database.

use std::fs::File;

use banter_tests::{
    app::{STOP_LIMIT, TestApp},
    follower::Follower,
    process::Signal,
    wait::eventually,
};
use serde_json::json;

#[tokio::test]
async fn eight_processes_start_at_once_on_a_new_database() {
    let mut app = TestApp::builder().apis(4).workers(4).start().await;
    let clients: Vec<_> = (0..4).map(|index| app.client_of(index)).collect();
    let follower = Follower::start(&clients[3]).await;

    for (number, client) in clients.iter().enumerate() {
        let session = client.create_session("demo").await;
        let asked = client.ask(&session, &format!("/echo {number}")).await;
        assert_eq!(asked["reply"]["content"], number.to_string());
    }

    follower.settle(&clients[0]).await;
    for index in 0..4 {
        assert!(app.worker(index).exit_status().is_none(), "worker {index}:\n{}", app.worker(index).stderr());
        assert!(app.api(index).process.exit_status().is_none());
    }
}

#[tokio::test]
async fn a_worker_may_start_first_and_creates_the_folder() {
    let mut app = TestApp::builder().apis(0).workers(1).env("DATA_DIR", "deep/er/data").start().await;
    app.add_api().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let asked = client.ask(&session, "/echo hello").await;

    assert_eq!(asked["reply"]["content"], "hello");
    assert!(app.worker(0).exit_status().is_none());
}

#[tokio::test]
async fn creates_the_database_at_the_configured_url() {
    let app = TestApp::builder().workers(0).env("DATABASE_URL", "sqlite://some/new/folder/chat.db").start().await;

    app.client().create_session("demo").await;

    assert!(app.folder().join("some/new/folder/chat.db").is_file());
}

#[tokio::test]
async fn migrating_is_idempotent_and_openapi_prints_the_document() {
    let app = TestApp::builder().workers(0).start().await;

    let migrated = app.run_api(&["migrate"]).await;
    let printed = app.run_api(&["openapi"]).await;

    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    assert!(printed.status.success());
    let document: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(document, app.client().get("/v1/openapi.json").await.ok(200));
}

#[tokio::test]
async fn all_data_survives_a_restart_of_every_process() {
    let mut app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo before").await;
    client.patch(&format!("/v1/chat/{session}"), &json!({"pinned": true, "title": "Kept"})).await.ok(200);
    let before = client.chat(&session).await;

    app.worker(0).kill();
    app.restart_api(0).await;
    app.add_worker();

    let client = app.client();
    assert_eq!(client.chat(&session).await, before);
    assert_eq!(client.ask(&session, "/echo after").await["reply"]["content"], "after");
}

#[tokio::test]
async fn a_process_that_is_stopped_during_its_start_exits_gracefully() {
    let app = TestApp::builder().on_sqlite().apis(0).workers(0).start().await;
    let lock = File::create(app.folder().join("banter.db.migrate.lock")).unwrap();
    lock.lock().unwrap();

    for program in ["api", "worker"] {
        for signal in [Signal::Terminate, Signal::Interrupt] {
            let mut process = app.spawn(program, &[("BIND_ADDR", "127.0.0.1:0")]);
            eventually("the process waits for the lock", async || process.stderr().contains("waiting").then_some(()))
                .await;

            process.signal(signal);

            assert_eq!(process.wait_for_exit(STOP_LIMIT).await.code(), Some(0), "{program}: {}", process.stderr());
        }
    }
}

#[tokio::test]
async fn both_programs_print_their_version() {
    let app = TestApp::builder().apis(0).workers(0).start().await;

    for (program, output) in
        [("api", app.run_api(&["--version"]).await), ("worker", app.run_worker(&["--version"]).await)]
    {
        let text = String::from_utf8(output.stdout).unwrap();
        let version = text.trim().strip_prefix(program).unwrap_or_else(|| panic!("{text:?}")).trim();
        assert!(output.status.success() && version.split('.').count() == 3, "{text:?}");
    }
}

#[tokio::test]
async fn a_health_check_succeeds_only_while_the_api_is_ready() {
    let mut app = TestApp::builder().workers(0).start().await;
    let address = app.client().address().to_owned();
    app.set_env("BIND_ADDR", &address);

    let while_ready = app.run_api(&["healthcheck"]).await;
    app.api(0).process.kill();
    let while_down = app.run_api(&["healthcheck"]).await;

    assert!(while_ready.status.success(), "{}", String::from_utf8_lossy(&while_ready.stderr));
    assert_eq!(while_down.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&while_down.stderr).contains(&address));
}
