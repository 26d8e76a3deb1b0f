//! The PostgreSQL server is killed and frozen, and closes connections, under load. Every accepted message is answered
//! exactly once and in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use banter_tests::{
    app::TestApp, client::Client, follower::FollowerOptions, postgres::Postgres, process::Signal, wait::eventually,
};
use serde_json::json;
use tokio::{task::JoinHandle, time::sleep};

/// The number of sessions in which messages are sent at the same time.
const SESSIONS: usize = 3;

async fn start() -> TestApp {
    TestApp::builder().apis(2).workers(2).on_postgres(Postgres::start().await).start().await
}

/// Senders that run until they are stopped.
struct Load {
    is_over: Arc<AtomicBool>,
    senders: Vec<JoinHandle<(String, Vec<String>)>>,
}

impl Load {
    async fn start(app: &TestApp) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut senders = Vec::new();
        for index in 0..SESSIONS {
            let client = app.client_of(index % 2);
            let session = client.create_session("demo").await;
            senders.push(tokio::spawn(send_until(client, session, Arc::clone(&is_over))));
        }
        Self { is_over, senders }
    }

    /// Stops the senders, and checks that each message was stored once, in order, with its answer.
    async fn check(self, app: &TestApp) {
        self.is_over.store(true, Ordering::Release);
        let client = app.client();
        for sender in self.senders {
            let (session, sent) = sender.await.unwrap();
            client.wait_until_idle(&session).await;
            let expected: Vec<_> = sent
                .into_iter()
                .flat_map(|text| [("user".to_owned(), format!("/echo {text}")), ("assistant".to_owned(), text)])
                .collect();
            assert!(expected.len() > 4, "messages were sent: {expected:?}");
            assert_eq!(client.transcript(&session).await, expected);
        }
        app.check().await;
    }
}

/// Sends numbered messages, one at a time, and repeats each request until the message is accepted.
async fn send_until(client: Client, session: String, is_over: Arc<AtomicBool>) -> (String, Vec<String>) {
    let mut sent = Vec::new();
    while !is_over.load(Ordering::Acquire) {
        let text = sent.len().to_string();
        let body = json!({"content": format!("/echo {text}")});
        let key = format!("{session}-{text}");
        loop {
            let reply = client.post_message_keyed(&session, "", &body, &key).await;
            if reply.status == 202 {
                break;
            }
            assert_eq!(reply.status, 503, "{}", reply.text());
            assert!(reply.headers.contains_key("retry-after"), "{}", reply.text());
            sleep(Duration::from_millis(50)).await;
        }
        sent.push(text);
        sleep(Duration::from_millis(20)).await;
    }
    (session, sent)
}

/// Waits until a message that is sent now has been answered.
async fn until_it_answers(client: &Client) {
    eventually("the installation answers", async || {
        let reply = client.post("/v1/chat", &json!({"agent_key": "demo"})).await;
        (reply.status == 201).then_some(())
    })
    .await;
    let session = client.create_session("demo").await;
    assert_eq!(client.ask(&session, "/echo back").await["task"]["status"], "succeeded");
}

#[tokio::test]
async fn killing_the_database_server_loses_and_duplicates_no_message() {
    let mut app = start().await;
    let follower = FollowerOptions::user(&app.client_of(1)).start().await;
    let load = Load::start(&app).await;

    for _ in 0..2 {
        until_it_answers(&app.client()).await;
        app.postgres().kill();
        assert_eq!(app.client().get("/readyz").await.status, 503);
        app.postgres().restart().await;
    }

    until_it_answers(&app.client()).await;
    load.check(&app).await;
    follower.settle(&app.client()).await;
}

#[tokio::test]
async fn closed_connections_are_replaced() {
    let mut app = start().await;
    let load = Load::start(&app).await;

    for _ in 0..10 {
        app.postgres()
            .query("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'banter'");
        sleep(Duration::from_millis(100)).await;
    }

    until_it_answers(&app.client()).await;
    load.check(&app).await;
}

#[tokio::test]
async fn a_frozen_database_server_delays_messages_but_loses_none() {
    let mut app = start().await;
    let load = Load::start(&app).await;
    until_it_answers(&app.client()).await;

    app.postgres().signal_all(Signal::Freeze);
    sleep(Duration::from_secs(8)).await;
    app.postgres().signal_all(Signal::Resume);

    until_it_answers(&app.client()).await;
    load.check(&app).await;
}

#[tokio::test]
async fn promoting_a_synchronous_standby_loses_and_duplicates_no_message() {
    let mut primary = Postgres::start().await;
    primary.create_database("banter");
    let standby = primary.base_backup(&["-R"]).start().await;
    primary.query("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.query("postgres", "SELECT pg_reload_conf()");
    eventually("the standby is synchronous", async || {
        let states = primary.query("postgres", "SELECT sync_state FROM pg_stat_replication");
        (states == "sync").then_some(())
    })
    .await;
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let url = format!("postgres://banter@{hosts}/banter?target_session_attrs=read-write");
    let app = TestApp::builder().apis(2).workers(2).env("DATABASE_URL", &url).redis().start().await;
    let follower = FollowerOptions::user(&app.client_of(1)).start().await;
    let load = Load::start(&app).await;
    until_it_answers(&app.client()).await;

    primary.kill();
    standby.query("postgres", "SELECT pg_promote()");

    until_it_answers(&app.client()).await;
    load.check(&app).await;
    follower.settle(&app.client()).await;
}

#[tokio::test]
async fn does_not_start_without_redis_or_with_an_unusable_url() {
    for (url, message) in [
        ("postgres://banter@127.0.0.1:1/banter", "REDIS_URL: expected the URL of a Redis server"),
        ("postgres://banter@127.0.0.1:1", "DATABASE_URL=\"postgres://…@127.0.0.1:1\": expected postgres://USER:"),
    ] {
        let app = TestApp::builder().apis(0).workers(0).env("DATABASE_URL", url).start().await;
        let output = app.run_api(&["check"]).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(message), "{text}");
    }
}
