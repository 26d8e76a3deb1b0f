//! Relay faults and configurations: missing permissions, forged messages, TLS, and unavailable file watching. Checks
//! that all problems are reported and nothing is lost.

use std::time::Duration;

use banter_tests::{
    app::{Builder, TestApp, address_of},
    client::Client,
    follower::FollowerOptions,
    process::{self, Environment, Process},
    redis::Redis,
    wait::{eventually, within},
};
use serde_json::{Value, json};

use crate::support::Scripted;

/// The documented permissions, excluding PUBLISH and PING.
const SUBSCRIBE_ONLY: [&str; 9] =
    ["ACL", "SETUSER", "relay", "on", ">hunter2", "resetchannels", "&banter:*", "+subscribe", "+unsubscribe"];

/// Time limit for automatic recovery, including headroom for a busy machine.
const RECOVERY: Duration = Duration::from_secs(2 + 8);

async fn on_redis(redis: Redis, change: impl FnOnce(Builder) -> Builder) -> Scripted {
    Scripted::start_with("", |builder| change(builder.apis(2).on_redis(redis))).await
}

/// Waits until an api's `/readyz` endpoint reports these states for the subscriber and the publisher, and returns the
/// response.
async fn until_ready(client: &Client, subscriber: &str, publisher: &str) -> Value {
    within(RECOVERY, &format!("the relay is {subscriber}, {publisher}"), async || {
        // `/readyz` checks a write, which may take more than a second on a machine that is busy with other tests.
        let reply = client.get("/readyz").await;
        let ready = (reply.status == 200).then(|| reply.json())?;
        let checks = &ready["checks"];
        (checks["relay_subscriber"] == subscriber && checks["relay_publisher"] == publisher).then_some(ready)
    })
    .await
}

async fn assert_answers(scripted: &Scripted, prompt: &str) {
    let session = scripted.session().await;
    let asked = scripted.client.ask(&session, prompt).await;
    assert_eq!(asked["task"]["status"], "succeeded", "{asked}");
}

fn count(text: &str, part: &str) -> usize {
    text.lines().filter(|line| line.contains(part)).count()
}

#[tokio::test]
async fn reports_a_missing_publish_permission_and_recovers_once_it_is_granted() {
    let redis = Redis::start().await;
    redis.run(&SUBSCRIBE_ONLY);
    let url = redis.url_of("relay:hunter2@");
    let mut scripted = on_redis(redis, |builder| builder.env("REDIS_URL", &url)).await;
    let clients = [scripted.app.client_of(0), scripted.app.client_of(1)];

    for client in &clients {
        let ready = until_ready(client, "ok", "denied").await;
        assert_eq!(ready["checks"]["relay"], "denied");
        assert_eq!(client.metric("banter_relay_subscriber_connected").await, 1);
        assert_eq!(client.metric("banter_relay_publisher_connected").await, 0);
    }
    for turn in 0..3 {
        assert_answers(&scripted, &format!("denied {turn}")).await;
    }
    eventually("dropped hints to be counted", async || {
        (clients[0].metric("banter_relay_dropped_hints_total").await > 0).then_some(())
    })
    .await;
    let warnings = |app: &TestApp| count(&app.logs(), "relay access denied");
    assert_eq!(warnings(&scripted.app), 3, "one line per process:\n{}", scripted.app.logs());

    scripted.app.redis().run(&["ACL", "SETUSER", "relay", "+publish"]);

    for client in &clients {
        until_ready(client, "ok", "ok").await;
    }
    let dropped = clients[0].metric("banter_relay_dropped_hints_total").await;
    for turn in 0..3 {
        assert_answers(&scripted, &format!("allowed {turn}")).await;
    }
    assert_eq!(clients[0].metric("banter_relay_dropped_hints_total").await, dropped);
    assert_eq!(warnings(&scripted.app), 3, "{}", scripted.app.logs());
    assert!(!scripted.app.logs().contains("hunter2"));
}

