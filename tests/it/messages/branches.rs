//! Branches: revisions of messages, and switching between them.

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::{fresh_key, id_of, unknown_id},
    client::Client,
    follower::Follower,
    sse::{Event, session_events},
};
use serde_json::{Value, json};

/// Revises a message and waits for the answer. Returns `{message, task, reply}`.
async fn revise(client: &Client, session: &str, message: &Value, body: &Value) -> Value {
    let path = format!("/v1/chat/{session}/messages/{}/revise?wait=60", id_of(message));
    client.post(&path, body).await.ok(200)
}

async fn switch(client: &Client, session: &str, body: &Value) -> Value {
    client.post(&format!("/v1/chat/{session}/branch"), body).await.ok(200)
}

/// Returns the texts of the transcript.
async fn texts(client: &Client, session: &str) -> Vec<String> {
    client.messages(session).await.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_revision_starts_another_branch_and_deletes_nothing() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let first = client.ask(&session, "My name is Ada").await;
    client.ask(&session, "/echo two").await;
    let before = texts(&client, &session).await;

    let revised = revise(&client, &session, &first["message"], &json!({"content": "My name is Grace"})).await;

    assert_eq!(revised["message"]["branch"], json!({"index": 2, "count": 2}));
    assert_eq!((&revised["message"]["turn"], &revised["reply"]["branch"]), (&json!(3), &Value::Null));
    assert_eq!(texts(&client, &session).await.len(), 2);
    let asked = client.ask(&session, "What is my name?").await;
    let answer = asked["reply"]["content"].as_str().unwrap();
    assert!(answer.contains("Grace") && !answer.contains("Ada"), "{answer}");

    let original = switch(&client, &session, &json!({"message_id": id_of(&first["message"])})).await;
    assert_eq!(texts(&client, &session).await, before);
    assert_eq!(original["last_message"]["preview"], "two");
    assert_eq!(client.messages(&session).await[0]["branch"], json!({"index": 1, "count": 2}));
    switch(&client, &session, &json!({"message_id": id_of(&first["message"]), "index": 2})).await;
    assert_eq!(texts(&client, &session).await.last().unwrap(), answer);
    app.check().await;
}

#[tokio::test]
async fn regenerating_asks_the_same_again() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let file = client.upload("red.png", RED_PNG).await;
    let first = client.ask_about(&session, "What is this?", &[&file]).await;

    let again = client
        .post_nothing(&format!("/v1/chat/{session}/messages/{}/revise?wait=60", id_of(&first["message"])))
        .await
        .ok(200);
    let by_answer = revise(&client, &session, &again["reply"], &json!({})).await;

    assert_eq!(by_answer["message"]["content"], "What is this?");
    assert_eq!(by_answer["message"]["branch"], json!({"index": 3, "count": 3}));
    assert_eq!(by_answer["reply"]["content"], first["reply"]["content"]);
    let kept = &by_answer["message"]["attachments"][0];
    assert_ne!(kept["id"], file["id"]);
    assert_eq!((&kept["sha256"], &kept["name"]), (&file["sha256"], &file["name"]));
    for attachment in [&file, kept] {
        assert_eq!(client.download(attachment, "").await.body, RED_PNG);
    }
    app.check().await;
}

#[tokio::test]
async fn a_revision_keeps_removes_and_adds_files() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let (one, two) = (client.upload("one.txt", "1").await, client.upload("two.txt", "2").await);
    let first = client.ask_about(&session, "", &[&one, &two]).await;
    let three = client.upload("three.txt", "3").await;
    let path = format!("/v1/chat/{session}/messages/{}/revise", id_of(&first["message"]));

    let empty = client.post(&path, &json!({"attachments": []})).await;
    let unknown = client.post(&path, &json!({"attachments": [id_of(&one), unknown_id()]})).await;
    let twice = client.post(&path, &json!({"attachments": [id_of(&one), id_of(&one)]})).await;
    let revised =
        revise(&client, &session, &first["message"], &json!({"attachments": [id_of(&three), id_of(&two)]})).await;
    let without = revise(&client, &session, &first["message"], &json!({"content": "Hi", "attachments": []})).await;

    empty.problem_about(400, "content");
    for rejected in [unknown, twice] {
        rejected.problem_about(422, "attachments[1]");
    }
    let names = |message: &Value| -> Vec<String> {
        let files = message["attachments"].as_array().unwrap();
        files.iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&revised["message"]), ["three.txt", "two.txt"]);
    assert!(names(&without["message"]).is_empty());
    switch(&client, &session, &json!({"message_id": id_of(&first["message"])})).await;
    assert_eq!(names(&client.messages(&session).await[0]), ["one.txt", "two.txt"]);
    assert_eq!(client.download(&one, "").await.body, b"1");
    app.check().await;
}

