//! Retrying turns at their original position.

use banter_tests::{app::TestApp, fake_openai::Answer, follower::Follower};
use serde_json::json;

use crate::support::{Scripted, pairs};

fn refused() -> Answer {
    Answer::error(401, "invalid_api_key", "no")
}

#[tokio::test]
async fn a_retried_turn_runs_before_later_queued_ones_with_the_history_before_it() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let session = scripted.session().await;
    scripted.model.script("fails", [refused(), Answer::text("now it works")]);
    let failed = client.send(&session, "fails").await;
    client.wait_for_status(&session, &failed.task_id, "failed").await;
    let mut gate = scripted.model.gate("second");
    client.send(&session, "second").await;
    let third = client.send(&session, "third").await;
    gate.arrived().await;

    let retried = client.retry(&session, &failed.task_id).await.ok(202);

    assert_eq!(retried["id"], failed.task_id.as_str());
    assert_eq!(retried["status"], "queued");
    assert_eq!(retried["failures"], 0);
    assert_eq!(retried["error"], json!(null));
    assert_eq!(retried["attempt"], 1, "the attempt increases when it starts");
    gate.send("two").await;
    gate.finish().await;
    client.wait_for_status(&session, &third.task_id, "succeeded").await;
    assert_eq!(scripted.model.prompts(), ["fails", "second", "fails", "third"]);
    let requests = scripted.model.requests();
    assert_eq!(requests[2].conversation(), pairs(&[("user", "fails")]));
    let whole = [
        ("user", "fails"),
        ("assistant", "now it works"),
        ("user", "second"),
        ("assistant", "two"),
        ("user", "third"),
        ("assistant", "You said: third"),
    ];
    assert_eq!(requests[3].conversation(), pairs(&whole[..5]));
    assert_eq!(client.transcript(&session).await, pairs(&whole));
    assert_eq!(client.task(&session, &failed.task_id).await["attempt"], 2);
    follower.settle(client).await;
}

#[tokio::test]
async fn a_retry_deletes_the_partial_answer_and_the_new_one_has_a_new_id() {
    let scripted = Scripted::start_with("max_attempts = 1", |builder| builder).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let session = scripted.session().await;
    scripted.model.script("flaky", [Answer::cut_after("half of"), Answer::text("whole")]);
    let sent = client.send(&session, "flaky").await;
    client.wait_for_status(&session, &sent.task_id, "failed").await;
    let old = client.answer_of(&session, &sent.task_id).await.unwrap();
    assert_eq!([&old["content"], &old["finish_reason"]], ["half of", "error"]);

    client.retry(&session, &sent.task_id).await.ok(202);

    client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    let new = client.answer_of(&session, &sent.task_id).await.unwrap();
    assert_eq!(new["content"], "whole");
    assert_ne!(new["id"], old["id"]);
    let deleted = follower.wait_for("message.deleted", |event| event.kind == "message.deleted").await;
    assert_eq!(deleted.data["message_id"], old["id"]);
    assert_eq!(deleted.data["role"], "assistant");
    follower.settle(client).await;
}

#[tokio::test]
async fn cancelled_and_interrupted_turns_can_be_retried() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (session, cancelled, _gate) = scripted.held("one").await;
    client.cancel(&session, &cancelled).await.ok(202);
    client.wait_for_status(&session, &cancelled, "cancelled").await;
    let mut gate = scripted.model.gate("two");
    let interrupted = client.send(&session, "two").await.task_id;
    gate.arrived().await;
    client.send_on_busy(&session, "three", "interrupt").await.ok(202);
    client.wait_for_status(&session, &interrupted, "interrupted").await;
    client.wait_until_idle(&session).await;
    scripted.model.script("one", [Answer::text("first")]);
    scripted.model.script("two", [Answer::text("second")]);

    client.retry(&session, &cancelled).await.ok(202);
    client.retry(&session, &interrupted).await.ok(202);

    client.wait_for_status(&session, &cancelled, "succeeded").await;
    client.wait_for_status(&session, &interrupted, "succeeded").await;
    assert_eq!(
        client.transcript(&session).await,
        pairs(&[
            ("user", "one"),
            ("assistant", "first"),
            ("user", "two"),
            ("assistant", "second"),
            ("user", "three"),
            ("assistant", "You said: three")
        ])
    );
}

#[tokio::test]
async fn rejects_a_retry_of_a_succeeded_or_open_turn() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let done = scripted.session().await;
    let succeeded = client.ask(&done, "fine").await["task"]["id"].as_str().unwrap().to_owned();
    let (session, running, gate) = scripted.held("first").await;
    let queued = client.send(&session, "second").await.task_id;

    client.retry(&done, &succeeded).await.problem(409);
    client.retry(&session, &running).await.problem(409);
    client.retry(&session, &queued).await.problem(409);

    gate.finish().await;
    client.wait_until_idle(&session).await;
    assert_eq!(scripted.model.prompts(), ["fine", "first", "second"]);
}

#[tokio::test]
async fn one_of_two_concurrent_retries_succeeds() {
    let scripted = Scripted::start_with("max_attempts = 1", |builder| builder.apis(2)).await;
    let (one, other) = (scripted.app.client_of(0), scripted.app.client_of(1));
    let session = scripted.session().await;
    for round in 0..5 {
        let text = format!("fails {round}");
        scripted.model.script(&text, [refused(), Answer::words(["slow"], std::time::Duration::from_millis(300))]);
        let task = one.send(&session, &text).await.task_id;
        one.wait_for_status(&session, &task, "failed").await;

        let replies = tokio::join!(one.retry(&session, &task), other.retry(&session, &task));

        let mut statuses = [replies.0.status, replies.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409]);
        one.wait_for_status(&session, &task, "succeeded").await;
        assert_eq!(one.task(&session, &task).await["attempt"], 2);
    }
    assert_eq!(scripted.model.prompts().len(), 10);
}

#[tokio::test]
async fn a_retry_without_a_worker_is_queued() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "/echo again").await;
    client.cancel(&session, &sent.task_id).await.ok(202);

    client.retry(&session, &sent.task_id).await.ok(202);
    app.add_worker();

    client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    assert_eq!(client.answer_of(&session, &sent.task_id).await.unwrap()["content"], "again");
}

#[tokio::test]
async fn explains_why_a_retry_is_rejected() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;
    let done = scripted.client.send(&session, "done").await;
    scripted.client.wait_for_status(&session, &done.task_id, "succeeded").await;
    let mut gate = scripted.model.gate("go");
    let running = scripted.client.send(&session, "go").await;
    gate.arrived().await;
    let queued = scripted.client.send(&session, "later").await;

    for (task, code) in
        [(&done.task_id, "task_succeeded"), (&running.task_id, "task_not_ended"), (&queued.task_id, "task_not_ended")]
    {
        scripted.client.retry(&session, task).await.problem_code(409, code);
    }
}
