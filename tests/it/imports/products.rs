//! Exports of other products. The units test the conversion of each format.

use banter_tests::{app::TestApp, attachments::RED_PNG, chat::id_of, client::Client};
use serde_json::{Value, json};

use super::{counts, import, post, zip};

/// A conversation of ChatGPT with one turn.
pub(super) fn chatgpt(id: &str, question: &str, answer: &str) -> Value {
    json!({"conversation_id": id, "title": id, "create_time": 1_700_000_000.0, "update_time": 1_700_000_100.0,
    "current_node": "a", "mapping": {
        "root": {"message": null, "parent": null, "children": ["q"]},
        "q": {"parent": "root", "message": {"author": {"role": "user"}, "create_time": 1_700_000_001.0,
            "content": {"content_type": "multimodal_text", "parts": [question,
                {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-1"}]}}},
        "a": {"parent": "q", "message": {"author": {"role": "assistant"}, "create_time": 1_700_000_002.0,
            "content": {"content_type": "text", "parts": [answer]}, "metadata": {"model_slug": "gpt-4o"}}},
    }})
}

/// Returns the texts of the transcript of the only chat.
async fn only_transcript(client: &Client) -> Vec<(String, String)> {
    let chats = client.list_all("").await;
    assert_eq!(chats.len(), 1, "{chats:?}");
    client.transcript(&id_of(&chats[0])).await
}

#[tokio::test]
async fn an_export_of_chatgpt_has_its_files() {
    let app = TestApp::start().await;
    let client = app.client();
    let conversations = json!([chatgpt("c-1", "What is this?", "A red rectangle."), {"title": "no conversation"}]);
    let file = zip(&[
        ("user.json", b"{\"email\": \"\"}"),
        ("conversations.json", conversations.to_string().as_bytes()),
        ("file-1-red.png", RED_PNG),
    ]);

    let result = import(&client, file).await;

    assert_eq!(counts(&result), (1, 0, 1));
    assert!(result["failed"].to_string().contains("not a conversation"), "{result}");
    let chat = client.list_all("").await[0].clone();
    assert_eq!(
        (&chat["title"], &chat["agent_key"], &chat["unread_count"]),
        (&json!("c-1"), &json!("chatgpt"), &json!(0))
    );
    assert_eq!(chat["created_at"], "2023-11-14T22:13:20.000Z");
    let messages = client.messages(&id_of(&chat)).await;
    assert_eq!(messages[0]["attachments"][0]["name"], "red.png");
    assert_eq!(client.download(&messages[0]["attachments"][0], "").await.body, RED_PNG);
    assert_eq!(messages[1]["agent_key"], "gpt-4o");
    // The agent is not configured here. Another one continues.
    client.patch(&format!("/v1/chat/{}", id_of(&chat)), &json!({"agent_key": "demo"})).await.ok(200);
    client.ask(&id_of(&chat), "/echo thanks").await;
    app.check().await;
}

#[tokio::test]
async fn a_time_that_cannot_be_represented_is_replaced() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let mut conversation = chatgpt("c-1", "one", "1");
    conversation["create_time"] = json!(9e14);
    conversation["update_time"] = json!("9999-12-31T23:59:59-01:00");
    conversation["mapping"]["q"]["message"]["create_time"] = json!(1e300);

    assert_eq!(counts(&import(&client, json!([conversation]).to_string()).await), (1, 0, 0));

    assert_eq!(only_transcript(&client).await.len(), 2);
    client.get("/v1/export").await.ok_status(200);
    app.check().await;
}

#[tokio::test]
async fn a_log_with_a_damaged_line_keeps_the_other_lines() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let line = |kind: &str, id: &str, parent: &str, content: &str| {
        json!({"type": kind, "uuid": id, "parentUuid": parent, "sessionId": "s", "message": {"content": content}})
            .to_string()
    };
    let log = [
        line("user", "1", "", "One"),
        line("assistant", "2", "1", "First"),
        line("user", "3", "2", "Two")[..60].to_owned(),
        line("assistant", "4", "3", "Second \"quoted\""),
        line("user", "5", "4", "Half: \\ud83d").replace("\\\\", "\\"),
        line("assistant", "6", "5", "Third"),
    ]
    .join("\n");

    assert_eq!(counts(&import(&client, log).await), (1, 0, 0));

    let texts: Vec<String> = only_transcript(&client).await.into_iter().map(|(_, text)| text).collect();
    let first = "First\n\n*(a line of the log is damaged)*\n\nSecond \"quoted\"";
    assert_eq!(texts, ["One", first, "Half: \u{fffd}", "Third"]);
}

#[tokio::test]
async fn a_malformed_conversation_fails_alone() {
    let app = TestApp::start().await;
    let client = app.client();
    let file = format!(
        "[{}, {{\"mapping\": {{\"q\": nonsense}}}}, {}, {}]",
        chatgpt("c-1", "one", "1"),
        json!({"mapping": {}, "conversation_id": "empty", "title": "Empty"}),
        chatgpt("c-2", "two", "2"),
    );

    let result = import(&client, file).await;

    assert_eq!(counts(&result), (2, 0, 2), "{result}");
    let reasons = result["failed"].to_string();
    assert!(
        reasons.contains("not valid JSON") && reasons.contains("Empty") && reasons.contains("no messages"),
        "{reasons}"
    );
    let transcript = client.transcript(&id_of(&client.list_all("q=c-2").await[0])).await;
    assert!(transcript[0].1.starts_with("two\n\n*(missing: "), "{transcript:?}");
    app.check().await;
}

#[tokio::test]
async fn what_precedes_the_end_of_an_incomplete_file_is_imported() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let file = json!([chatgpt("c-1", "one", "1"), chatgpt("c-2", "two", "2")]).to_string();

    let result = import(&client, file[..file.len() - 20].to_owned()).await;

    assert_eq!(counts(&result), (1, 0, 2), "{result}");
    assert_eq!(result["failed"][1], json!({"source": "file", "reason": "The file is incomplete."}));
    app.check().await;
}

#[tokio::test]
async fn every_product_is_recognized() {
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let line = |kind: &str, id: &str, parent: Value, text: &str| {
        json!({"type": kind, "uuid": id, "parentUuid": parent, "sessionId": "s", "timestamp": "2025-06-01T08:00:00.000Z",
            "message": said(kind, text)})
    };
    let item = |role: &str, kind: &str, text: &str| {
        json!({"timestamp": "2025-06-01T08:00:00.000Z", "type": "response_item", "payload": {
            "type": "message", "role": role, "content": [{"type": kind, "text": text}]}})
    };
    let lines = |lines: &[Value]| lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let files = [
        ("chatgpt", json!([chatgpt("c", "Hi", "Hello")]).to_string()),
        (
            "claude",
            json!([{"uuid": "u", "name": "N", "chat_messages": [{"sender": "human", "text": "Hi"},
                {"sender": "assistant", "text": "Hello"}]}])
            .to_string(),
        ),
        (
            "open-webui",
            json!([{"id": "w", "title": "T", "chat": {"messages": [said("user", "Hi"), said("assistant", "Hello")]}}])
                .to_string(),
        ),
        (
            "librechat",
            json!({"conversationId": "l", "messages": [
                {"messageId": "1", "text": "Hi", "isCreatedByUser": true},
                {"messageId": "2", "parentMessageId": "1", "text": "Hello"}]})
            .to_string(),
        ),
        (
            "claude-code",
            lines(&[
                json!({"type": "file-history-snapshot"}),
                line("user", "q", Value::Null, "Hi"),
                line("assistant", "a", json!("q"), "Hello"),
            ]),
        ),
        (
            "codex",
            lines(&[
                json!({"timestamp": "2025-06-01T08:00:00.000Z", "type": "session_meta", "payload": {"id": "r"}}),
                item("user", "input_text", "Hi"),
                item("assistant", "output_text", "Hello"),
            ]),
        ),
    ];
    for (product, file) in files {
        let app = TestApp::builder().workers(0).start().await;
        let client = app.client();

        let result = import(&client, format!("\u{feff} {file}")).await;

        assert_eq!(counts(&result), (1, 0, 0), "{product}: {result}");
        assert_eq!(client.list_all("").await[0]["agent_key"], product);
        let transcript = only_transcript(&client).await;
        let starts: Vec<&str> = transcript.iter().map(|(_, text)| text.split('\n').next().unwrap()).collect();
        assert_eq!(starts, ["Hi", "Hello"], "{product}");
        app.check().await;
    }
}

#[tokio::test]
async fn rejects_files_without_conversations() {
    let app = TestApp::builder().workers(0).env("IMPORT_MAX_BYTES", "1000").start().await;
    let client = app.client();
    let files: [&[u8]; 7] = [b"", b"hello", b"[]", b"{}", b"[1, 2]", RED_PNG, b"PK\x03\x04nonsense"];
    for file in files {
        post(&client, file.to_vec()).await.problem_code(422, "unknown_format");
    }
    post(&client, zip(&[("../../escape.json", b"[]"), ("notes.txt", b"hello")]))
        .await
        .problem_code(422, "unknown_format");
    post(&client, vec![b' '; 1001]).await.problem_code(413, "payload_too_large");
    assert!(client.list_all("").await.is_empty());
    let left = std::fs::read_dir(app.folder().join("data/imports")).unwrap().count();
    assert_eq!(left, 0, "files of rejected imports");
}
