//! Messages to a busy session: `queue`, `interrupt`, and `reject`.

use banter_tests::{app::TestApp, chat::Sent, follower::Follower};
use serde_json::json;

use crate::support::{Scripted, column, pairs};

#[tokio::test]
async fn queues_a_message_to_a_busy_session_and_places_its_answer_after_it() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, first, gate) = scripted.held("first").await;

    let second = client.send(&session, "second").await;

    assert_eq!(second.task["status"], "queued");
    assert_eq!([&second.message["turn"], &second.message["seq"]], [2, 2]);
    let busy = client.chat(&session).await["session"].clone();
    assert_eq!(busy["active_task"]["id"], first.as_str());
    assert_eq!(busy["queued_count"], 1);
    gate.send("one").await;
    gate.finish().await;
    client.wait_for_status(&session, &second.task_id, "succeeded").await;
    let messages = client.messages(&session).await;
    assert_eq!(
        client.transcript(&session).await,
        pairs(&[("user", "first"), ("assistant", "one"), ("user", "second"), ("assistant", "You said: second")])
    );
    assert_eq!(column(&messages, "turn"), [1, 1, 2, 2]);
    assert_eq!(column(&messages, "seq"), [1, 3, 2, 4]);
    follower.settle(client).await;
}

#[tokio::test]
async fn reject_fails_while_a_task_is_running_or_queued_and_stores_nothing() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (session, _task, gate) = scripted.held("first").await;

    client.send_on_busy(&session, "second", "reject").await.problem_code(409, "agent_busy");

    assert_eq!(client.messages(&session).await.len(), 1);
    gate.finish().await;
    client.wait_until_idle(&session).await;
    client.send_on_busy(&session, "second", "reject").await.ok(202);
    client.wait_until_idle(&session).await;
    scripted.model.wait_for_request("second").await;
}

#[tokio::test]
async fn reject_fails_while_a_task_is_only_queued() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    client.send_on_busy(&session, "first", "reject").await.ok(202);

    client.send_on_busy(&session, "second", "reject").await.problem_code(409, "agent_busy");
}

#[tokio::test]
async fn interrupt_stops_the_running_turn_keeps_its_text_and_runs_earlier_ones_first() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, first, gate) = scripted.held("first").await;
    gate.send("I was just").await;
    follower.wait_for_draft(&first, "I was just").await;
    let second = client.send(&session, "second").await;

    let third = Sent::from_body(&client.send_on_busy(&session, "third", "interrupt").await.ok(202));

    client.wait_for_status(&session, &first, "interrupted").await;
    gate.hung_up().await;
    client.wait_for_status(&session, &second.task_id, "succeeded").await;
    client.wait_for_status(&session, &third.task_id, "succeeded").await;
    let kept = client.answer_of(&session, &first).await.unwrap();
    assert_eq!(kept["content"], "I was just");
    assert_eq!(kept["finish_reason"], "interrupted");
    assert_eq!(scripted.model.prompts(), ["first", "second", "third"]);
    follower.settle(client).await;
}

#[tokio::test]
async fn interrupting_an_idle_or_queued_session_acts_like_queueing() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let first = Sent::from_body(&client.send_on_busy(&session, "first", "interrupt").await.ok(202));
    client.send_on_busy(&session, "second", "interrupt").await.ok(202);

    assert_eq!(client.task(&session, &first.task_id).await["status"], "queued");
    assert_eq!(client.chat(&session).await["session"]["queued_count"], 2);
}

#[tokio::test]
async fn rejects_a_message_to_an_archived_session() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.archive(&session).await.ok(204);

    for on_busy in ["queue", "interrupt", "reject"] {
        client.send_on_busy(&session, "Hello", on_busy).await.problem_code(409, "session_archived");
    }

    assert_eq!(client.chat(&session).await["messages"], json!([]));
}
