//! A worker freezes (SIGSTOP) and resumes after another one has taken over.

use std::time::{Duration, Instant};

use banter_tests::{
    chat::Sent,
    fake_openai::{Answer, Gate},
    follower::Follower,
    process::Signal,
};
use serde_json::json;

use crate::support::{Scripted, pairs};

/// Time limit for a cancellation. The contract allows 1 s; the rest is headroom for a machine that is busy with other
/// tests.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Starts a turn, waits until part of the answer is stored, and freezes the worker that runs the turn. Returns the
/// session, the task, and the gate for the answer.
async fn freeze_within_turn(scripted: &mut Scripted, follower: &Follower, text: &str) -> (String, String, Gate) {
    let (session, task, gate) = scripted.held("go").await;
    gate.send(text).await;
    follower.wait_for_draft(&task, text).await;
    scripted.client.wait_for_stored_text(&session, text).await;
    scripted.app.freeze_worker(0).await;
    (session, task, gate)
}

#[tokio::test]
async fn a_turn_of_a_frozen_worker_can_be_cancelled_and_keeps_its_text() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "60")).await;
    let client = scripted.client.clone();
    let follower = Follower::start(&client).await;
    let (session, task, gate) = freeze_within_turn(&mut scripted, &follower, "text so far").await;

    let asked = Instant::now();
    client.cancel(&session, &task).await.ok(202);

    client.wait_for_status(&session, &task, "cancelled").await;
    assert!(asked.elapsed() < STOP_WITHIN, "it took {:?}", asked.elapsed());
    let kept = client.answer_of(&session, &task).await.unwrap();
    assert_eq!(json!([kept["content"], kept["finish_reason"]]), json!(["text so far", "cancelled"]));

    // The frozen worker resumes, but it can no longer change anything.
    gate.send(" and more").await;
    gate.finish().await;
    scripted.app.worker(0).signal(Signal::Resume);
    let next = client.ask(&session, "next").await;
    assert_eq!(next["reply"]["content"], "You said: next");
    assert_eq!(client.answer_of(&session, &task).await.unwrap(), kept);
    follower.settle(&client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_turn_of_a_frozen_worker_can_be_interrupted_and_another_worker_continues() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "60")).await;
    let client = scripted.client.clone();
    let follower = Follower::start(&client).await;
    let (session, task, _gate) = freeze_within_turn(&mut scripted, &follower, "text so far").await;
    scripted.app.add_worker();

    let next = Sent::from_body(&client.send_on_busy(&session, "next", "interrupt").await.ok(202));

    client.wait_for_status(&session, &next.task_id, "succeeded").await;
    let interrupted = client.task(&session, &task).await;
    assert_eq!(interrupted["status"], "interrupted");
    let kept = client.answer_of(&session, &task).await.unwrap();
    assert_eq!(json!([kept["content"], kept["finish_reason"]]), json!(["text so far", "interrupted"]));
    scripted.app.worker(0).signal(Signal::Resume);
    client.ask(&session, "and another").await;
    assert_eq!(client.task(&session, &task).await, interrupted);
    follower.settle(&client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_turn_of_a_killed_worker_can_be_cancelled_long_before_its_lease_expires() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "600")).await;
    let client = scripted.client.clone();
    let (session, task, _gate) = scripted.held("go").await;
    scripted.app.worker(0).kill();

    let asked = Instant::now();
    client.cancel(&session, &task).await.ok(202);

    client.wait_for_status(&session, &task, "cancelled").await;
    assert!(asked.elapsed() < STOP_WITHIN, "it took {:?}", asked.elapsed());
    scripted.app.check().await;
}

#[tokio::test]
async fn a_worker_that_resumes_after_a_takeover_adds_no_second_answer() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
    let client = scripted.client.clone();
    let follower = Follower::start(&client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("old text").await;
    follower.wait_for_draft(&task, "old text").await;
    scripted.model.script("go", [Answer::text("new answer")]);
    scripted.app.freeze_worker(0).await;

    scripted.app.add_worker();
    client.wait_for_status(&session, &task, "succeeded").await;
    gate.send(" that comes too late").await;
    gate.finish().await;
    scripted.app.worker(0).signal(Signal::Resume);

    for number in 0..5 {
        client.ask(&session, &format!("next {number}")).await;
    }
    let transcript = client.transcript(&session).await;
    assert_eq!(transcript[..2], pairs(&[("user", "go"), ("assistant", "new answer")]));
    assert_eq!(transcript.len(), 12);
    assert_eq!(client.task(&session, &task).await["attempt"], 2);
    follower.settle(&client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_worker_that_resumes_while_another_runs_its_turns_changes_nothing() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
    let client = scripted.client.clone();
    let follower = Follower::start(&client).await;
    let mut turns = Vec::new();
    for number in 0..6 {
        let prompt = format!("turn {number}");
        let (session, task, old) = scripted.held(&prompt).await;
        old.send("old text").await;
        follower.wait_for_draft(&task, "old text").await;
        turns.push((session, task, old, scripted.model.gate(&prompt)));
    }

    scripted.app.freeze_worker(0).await;
    scripted.app.add_worker();
    for (.., new) in &mut turns {
        new.arrived().await;
    }
    let mut working = Vec::new();
    for (session, task, old, new) in turns {
        old.send(" that comes too late").await;
        old.finish().await;
        new.send("new ").await;
        follower.wait_for_draft(&task, "new ").await;
        working.push((session, task, new));
    }
    scripted.app.worker(0).signal(Signal::Resume);
    let other = scripted.session().await;
    for number in 0..5 {
        client.ask(&other, &format!("both work {number}")).await;
    }

    for (session, task, new) in working {
        let now = client.task(&session, &task).await;
        assert_eq!(json!([now["status"], now["attempt"]]), json!(["running", 2]));
        client.wait_for_stored_text(&session, "new ").await;
        new.send("answer").await;
        new.finish().await;
        client.wait_for_status(&session, &task, "succeeded").await;
        assert_eq!(client.answer_of(&session, &task).await.unwrap()["content"], "new answer");
    }
    follower.settle(&client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_worker_that_resumes_within_its_lease_continues() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "60")).await;
    let client = scripted.client.clone();
    let follower = Follower::start(&client).await;
    let (session, task, gate) = scripted.held("go").await;
    scripted.app.freeze_worker(0).await;
    gate.send("while frozen").await;

    scripted.app.worker(0).signal(Signal::Resume);
    gate.finish().await;

    let ended = client.wait_for_status(&session, &task, "succeeded").await;
    assert_eq!(json!([ended["attempt"], ended["failures"]]), json!([1, 0]));
    assert_eq!(client.answer_of(&session, &task).await.unwrap()["content"], "while frozen");
    follower.settle(&client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_deleted_session_of_a_frozen_worker_stays_deleted() {
    let mut scripted = Scripted::start().await;
    let client = scripted.client.clone();
    let follower = Follower::start(&client).await;
    let (session, _task, gate) = scripted.held("go").await;
    scripted.app.freeze_worker(0).await;

    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok(204);
    gate.send("ghost").await;
    gate.finish().await;
    scripted.app.worker(0).signal(Signal::Resume);

    let other = scripted.session().await;
    assert_eq!(client.ask(&other, "hello").await["task"]["status"], "succeeded");
    client.get(&format!("/v1/chat/{session}")).await.problem(404);
    follower.settle(&client).await;
    scripted.app.check().await;
}
