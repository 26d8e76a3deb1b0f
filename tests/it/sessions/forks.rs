//! Forks of sessions.

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::{fresh_key, id_of, unknown_id},
    client::Client,
};
use serde_json::{Value, json};

async fn fork(client: &Client, session: &str, body: &Value) -> Value {
    client.post(&format!("/v1/chat/{session}/fork"), body).await.ok(201)
}

/// Returns the messages of a session without what differs in a fork.
async fn copied(client: &Client, session: &str) -> Vec<Value> {
    let mut messages = client.messages(session).await;
    for message in &mut messages {
        for field in ["id", "chat_session_id", "task_id"] {
            message[field].take();
        }
        if message["task"].is_object() {
            for field in ["id", "chat_session_id"] {
                message["task"][field].take();
            }
        }
        for attachment in message["attachments"].as_array_mut().unwrap() {
            attachment["id"].take();
            attachment["created_at"].take();
        }
    }
    messages
}

#[tokio::test]
async fn a_fork_has_the_history_up_to_a_turn() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo one").await;
    let second = client.ask(&session, "/think").await;
    client.ask(&session, "/echo three").await;

    let whole = fork(&client, &session, &json!({})).await;
    let part = fork(&client, &session, &json!({"message_id": id_of(&second["message"]), "title": "Part"})).await;

    let original = copied(&client, &session).await;
    assert_eq!(copied(&client, &id_of(&whole)).await, original);
    assert_eq!(copied(&client, &id_of(&part)).await, original[..4]);
    let title = client.chat(&session).await["session"]["title"].clone();
    assert_eq!((&whole["title"], &part["title"]), (&title, &json!("Part")));
    let origin = json!({"chat_session_id": session, "message_id": id_of(&second["reply"])});
    assert_eq!(part["forked_from"], origin);
    assert_eq!((&part["last_seq"], &part["last_read_seq"], &part["unread_count"]), (&json!(4), &json!(4), &json!(0)));
    assert_eq!(client.chat(&session).await["session"]["forked_from"], Value::Null);
    let thought = client.messages(&id_of(&part)).await[2].clone();
    let task = client.task(&id_of(&part), &id_of(&thought["task"])).await;
    let steps: Vec<&Value> = task["steps"].as_array().unwrap().iter().map(|step| &step["kind"]).collect();
    assert_eq!(steps, ["thought"]);
    app.check().await;
}

#[tokio::test]
async fn the_agent_of_a_fork_knows_its_history_only() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let first = client.ask(&session, "My name is Ada").await;
    client.ask(&session, "My name is Grace").await;
    let part = fork(&client, &session, &json!({"message_id": id_of(&first["reply"])})).await;

    let in_fork = client.ask(&id_of(&part), "What is my name?").await;
    let in_original = client.ask(&session, "What is my name?").await;

    let texts = [&in_fork, &in_original].map(|asked| asked["reply"]["content"].as_str().unwrap().to_owned());
    assert!(texts[0].contains("Ada") && !texts[0].contains("Grace"), "{texts:?}");
    assert!(texts[1].contains("Grace"), "{texts:?}");
    let turns: Vec<i64> =
        client.messages(&id_of(&part)).await.iter().map(|message| message["turn"].as_i64().unwrap()).collect();
    assert_eq!(turns, [1, 1, 2, 2]);
    app.check().await;
}

#[tokio::test]
async fn a_fork_keeps_its_files_when_the_original_is_deleted() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let image = client.upload("red.png", RED_PNG).await;
    client.ask_about(&session, "Look", &[&image]).await;
    client.ask(&session, "/file").await;

    let part = id_of(&fork(&client, &session, &json!({})).await);
    assert_eq!(copied(&client, &part).await, copied(&client, &session).await);
    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);

    let messages = client.messages(&part).await;
    assert_eq!(client.download(&messages[0]["attachments"][0], "").await.body, RED_PNG);
    assert!(client.download(&messages[3]["attachments"][0], "").await.body.starts_with(b"number,square"));
    client.download(&image, "").await.problem(404);
    app.check().await;
}

#[tokio::test]
async fn open_turns_are_not_copied() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let path = format!("/v1/chat/{session}/fork");
    client.post_nothing(&path).await.problem_code(409, "nothing_to_fork");
    client.ask(&session, "/echo one").await;
    let running = client.send(&session, "/slow 60").await;
    client.wait_for_status(&session, &running.task_id, "running").await;
    client.send(&session, "queued").await;

    let part = client.post_nothing(&path).await.ok(201);

    assert_eq!(copied(&client, &id_of(&part)).await.len(), 2);
    let body = json!({"message_id": running.message_id});
    client.post(&path, &body).await.problem_code(409, "agent_busy");
    client.cancel(&session, &running.task_id).await.ok(202);
    app.check().await;
}

#[tokio::test]
async fn repeated_and_invalid_requests_create_nothing() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo one").await;
    let other = client.ask(&client.create_session("demo").await, "/echo other").await;
    let path = format!("/v1/chat/{session}/fork");

    let key = fresh_key();
    let request = || client.request("POST", &path).header("Idempotency-Key", &key).json(&json!({"title": "Once"}));
    let first = client.call(request()).await.ok(201);
    let again = client.call(request()).await.ok(201);
    for id in [unknown_id(), "x".to_owned(), id_of(&other["message"])] {
        client.post(&path, &json!({"message_id": id})).await.problem_code(404, "not_found");
    }
    client.post(&path, &json!({"agent_key": "nobody"})).await.problem_code(422, "unknown_agent");

    assert_eq!(first["id"], again["id"]);
    assert_eq!(client.list_all("").await.len(), 3);
}
