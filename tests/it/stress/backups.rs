//! Taking backups under load, and restoring them. Both commands, the api, and the worker are killed (`kill -9`).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use banter_tests::{
    app::TestApp,
    chat::{fresh_key, text_of},
    client::Client,
    process::Process,
    random::TestRng,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Batch, batches, report::Report, sleep_up_to};

/// Number of rounds per installation.
const BATCH: u64 = 10;
/// Number of clients that send messages at the same time, each to a separate session.
const SENDERS: usize = 3;

/// The messages that one client sent to its session, in order. The last one may not have been accepted.
#[derive(Default)]
struct Sent {
    tried: Vec<String>,
    accepted: usize,
}

type Log = Arc<Mutex<Sent>>;

/// Sends one message after another until stopped or until no api responds.
async fn send(client: Client, session: String, log: Log, stop: CancellationToken, mut rng: TestRng) {
    while !stop.is_cancelled() {
        let text = {
            let mut log = log.lock().unwrap();
            let text = format!("/echo {}", log.tried.len());
            log.tried.push(text.clone());
            text
        };
        let path = format!("/v1/chat/{session}/messages");
        let request =
            client.request("POST", &path).header("Idempotency-Key", fresh_key()).json(&json!({"content": text}));
        match client.try_call(request).await {
            Ok(reply) if reply.status == 202 => {
                let mut log = log.lock().unwrap();
                log.accepted = log.tried.len();
            }
            // The message was not stored.
            Ok(_) => drop(log.lock().unwrap().tried.pop()),
            Err(_) => return,
        }
        tokio::time::sleep(rng.random_range(Duration::ZERO..Duration::from_millis(60))).await;
    }
}

/// Checks that a session contains a prefix of the messages that were sent to it, that the prefix has at least `least`
/// messages, and that each answer matches the message.
async fn check_conversation(client: &Client, session: &str, tried: &[String], least: usize) {
    client.wait_until_idle(session).await;
    let messages = client.messages(session).await;
    let said: Vec<String> =
        messages.iter().filter(|it| it["role"] == "user").map(|it| text_of(it, "content")).collect();
    assert!(said.len() >= least, "{} of {least} messages that were accepted before the backup", said.len());
    assert_eq!(said, tried[..said.len()], "a prefix of what was sent");
    for turn in messages.chunks(2) {
        assert_eq!(turn[0]["task"]["status"], "succeeded", "{turn:?}");
        let answer = text_of(&turn[0], "content").replace("/echo ", "");
        assert_eq!(text_of(&turn[1], "content"), answer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_a_prefix_of_the_history_after_any_kill() {
    let report = Report::new("backups");
    for Batch { rounds, mut rng } in batches("backups", BATCH) {
        let mut app =
            TestApp::builder().on_sqlite().env("TASK_LEASE_SECONDS", "2").env("TASK_MAX_ATTEMPTS", "9").start().await;
        for round in 0..rounds {
            one_round(&mut app, &mut rng, &report, round).await;
        }
    }
    report.print();
}

async fn one_round(app: &mut TestApp, rng: &mut TestRng, report: &Report, round: u64) {
    let client = app.client();
    let stop = CancellationToken::new();
    let (mut senders, mut sessions) = (JoinSet::new(), Vec::new());
    for _ in 0..SENDERS {
        let (session, log) = (client.patient().create_session("demo").await, Log::default());
        senders.spawn(send(client.clone(), session.clone(), log.clone(), stop.clone(), rng.fork()));
        sessions.push((session, log));
    }
    sleep_up_to(rng, Duration::from_millis(800)).await;
    let target = format!("backup-{round}.db");
    let mut killed = spawn(app, "killed-backup", &["backup", &target]);
    sleep_up_to(rng, Duration::from_millis(200)).await;
    killed.kill();
    report.count("backups killed");
    let least: Vec<usize> = sessions.iter().map(|(_, log)| log.lock().unwrap().accepted).collect();
    let backup = app.run_api(&["backup", &target, "--overwrite"]).await;
    assert!(backup.status.success(), "{backup:?}");
    sleep_up_to(rng, Duration::from_millis(500)).await;
    app.worker(0).kill();
    app.api(0).process.kill();
    stop.cancel();
    while senders.join_next().await.is_some() {}

    let mut restore = spawn(app, "killed-restore", &["restore", &target]);
    sleep_up_to(rng, Duration::from_millis(200)).await;
    restore.kill();
    report.count("restores killed");
    app.check().await;
    let restored = app.run_api(&["restore", &target]).await;
    assert!(restored.status.success(), "{restored:?}");

    app.check().await;
    app.revive_api(0).await;
    app.replace_worker(0);
    for ((session, log), least) in sessions.iter().zip(least) {
        let tried = log.lock().unwrap().tried.clone();
        check_conversation(&app.client(), session, &tried, least).await;
        report.count("sessions that were a prefix");
    }
    app.check().await;
}

fn spawn(app: &TestApp, name: &str, arguments: &[&str]) -> Process {
    let environment = [("DATABASE_URL".to_owned(), format!("sqlite://{}", app.database_file().display()))].into();
    Process::spawn(name, "api", arguments, &environment, app.folder())
}
