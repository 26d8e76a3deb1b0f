//! Cancelling turns.

use std::time::{Duration, Instant};

use banter_tests::{app::TestApp, fake_openai::Answer, follower::Follower};
use serde_json::json;

use crate::support::{Scripted, pairs};

/// Time limit for a cancellation. The contract allows 1 s; the rest is headroom for a machine that is busy with other
/// tests.
const STOP_WITHIN: Duration = Duration::from_secs(3);

#[tokio::test]
async fn cancelling_a_running_turn_ends_it_within_a_second_and_keeps_its_text() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, task, gate) = scripted.held("first").await;
    let second = client.send(&session, "second").await;
    gate.send("Half an ").await;
    follower.wait_for_draft(&task, "Half an ").await;

    let asked = Instant::now();
    client.cancel(&session, &task).await.ok(202);

    let ended = client.wait_for_status(&session, &task, "cancelled").await;
    assert!(asked.elapsed() < STOP_WITHIN, "it took {:?}", asked.elapsed());
    assert_eq!(ended["error"], json!(null));
    gate.hung_up().await;
    let kept = client.answer_of(&session, &task).await.unwrap();
    assert_eq!(kept["content"], "Half an ");
    assert_eq!(kept["finish_reason"], "cancelled");
    client.wait_for_status(&session, &second.task_id, "succeeded").await;
    client.cancel(&session, &task).await.problem_code(409, "task_ended");
    follower.settle(client).await;
}

#[tokio::test]
async fn a_turn_cancelled_before_its_first_text_has_no_answer() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (session, task, _gate) = scripted.held("first").await;

    client.cancel(&session, &task).await.ok(202);

    client.wait_for_status(&session, &task, "cancelled").await;
    assert_eq!(client.transcript(&session).await, pairs(&[("user", "first")]));
}

#[tokio::test]
async fn cancelling_a_queued_turn_ends_it_at_once_and_the_next_one_runs() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, _, gate) = scripted.held("first").await;
    let second = client.send(&session, "second").await;
    let third = client.send(&session, "third").await;

    let cancelled = client.cancel(&session, &second.task_id).await.ok(202);

    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["attempt"], 0);
    client.cancel(&session, &second.task_id).await.problem_code(409, "task_ended");
    gate.finish().await;
    client.wait_for_status(&session, &third.task_id, "succeeded").await;
    assert_eq!(scripted.model.prompts(), ["first", "third"]);
    follower.settle(client).await;
}

#[tokio::test]
async fn the_first_queued_turn_can_be_cancelled_without_a_worker_and_the_next_one_runs_later() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let first = client.send(&session, "/echo first").await;
    let second = client.send(&session, "/echo second").await;

    client.cancel(&session, &first.task_id).await.ok(202);
    app.add_worker();

    client.wait_for_status(&session, &second.task_id, "succeeded").await;
    assert_eq!(
        client.transcript(&session).await,
        pairs(&[("user", "/echo first"), ("user", "/echo second"), ("assistant", "second")])
    );
}

#[tokio::test]
async fn cancels_a_turn_between_two_attempts_at_once() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    scripted.model.script("busy", [Answer::rate_limited(60)]);
    let sent = client.send(&session, "busy").await;
    let second = client.send(&session, "second").await;
    scripted.model.wait_for_request("busy").await;
    client.wait_for_status(&session, &sent.task_id, "queued").await;
    banter_tests::wait::eventually("a failure", async || {
        (client.task(&session, &sent.task_id).await["failures"] == 1).then_some(())
    })
    .await;

    let cancelled = client.cancel(&session, &sent.task_id).await.ok(202);

    assert_eq!(cancelled["status"], "cancelled");
    client.wait_for_status(&session, &second.task_id, "succeeded").await;
    assert_eq!(scripted.model.prompts(), ["busy", "second"]);
}

#[tokio::test]
async fn cancelling_a_finished_turn_is_a_conflict() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let asked = client.ask(&session, "/echo hi").await;

    let reply = client.cancel(&session, asked["task"]["id"].as_str().unwrap()).await;

    reply.problem_code(409, "task_ended");
    assert_eq!(client.transcript(&session).await, pairs(&[("user", "/echo hi"), ("assistant", "hi")]));
}

#[tokio::test]
async fn a_slow_demo_turn_can_be_cancelled() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "/slow 60").await;
    follower
        .wait_for("text", |event| {
            event.kind == "message.delta" || (event.kind == "message.partial" && event.data["text"] != "")
        })
        .await;

    client.cancel(&session, &sent.task_id).await.ok(202);

    client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    assert_eq!(client.answer_of(&session, &sent.task_id).await.unwrap()["finish_reason"], "cancelled");
    follower.settle(&client).await;
}
