//! The PostgreSQL server is killed, restarted, or frozen, or closes all connections, under load.

use std::time::{Duration, Instant};

use banter_tests::{
    chat::{Sent, fresh_key, has_ended},
    client::Client,
    postgres::Postgres,
    process::Signal,
    random::TestRng,
    wait::within,
};
use rand::RngExt as _;
use serde_json::json;

use super::{Batch, batches, installation::Installation, load::Load, report::Report, sleep_up_to};

/// Number of rounds per installation.
const BATCH: u64 = 25;

/// The latest time within a round at which the server fails.
const MAX_DELAY: Duration = Duration::from_millis(1500);

/// The longest freeze.
const MAX_FREEZE: Duration = Duration::from_secs(3);

/// Time limit for recovery on a machine that is busy with other tests. The goal is 2 s; the times are reported.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);

/// A fault of the server.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed,
    StoppedFast,
    StoppedImmediately,
    ConnectionsClosed,
    Frozen,
}

use Fault::{ConnectionsClosed, Frozen, Killed, StoppedFast, StoppedImmediately};

impl Fault {
    const ALL: [Self; 5] = [Killed, StoppedFast, StoppedImmediately, ConnectionsClosed, Frozen];

    const fn name(self) -> &'static str {
        match self {
            Killed => "times that the server was killed",
            StoppedFast => "fast restarts",
            StoppedImmediately => "immediate restarts",
            ConnectionsClosed => "times that all connections were closed",
            Frozen => "freezes",
        }
    }

    /// Makes the server fail, and returns when it accepts connections again.
    async fn apply(self, server: &mut Postgres, rng: &mut TestRng) {
        match self {
            Killed => {
                server.kill();
                server.restart().await;
            }
            StoppedFast => {
                server.stop("fast");
                server.restart().await;
            }
            StoppedImmediately => {
                server.stop("immediate");
                server.restart().await;
            }
            ConnectionsClosed => {
                server.query(
                    "postgres",
                    "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'banter'",
                );
            }
            Frozen => {
                server.signal_all(Signal::Freeze);
                sleep_up_to(rng, MAX_FREEZE).await;
                server.signal_all(Signal::Resume);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovers_quickly_from_a_killed_database_server() {
    recovers_from("killed PostgreSQL", |_, _| Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovers_quickly_from_any_fault_of_the_database_server() {
    let choose = |rng: &mut TestRng, round: usize| match round % 2 {
        0 => Fault::ALL[1 + round / 2 % 4],
        _ => Fault::ALL[rng.random_range(0..Fault::ALL.len())],
    };
    recovers_from("failing PostgreSQL", choose).await;
}

async fn recovers_from(test: &'static str, choose: impl Fn(&mut TestRng, usize) -> Fault) {
    let report = Report::new(test);
    for Batch { rounds, mut rng } in batches(test, BATCH) {
        let server = Postgres::start().await;
        let mut installation = Installation::start(|builder| builder.on_postgres(server)).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        let session = installation.session().await;
        for round in 0..usize::try_from(rounds).unwrap() {
            sleep_up_to(&mut rng, MAX_DELAY).await;
            let fault = choose(&mut rng, round);
            let client = installation.app.client_of(rng.random_range(0..2));

            fault.apply(installation.app.postgres(), &mut rng).await;

            let returned_at = Instant::now();
            report.count(fault.name());
            let sent = send(&client, &session, &format!("back {round}")).await;
            report.sample("until a message was accepted", returned_at.elapsed());
            wait_for_end(&client, &session, &sent).await;
            report.sample("until it was answered", returned_at.elapsed());
        }
        load.finish(&installation).await;
    }
    report.print();
}

/// Sends a message, and repeats the request until it is accepted.
async fn send(client: &Client, session: &str, text: &str) -> Sent {
    let (key, body) = (fresh_key(), json!({"content": text}));
    within(RECOVERY_LIMIT, "a message is accepted", async || {
        let reply = client.post_message_keyed(session, "", &body, &key).await;
        assert!([202, 503].contains(&reply.status), "{}", reply.text());
        (reply.status == 202).then(|| Sent::from_body(&reply.json()))
    })
    .await
}

/// Waits until a message's task has succeeded.
async fn wait_for_end(client: &Client, session: &str, sent: &Sent) {
    let path = format!("/v1/chat/{session}/tasks/{}", sent.task_id);
    let task = within(RECOVERY_LIMIT, "the message is answered", async || {
        let reply = client.get(&path).await;
        assert!([200, 503].contains(&reply.status), "{}", reply.text());
        (reply.status == 200).then(|| reply.json()).filter(has_ended)
    })
    .await;
    assert_eq!(task["status"], "succeeded", "{task}");
}
