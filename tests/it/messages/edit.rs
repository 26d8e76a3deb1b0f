//! Editing and unsending queued messages. After a 2xx response, no agent receives the old text.

use banter_tests::{app::TestApp, chat::unknown_id, fake_openai::Answer, follower::Follower};
use serde_json::json;

use crate::support::{Scripted, pairs};

#[tokio::test]
async fn an_edited_message_keeps_its_position_and_the_agent_receives_only_the_new_text() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, _, gate) = scripted.held("first").await;
    let second = client.send(&session, "wrong words").await;
    let third = client.send(&session, "third").await;

    let edited = client.edit(&session, &second.message_id, "right words").await.ok(200);

    assert_eq!(edited["content"], "right words");
    assert!(edited["edited_at"].is_string());
    for same in ["id", "turn", "seq", "created_at", "task_id"] {
        assert_eq!(edited[same], second.message[same], "{same}");
    }
    follower
        .wait_for("message.updated", |event| event.kind == "message.updated" && event.data["message"] == edited)
        .await;
    gate.finish().await;
    client.wait_for_status(&session, &third.task_id, "succeeded").await;
    assert_eq!(scripted.model.prompts(), ["first", "right words", "third"]);
    scripted.assert_never_seen("wrong words");
    follower.settle(client).await;
}

#[tokio::test]
async fn an_unsent_message_is_deleted_and_the_agent_never_receives_it() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, _, gate) = scripted.held("first").await;
    let second = client.send(&session, "regretted").await;
    let third = client.send(&session, "third").await;

    client.unsend(&session, &second.message_id).await.ok(204);

    client.unsend(&session, &second.message_id).await.problem(404);
    client.edit(&session, &second.message_id, "again").await.problem(404);
    client.get(&format!("/v1/chat/{session}/tasks/{}", second.task_id)).await.problem(404);
    let deleted = follower.wait_for("message.deleted", |event| event.kind == "message.deleted").await;
    assert_eq!(deleted.data["message_id"], second.message_id.as_str());
    assert_eq!(deleted.data["task_id"], second.task_id.as_str());
    assert_eq!(deleted.data["role"], "user");
    gate.finish().await;
    client.wait_for_status(&session, &third.task_id, "succeeded").await;
    assert_eq!(client.messages(&session).await.last().unwrap()["turn"], 3, "turn numbers may have gaps");
    assert_eq!(scripted.model.prompts(), ["first", "third"]);
    scripted.assert_never_seen("regretted");
    follower.settle(client).await;
}

#[tokio::test]
async fn the_only_message_of_a_session_can_be_unsent() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "Hello").await;

    client.unsend(&session, &sent.message_id).await.ok(204);

    let chat = client.chat(&session).await;
    assert_eq!(chat["messages"], json!([]));
    assert_eq!(chat["session"]["last_message"], json!(null));
    assert_eq!(chat["session"]["queued_count"], 0);
    follower.settle(&client).await;
}

#[tokio::test]
async fn rejects_editing_and_unsending_a_started_message() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (session, task, gate) = scripted.held("first").await;
    let message = client.messages(&session).await[0]["id"].as_str().unwrap().to_owned();

    client.edit(&session, &message, "other").await.problem_code(409, "task_not_queued");
    client.unsend(&session, &message).await.problem_code(409, "task_not_queued");
    gate.send("answer").await;
    gate.finish().await;
    client.wait_for_status(&session, &task, "succeeded").await;
    client.edit(&session, &message, "other").await.problem_code(409, "task_not_queued");
    client.unsend(&session, &message).await.problem_code(409, "task_not_queued");

    assert_eq!(client.transcript(&session).await, pairs(&[("user", "first"), ("assistant", "answer")]));
}

#[tokio::test]
async fn rejects_editing_and_unsending_between_two_attempts() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    scripted.model.script("busy", [Answer::rate_limited(60)]);
    let sent = client.send(&session, "busy").await;
    scripted.model.wait_for_request("busy").await;
    let waiting = client.wait_for_status(&session, &sent.task_id, "queued").await;

    client.edit(&session, &sent.message_id, "other").await.problem_code(409, "task_not_queued");
    client.unsend(&session, &sent.message_id).await.problem_code(409, "task_not_queued");

    assert_eq!(waiting["chat_session_id"], session.as_str());
}

#[tokio::test]
async fn rejects_editing_a_cancelled_message() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "Hello").await;
    client.cancel(&session, &sent.task_id).await.ok(202);

    client.edit(&session, &sent.message_id, "other").await.problem_code(409, "task_not_queued");
    client.unsend(&session, &sent.message_id).await.problem_code(409, "task_not_queued");

    client.edit(&session, &unknown_id(), "other").await.problem(404);
}

#[tokio::test]
async fn rejects_editing_and_unsending_an_answer() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let answer = client.ask(&session, "/echo hi").await["reply"]["id"].as_str().unwrap().to_owned();

    client.edit(&session, &answer, "other").await.problem(409);
    client.unsend(&session, &answer).await.problem(409);

    assert_eq!(client.transcript(&session).await, pairs(&[("user", "/echo hi"), ("assistant", "hi")]));
}
