//! Workers and apis are killed (`kill -9`).

use std::time::{Duration, Instant};

use banter_tests::{
    fake_openai::Answer,
    follower::{Follower, FollowerOptions},
    wait::{eventually, within},
};
use serde_json::{Value, json};

use crate::support::{Scripted, pairs};

/// Time limit for detecting a killed worker, which takes at most 1.2 × lease (2 s) + 1 s; the rest is headroom for a
/// machine that is busy with other tests.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

async fn short_lease(workers: usize) -> Scripted {
    Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "2").workers(workers)).await
}

/// Kills all workers, because any of them may be the busy one.
fn kill_all_workers(scripted: &mut Scripted, workers: usize) {
    (0..workers).for_each(|index| scripted.app.worker(index).kill());
}

#[tokio::test]
async fn another_worker_continues_the_turn_of_a_killed_worker_with_one_answer() {
    let mut scripted = short_lease(1).await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("lost text").await;
    follower.wait_for_draft(&task, "lost text").await;
    let second = scripted.client.send(&session, "second").await;
    scripted.app.add_worker();
    let killed_at = Instant::now();

    scripted.app.worker(0).kill();

    scripted.model.script("go", [Answer::text("whole")]);
    let ended = scripted.client.wait_for_status(&session, &task, "succeeded").await;
    assert!(killed_at.elapsed() < NOTICED_WITHIN, "it took {:?}", killed_at.elapsed());
    assert_eq!(json!([ended["attempt"], ended["failures"], ended["error"]]), json!([2, 1, null]));
    scripted.client.wait_for_status(&session, &second.task_id, "succeeded").await;
    assert_eq!(
        scripted.client.transcript(&session).await,
        pairs(&[("user", "go"), ("assistant", "whole"), ("user", "second"), ("assistant", "You said: second")])
    );
    assert_eq!(scripted.model.prompts(), ["go", "go", "second"]);
    follower.settle(&scripted.client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn without_another_worker_an_api_detects_the_loss_and_the_turn_is_queued() {
    let mut scripted = short_lease(1).await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, _gate) = scripted.held("go").await;
    let killed_at = Instant::now();

    scripted.app.worker(0).kill();

    let waiting = within(NOTICED_WITHIN, "the api to detect the loss", async || {
        Some(scripted.client.task(&session, &task).await).filter(|task| task["status"] == "queued")
    })
    .await;
    assert_eq!(waiting["error"]["code"], "worker_lost");
    assert_eq!(json!([waiting["attempt"], waiting["failures"], waiting["error"]["retryable"]]), json!([1, 1, true]));
    assert!(killed_at.elapsed() >= Duration::from_millis(1500), "the takeover happened before the lease expired");
    scripted.model.script("go", [Answer::text("whole")]);
    scripted.app.add_worker();
    scripted.client.wait_for_status(&session, &task, "succeeded").await;
    follower.settle(&scripted.client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_turn_that_cannot_be_retried_ends_with_its_text_and_a_visible_error() {
    let mut scripted = Scripted::start_with("max_attempts = 1", |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("some text").await;
    follower.wait_for_draft(&task, "some text").await;
    scripted.client.wait_for_stored_text(&session, "some text").await;

    scripted.app.worker(0).kill();

    let failed = scripted.client.wait_for_status(&session, &task, "failed").await;
    assert_eq!(failed["error"]["code"], "worker_lost");
    let kept = scripted.client.answer_of(&session, &task).await.unwrap();
    assert_eq!(json!([kept["content"], kept["finish_reason"]]), json!(["some text", "error"]));
    follower.settle(&scripted.client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn an_accepted_cancellation_holds_when_the_worker_is_killed() {
    let mut scripted = short_lease(1).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("some text").await;

    let (reply, ()) = tokio::join!(scripted.client.cancel(&session, &task), async {});
    scripted.app.worker(0).kill();

    reply.ok(202);
    scripted.client.wait_for_status(&session, &task, "cancelled").await;
    scripted.app.add_worker();
    let asked = scripted.client.ask(&session, "next").await;
    assert_eq!(asked["task"]["status"], "succeeded");
    assert_eq!(scripted.model.prompts(), ["go", "next"]);
    scripted.app.check().await;
}

#[tokio::test]
async fn killing_all_processes_leaves_every_message_with_one_outcome() {
    let mut scripted = short_lease(2).await;
    let mut sent = Vec::new();
    for number in 0..6 {
        let session = scripted.session().await;
        for turn in 0..3 {
            let text = format!("session {number} turn {turn}");
            scripted.model.script(&text, [Answer::words(["a ", "b ", "c"], Duration::from_millis(50))]);
            sent.push((session.clone(), scripted.client.send(&session, &text).await.task_id));
        }
    }

    kill_all_workers(&mut scripted, 2);
    scripted.app.api(0).process.kill();
    scripted.app.revive_api(0).await;
    scripted.app.add_worker();
    scripted.app.add_worker();

    let client = scripted.app.client();
    let follower = Follower::start(&client).await;
    for (session, task) in &sent {
        client.wait_for_status(session, task, "succeeded").await;
        assert_eq!(client.answer_of(session, task).await.unwrap()["content"], "a b c");
    }
    follower.settle(&client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn repeatedly_killed_workers_leave_no_turn_behind() {
    let mut scripted = short_lease(2).await;
    let survivor = scripted.client.clone();
    let follower = FollowerOptions::user(&survivor).start().await;
    let mut sent = Vec::new();
    for number in 0..10 {
        let session = scripted.session().await;
        let text = format!("message {number}");
        scripted.model.script(&text, [Answer::words(["a ", "b ", "c ", "d"], Duration::from_millis(150))]);
        sent.push((session.clone(), survivor.send(&session, &text).await.task_id));
    }

    for round in 0..2 {
        eventually("a running turn", async || {
            let sessions = survivor.list_all("").await;
            let runs = |session: &Value| !session["active_task"].is_null();
            (sessions.iter().any(runs) || sessions.iter().all(|session| session["queued_count"] == 0)).then_some(())
        })
        .await;
        scripted.app.worker(round).kill();
        scripted.app.add_worker();
    }

    for (session, task) in &sent {
        let ended = survivor.wait_for_end(session, task).await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
        assert_eq!(survivor.answer_of(session, task).await.unwrap()["content"], "a b c d");
    }
    follower.settle(&survivor).await;
    scripted.app.check().await;
}
