//! The whole machine is suspended for longer than a lease. The suspension is simulated by freezing all processes at
//! once.

use std::time::Duration;

use banter_tests::{follower::Follower, process::Signal};
use serde_json::json;

use crate::support::Scripted;

const WORKERS: usize = 2;
const LEASE: &str = "2";
const SLEEP: Duration = Duration::from_secs(5);

/// Number of heartbeats to wait for. They span more than two leases, so any mistaken takeover of a live worker's turns
/// would have happened by then.
const BEATS: i64 = 12;

#[tokio::test]
async fn no_live_worker_loses_its_turns_after_a_suspend() {
    sleep_and_wake_up(false).await;
}

#[tokio::test]
async fn no_live_worker_loses_its_turns_after_a_suspend_with_redis() {
    sleep_and_wake_up(true).await;
}

async fn sleep_and_wake_up(has_redis: bool) {
    let scripted = Scripted::start_with("", |builder| {
        let builder = builder.apis(2).workers(WORKERS).env("TASK_LEASE_SECONDS", LEASE);
        if has_redis { builder.redis() } else { builder }
    })
    .await;
    let (app, client) = (&scripted.app, &scripted.client);
    let follower = Follower::start(client).await;
    let mut turns = Vec::new();
    for number in 0..4 {
        let (session, task, gate) = scripted.held(&format!("turn {number}")).await;
        gate.send("awake").await;
        follower.wait_for_draft(&task, "awake").await;
        let next = client.send(&session, &format!("next {number}")).await;
        turns.push((session, task, gate, next.task_id));
    }
    app.wait_for_beats(WORKERS, 1).await;

    for _ in 0..2 {
        app.signal_all(Signal::Freeze);
        for (_, _, gate, _) in &turns {
            gate.send(", asleep").await;
        }
        tokio::time::sleep(SLEEP).await;
        app.signal_all(Signal::Resume);
        app.wait_for_beats(WORKERS, BEATS).await;
    }

    for (session, task, gate, next) in turns {
        let now = client.task(&session, &task).await;
        assert_eq!(json!([now["status"], now["attempt"], now["failures"]]), json!(["running", 1, 0]), "{now}");
        gate.finish().await;
        client.wait_for_status(&session, &task, "succeeded").await;
        assert_eq!(client.answer_of(&session, &task).await.unwrap()["content"], "awake, asleep, asleep");
        let next = client.wait_for_status(&session, &next, "succeeded").await;
        assert_eq!(json!([next["attempt"], next["failures"]]), json!([1, 0]));
    }
    follower.settle(client).await;
}
