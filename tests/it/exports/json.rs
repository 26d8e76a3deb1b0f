//! Exports as JSON.

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::{id_of, unknown_id},
};
use serde_json::{Value, json};

use super::export;
use crate::support::{column, fields};

#[tokio::test]
async fn exports_all_turns_with_their_tasks_steps_and_files() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let image = client.upload("red.png", RED_PNG).await;
    client.ask_about(&session, "/echo 写真です", &[&image]).await;
    client.ask(&session, "/plan").await;
    client.ask(&session, "/fail").await;
    client.patch(&format!("/v1/chat/{session}"), &json!({"title": "A/B: 旅行"})).await.ok(200);

    let reply = export(&client, &session, "json").await;
    let default = client.get(&format!("/v1/chat/{session}/export")).await;

    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(
        reply.header("content-disposition"),
        Some("attachment; filename=\"A B __.json\"; filename*=UTF-8''A%20B%20%E6%97%85%E8%A1%8C.json")
    );
    let document: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(fields(&document), ["conversations", "exported_at", "format", "version"]);
    assert_eq!((&document["format"], &document["version"]), (&json!("banter"), &json!(1)));
    let conversation = &document["conversations"][0];
    let stored = client.chat(&session).await["session"].clone();
    for field in ["id", "title", "agent_key", "status", "pinned_at", "created_at", "updated_at", "last_activity_at"] {
        assert_eq!(conversation[field], stored[field], "{field}");
    }
    let exported = conversation["messages"].as_array().unwrap();
    let messages = client.messages(&session).await;
    for field in
        ["id", "turn", "seq", "role", "content", "created_at", "edited_at", "finish_reason", "elapsed_ms", "usage"]
    {
        assert_eq!(column(exported, field), column(&messages, field), "{field}");
    }
    let file = &exported[0]["attachments"][0];
    for field in ["name", "media_type", "size", "sha256", "width", "height", "created_at"] {
        assert_eq!(file[field], image[field], "{field}");
    }
    for (message, exported) in messages.iter().zip(exported).filter(|(message, _)| message["role"] == "user") {
        let task = client.task(&session, message["task_id"].as_str().unwrap()).await;
        for field in ["status", "attempt", "error", "usage", "started_at", "finished_at"] {
            assert_eq!(exported["task"][field], task[field], "{field}");
        }
        let (steps, stored) = (exported["task"]["steps"].as_array().unwrap(), task["steps"].as_array().unwrap());
        for field in ["seq", "kind", "tool_call_id", "title", "status", "text_offset", "detail"] {
            assert_eq!(column(steps, field), column(stored, field), "{field}");
        }
    }
    let again: Value = serde_json::from_slice(&default.body).unwrap();
    assert_eq!(again["conversations"], document["conversations"]);
}

#[tokio::test]
async fn exports_long_and_empty_chats_completely() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let (long, empty) = (client.create_session("demo").await, client.create_session("demo").await);
    // More than a page of messages, in number and in size.
    let large = "é".repeat(128 * 1024);
    for number in 0..40 {
        let content =
            if number % 3 == 0 { format!("{number} {}", &large[..256 * 1024 - 8]) } else { number.to_string() };
        client.send(&long, &content).await;
    }

    let reply = export(&client, &long, "json").await;
    let nothing = export(&client, &empty, "json").await;

    let document: Value = serde_json::from_slice(&reply.body).unwrap();
    let exported = document["conversations"][0]["messages"].as_array().unwrap();
    assert_eq!(exported.len(), 40);
    assert_eq!(column(exported, "content"), column(&client.messages(&long).await, "content"));
    let document: Value = serde_json::from_slice(&nothing.body).unwrap();
    assert_eq!(document["conversations"][0]["messages"], json!([]));
}

#[tokio::test]
async fn only_the_owner_can_export_a_session() {
    let app = TestApp::builder().workers(0).start().await;
    let (ann, bob) = (app.client_for("ann", "viewer").await, app.client_for("bob", "admin").await);
    let owner = app.client_for("ann", "member").await;
    let session = owner.create_session("demo").await;

    for format in ["json", "markdown", "html"] {
        export(&ann, &session, format).await;
        bob.get(&format!("/v1/chat/{session}/export?format={format}")).await.problem(404);
    }
    ann.get(&format!("/v1/chat/{}/export", unknown_id())).await.problem(404);
    ann.get(&format!("/v1/chat/{session}/export?format=pdf")).await.problem(400);
    let reply = app.client().get(&format!("/v1/chat/{session}/export")).await;
    reply.problem(401);
    assert_eq!(id_of(&owner.chat(&session).await["session"]), session);
}
