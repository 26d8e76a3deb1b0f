//! Requests with an idempotency key.

use std::collections::BTreeSet;

use banter_tests::{
    app::TestApp,
    chat::{Sent, fresh_key, id_of},
    client::Client,
};
use serde_json::{Value, json};

use crate::support::{Scripted, pairs};

fn hello() -> Value {
    json!({"content": "/echo hello"})
}

#[tokio::test]
async fn a_hundred_concurrent_sends_with_one_key_create_one_message() {
    let app = TestApp::builder().apis(2).start().await;
    let clients = [app.client_of(0), app.client_of(1)];
    let session = clients[0].create_session("demo").await;
    let (body, key) = (hello(), fresh_key());

    let sends = (0..100).map(|number| clients[number % 2].post_message_keyed(&session, "", &body, &key));
    let replies = futures::future::join_all(sends).await;

    let ids: BTreeSet<_> = replies
        .iter()
        .map(|reply| Sent::from_body(&reply.ok(202)))
        .map(|sent| (sent.message_id, sent.task_id, sent.message["turn"].to_string()))
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    clients[0].wait_until_idle(&session).await;
    assert_eq!(clients[1].transcript(&session).await, pairs(&[("user", "/echo hello"), ("assistant", "hello")]));
}

#[tokio::test]
async fn a_key_survives_a_restart_and_returns_the_current_task() {
    let mut app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let key = fresh_key();
    let first = Sent::from_body(&client.post_message_keyed(&session, "", &hello(), &key).await.ok(202));
    client.wait_for_status(&session, &first.task_id, "succeeded").await;

    app.api(0).process.kill();
    app.revive_api(0).await;

    let client = app.client();
    let again = client.post_message_keyed(&session, "", &hello(), &key).await;
    let again = Sent::from_body(&again.ok(202));
    assert_eq!(again.message_id, first.message_id);
    assert_eq!(again.task["status"], "succeeded");
    assert_eq!(again.message["task"], again.task);
    assert_eq!(client.messages(&session).await.len(), 2);
}

#[tokio::test]
async fn a_repeat_waits_for_the_answer_if_requested() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let key = fresh_key();
    let first = Sent::from_body(&client.post_message_keyed(&session, "", &hello(), &key).await.ok(202));

    let waited = client.post_message_keyed(&session, "?wait=60", &hello(), &key).await.ok(200);

    assert_eq!(id_of(&waited["message"]), first.message_id);
    assert_eq!(waited["reply"]["content"], "hello");
}