#[tokio::test]
async fn carries_live_text_over_tls_with_a_private_ca_and_a_user() {
    let redis = Redis::start_with_tls().await;
    redis.run(&SUBSCRIBE_ONLY);
    redis.run(&["ACL", "SETUSER", "relay", "+publish", "+ping"]);
    let (url, ca_file) = (redis.url_of("relay:hunter2@"), redis.ca_file().display().to_string());
    let change = |builder: Builder| builder.env("REDIS_URL", &url).env("REDIS_CA_FILE", &ca_file);
    let scripted = on_redis(redis, change).await;
    for api in 0..2 {
        until_ready(&scripted.app.client_of(api), "ok", "ok").await;
    }
    let follower = FollowerOptions::user(&scripted.app.client_of(1)).start().await;

    let (session, task, gate) = scripted.held("go").await;
    gate.send("as it is written").await;

    follower.wait_for_draft(&task, "as it is written").await;
    gate.finish().await;
    scripted.client.wait_for_status(&session, &task, "succeeded").await;
    follower.settle(&scripted.client).await;
    assert!(!scripted.app.logs().contains("hunter2"));
}

#[tokio::test]
async fn an_untrusted_certificate_is_reported_but_not_fatal() {
    let redis = Redis::start_with_tls().await;
    let url = redis.url_of("default:hunter2@");
    let scripted = on_redis(redis, |builder| builder.env("REDIS_URL", &url)).await;

    until_ready(&scripted.client, "away", "away").await;

    assert_answers(&scripted, "untrusted").await;
    let logs = scripted.app.logs();
    assert!(logs.contains("certificate"), "the log states the reason:\n{logs}");
    assert!(!logs.contains("hunter2"));
}

#[tokio::test]
async fn an_invalid_redis_url_fails_startup_and_is_not_logged() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["api", "worker"] {
        for url in
            ["hunter2@localhost", "http://u:hunter2@localhost", "rediss://u:hunter2@localhost:no", "redis://u:hunter2@"]
        {
            let environment = Environment::from([("REDIS_URL".into(), url.into())]);

            let output = process::run(program, &[], &environment, folder.path()).await;

            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(told.contains("REDIS_URL") && !told.contains("hunter2"), "{told}");
        }
    }
}

#[tokio::test]
async fn counts_forged_messages_and_logs_them_once() {
    let scripted = on_redis(Redis::start().await, |builder| builder).await;
    let mut app = scripted.app;
    until_ready(&app.client(), "ok", "ok").await;
    let installation = app.database().values("SELECT id FROM installation").await.remove(0);

    for message in [json!("work").to_string(), "x".repeat(1000), String::new()] {
        for channel in ["work", "stops"] {
            let channel = format!("banter:{installation}:{channel}");
            assert_eq!(app.redis().run(&["PUBLISH", &channel, &message]), "3", "two apis and a worker subscribe");
        }
    }

    let client = app.client();
    eventually("all forged messages to be counted", async || {
        (client.metric("banter_relay_rejected_messages_total").await == 6).then_some(())
    })
    .await;
    assert_eq!(client.get("/readyz").await.ok(200)["relay"]["rejected_messages"], 6);
    assert_eq!(count(&app.api(0).process.stderr(), "valid signature"), 1);
}

#[tokio::test]
async fn polls_without_file_watching_and_reports_it() {
    let scripted = Scripted::start_with("", Builder::embedded).await;
    let app = &scripted.app;
    let mut environment = app.environment().clone();
    environment.insert("BIND_ADDR".into(), "127.0.0.1:0".into());
    let api = process::binary("api").display().to_string();
    // A new user namespace has its own inotify limit.
    let line = format!("exec unshare -Ur sh -c 'echo 0 > /proc/sys/user/max_inotify_instances && exec {api}'");
    let mut limited = Process::spawn_line("limited", &line, &environment, app.folder());
    if tokio::time::timeout(Duration::from_secs(5), limited.wait_for_exit(Duration::from_mins(1))).await.is_ok() {
        assert!(limited.stderr().contains("unshare") || limited.stderr().contains("sh:"), "{}", limited.stderr());
        println!("SKIPPED: a limit on file watches needs a user namespace");
        return;
    }
    let address = address_of(&mut limited, std::time::Instant::now() + Duration::from_mins(1)).await;
    let client = Client::new(&address);

    until_ready(&client, "polling", "ok").await;

    let session = scripted.session().await;
    let asked = client.ask(&session, "polled").await;
    assert_eq!(asked["task"]["status"], "succeeded", "{asked}");
    assert_eq!(client.metric("banter_relay_dropped_hints_total").await, 0);
    assert_eq!(count(&limited.stderr(), "cannot watch the wake-up file"), 1, "{}", limited.stderr());
    limited.kill();
}