#[tokio::test]
async fn a_busy_session_rejects_revisions_and_switches() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let first = client.ask(&session, "/echo one").await;
    let second = revise(&client, &session, &first["message"], &json!({"content": "/echo two"})).await;
    let slow = client.send(&session, "/slow 60").await;

    let path = format!("/v1/chat/{session}/messages/{}/revise", id_of(&second["message"]));
    client.post_nothing(&path).await.problem_code(409, "agent_busy");
    let branch = json!({"message_id": id_of(&first["message"])});
    client.post(&format!("/v1/chat/{session}/branch"), &branch).await.problem_code(409, "agent_busy");
    client.cancel(&session, &slow.task_id).await.ok(202);
    client.wait_for_end(&session, &slow.task_id).await;

    client.delete(&format!("/v1/chat/{session}")).await.ok_status(204);
    client.post_nothing(&path).await.problem_code(409, "session_archived");
    switch(&client, &session, &branch).await;
    let retry = format!("/v1/chat/{session}/tasks/{}/retry", slow.task_id);
    client.patch(&format!("/v1/chat/{session}"), &json!({"status": "active"})).await.ok(200);
    client.post_nothing(&retry).await.problem_code(409, "inactive_branch");
    let inactive = format!("/v1/chat/{session}/messages/{}", id_of(&second["message"]));
    client.patch(&inactive, &json!({"content": "x"})).await.problem_code(409, "task_not_queued");
    client.delete(&inactive).await.problem_code(409, "task_not_queued");
    app.check().await;
}

#[tokio::test]
async fn a_repeated_request_revises_once_even_after_a_switch() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let first = client.ask(&session, "/echo one").await;
    let path = format!("/v1/chat/{session}/messages/{}/revise?wait=60", id_of(&first["message"]));
    let key = fresh_key();
    let repeat = async || {
        let request = client.request("POST", &path).header("Idempotency-Key", &key);
        client.call(request.json(&json!({"content": "/echo two"}))).await
    };

    let revised = repeat().await.ok(200);
    switch(&client, &session, &json!({"message_id": id_of(&first["message"])})).await;
    let again = repeat().await;

    assert_eq!(again.json()["message"]["id"], revised["message"]["id"]);
    assert_eq!(client.messages(&session).await[0]["branch"]["count"], 2);
    app.check().await;
}

#[tokio::test]
async fn searches_exports_and_forks_follow_the_transcript() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo zero").await;
    let first = client.ask(&session, "/echo apricot").await;
    client.ask(&session, "/echo banana").await;
    revise(&client, &session, &first["message"], &json!({"content": "/echo cherry"})).await;
    let found = async |word: &str| {
        let items = client.get(&format!("/v1/search?q={word}")).await.ok(200)["items"].take();
        items.as_array().unwrap().iter().filter(|item| item["message_id"].is_string()).count()
    };

    assert_eq!((found("banana").await, found("cherry").await), (0, 2));
    let fork = client.post_nothing(&format!("/v1/chat/{session}/fork")).await.ok(201);
    let markdown = client.get(&format!("/v1/chat/{session}/export?format=markdown")).await.text();
    let document = client.get(&format!("/v1/chat/{session}/export")).await.ok(200);
    switch(&client, &session, &json!({"message_id": id_of(&first["message"])})).await;

    assert_eq!((found("banana").await, found("cherry").await), (2, 2), "the fork has the word as well");
    assert_eq!(texts(&client, &id_of(&fork)).await, ["/echo zero", "zero", "/echo cherry", "cherry"]);
    assert_eq!(client.messages(&id_of(&fork)).await[2]["branch"], Value::Null);
    assert!(markdown.contains("cherry") && !markdown.contains("banana"), "{markdown}");
    let messages = document["conversations"][0]["messages"].as_array().unwrap();
    let exported: Vec<Value> = messages
        .iter()
        .filter(|message| message["role"] == "user")
        .map(|message| json!([message["turn"], message["parent_turn"], message["current"]]))
        .collect();
    assert_eq!(json!(exported), json!([[1, null, true], [2, 1, false], [3, 2, false], [4, 1, true]]));
    app.check().await;
}

#[tokio::test]
async fn streams_report_messages_that_leave_and_join_the_transcript() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let early = Follower::start(&client).await;
    let first = client.ask(&session, "/echo one").await;
    client.ask(&session, "/echo two").await;
    let late = client.chat(&session).await["as_of"].as_str().unwrap().to_owned();

    let revised = revise(&client, &session, &first["message"], &json!({"content": "/echo three"})).await;
    early.settle(&client).await;
    switch(&client, &session, &json!({"message_id": id_of(&first["message"])})).await;
    early.settle(&client).await;

    // A stream that was not connected receives the inactive messages and their tasks as deleted.
    let mut stream = client.events_after(&session_events(&session), &late).await;
    let about = |event: &Event| {
        let of_message = event.data["message"]["id"].as_str().or(event.data["message_id"].as_str());
        of_message == revised["message"]["id"].as_str() || event.data["task"]["id"] == revised["task"]["id"]
    };
    let is_second = |event: &Event| event.kind == "message.created" && event.data["message"]["content"] == "/echo two";
    let events = stream.read_until("the second message", is_second).await;
    let kinds: Vec<&str> = events.iter().filter(|event| about(event)).map(|event| event.kind.as_str()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "message.deleted"), "{kinds:?}");
    app.check().await;
}