#[tokio::test]
async fn ignores_the_formatting_of_the_body() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let send = async |path: &str, body: &str| {
        let request = client.request("POST", path).header("Idempotency-Key", "one");
        client.call(request.header("Content-Type", "application/json").body(body.to_owned())).await
    };
    let messages = format!("/v1/chat/{session}/messages");

    let first = Sent::from_body(&send(&messages, r#"{"content":"é🎉","on_busy":"queue"}"#).await.ok(202));
    for same in [
        "{ \"content\" : \"é🎉\",\n\t\"on_busy\" : \"queue\" }",
        r#"{"on_busy":"queue","content":"é🎉"}"#,
        r#"{"content":"\u00e9\ud83c\udf89","on_busy":"queue"}"#,
        r#"{"content":"é🎉"}"#,
        "\u{feff}{\"content\":\"é🎉\"}",
    ] {
        assert_eq!(Sent::from_body(&send(&messages, same).await.ok(202)).message_id, first.message_id, "{same}");
    }
    let created = send("/v1/chat", r#"{"agent_key":"demo","title":"é"}"#).await.ok(201);
    let again = send("/v1/chat", r#"{ "title":"\u00E9", "agent_key":"demo" }"#).await.ok(201);
    assert_eq!(again["id"], created["id"]);
    send(&messages, r#"{"content":"e\u0301🎉"}"#).await.problem_code(422, "idempotency_mismatch");
}

#[tokio::test]
async fn rejects_a_different_body_with_the_same_key() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let key = fresh_key();
    client.post_message_keyed(&session, "", &hello(), &key).await.ok(202);

    for body in [json!({"content": "other"}), json!({"content": "/echo hello", "on_busy": "interrupt"})] {
        client.post_message_keyed(&session, "", &body, &key).await.problem_code(422, "idempotency_mismatch");
    }

    assert_eq!(client.messages(&session).await.len(), 1);
}

#[tokio::test]
async fn a_repeat_of_an_unsent_message_is_a_conflict() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let key = fresh_key();
    let sent = Sent::from_body(&client.post_message_keyed(&session, "", &hello(), &key).await.ok(202));
    client.unsend(&session, &sent.message_id).await.ok(204);

    client.post_message_keyed(&session, "", &hello(), &key).await.problem_code(409, "message_gone");

    assert_eq!(client.messages(&session).await, Vec::<Value>::new());
}

#[tokio::test]
async fn remembers_only_successes() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let blocker = client.send(&session, "first").await;
    let (body, key) = (json!({"content": "second", "on_busy": "reject"}), fresh_key());

    client.post_message_keyed(&session, "", &body, &key).await.problem_code(409, "agent_busy");
    client.post_message_keyed(&session, "", &json!({"content": " "}), &key).await.problem(400);
    client.cancel(&session, &blocker.task_id).await.ok(202);

    client.post_message_keyed(&session, "", &body, &key).await.ok(202);
}

#[tokio::test]
async fn a_repeat_after_archiving_returns_the_original_response() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let key = fresh_key();
    let first = Sent::from_body(&client.post_message_keyed(&session, "", &hello(), &key).await.ok(202));
    client.archive(&session).await.ok(204);

    let again = Sent::from_body(&client.post_message_keyed(&session, "", &hello(), &key).await.ok(202));

    assert_eq!(again.message_id, first.message_id);
    assert_eq!(again.task["status"], "cancelled");
}

#[tokio::test]
async fn a_key_is_scoped_to_one_session_and_one_user() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let (ann, bob) = (app.client_for("ann", "member").await, app.client_for("bob", "member").await);
    let (one, other) = (ann.create_session("demo").await, ann.create_session("demo").await);
    let create = json!({"agent_key": "demo"});
    let created = async |client: &Client| {
        let request = client.request("POST", "/v1/chat").header("Idempotency-Key", "key").json(&create);
        client.call(request).await.ok(201)
    };

    let here = Sent::from_body(&ann.post_message_keyed(&one, "", &hello(), "key").await.ok(202));
    let there = Sent::from_body(&ann.post_message_keyed(&other, "", &hello(), "key").await.ok(202));
    let (of_ann, of_bob) = (created(&ann).await, created(&bob).await);

    assert_ne!(here.message_id, there.message_id);
    assert_ne!(of_ann["id"], of_bob["id"]);
    assert_eq!(of_bob["creator_id"], "bob");
}

#[tokio::test]
async fn ten_concurrent_creations_with_one_key_create_one_session() {
    let app = TestApp::builder().apis(2).workers(0).start().await;
    let clients = [app.client_of(0), app.client_of(1)];
    let body = json!({"agent_key": "demo", "title": "Only one"});

    let creations = (0..10).map(|number| {
        let client = &clients[number % 2];
        client.call(client.request("POST", "/v1/chat").header("Idempotency-Key", "one").json(&body))
    });
    let replies = futures::future::join_all(creations).await;

    let ids: BTreeSet<_> = replies.iter().map(|reply| id_of(&reply.ok(201))).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(clients[0].list_all("status=all").await.len(), 1);
    let other = json!({"agent_key": "demo", "title": "Another"});
    let mismatch = clients[0].request("POST", "/v1/chat").header("Idempotency-Key", "one").json(&other);
    clients[0].call(mismatch).await.problem_code(422, "idempotency_mismatch");
}

#[tokio::test]
async fn different_keys_create_different_messages() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;

    let one = scripted.client.send(&session, "same").await;
    let other = scripted.client.send(&session, "same").await;

    assert_ne!(one.message_id, other.message_id);
    scripted.client.wait_until_idle(&session).await;
    assert_eq!(scripted.model.prompts(), ["same", "same"]);
}
