//! Request bodies that real programs send: with a byte order mark, with half an emoji, or in another encoding.

use banter_tests::{
    app::TestApp,
    chat::fresh_key,
    client::{Client, Reply},
};
use serde_json::json;

use super::table::{Complaints, OPERATIONS, Operation, Target};

async fn send(client: &Client, operation: &Operation, target: &Target, body: Vec<u8>) -> Reply {
    let request = client
        .request(operation.method, &operation.path_for(target))
        .header("Idempotency-Key", fresh_key())
        .header("Content-Type", "application/json");
    client.call(request.body(body)).await
}

/// Encodes text as UTF-16, in the byte order that `to_bytes` determines.
fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[tokio::test]
async fn accepts_a_body_that_starts_with_a_byte_order_mark() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in OPERATIONS.iter().filter(|operation| operation.body.is_some()) {
        let target = operation.prepare(&app, &client).await;
        let body = format!("\u{feff}{}", operation.body_for(&target)).into_bytes();
        let reply = send(&client, operation, &target, body).await;
        complaints.expect_status(&operation.name(), &reply, operation.status);
    }

    complaints.report();
}

#[tokio::test]
async fn rejects_other_encodings_and_names_them() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in OPERATIONS.iter().filter(|operation| operation.body.is_some()) {
        let target = operation.prepare(&app, &client).await;
        let text = operation.body_for(&target).to_string();
        let mut broken = text.clone().into_bytes();
        let end = broken.len() - 2;
        broken.insert(end, 0xff);
        for (body, word) in [
            (utf_16(&text, u16::to_le_bytes), "UTF-16"),
            (utf_16(&text, u16::to_be_bytes), "UTF-16"),
            (utf_16(&format!("\u{feff}{text}"), u16::to_le_bytes), "UTF-16"),
            (utf_16(&format!("\u{feff}{text}"), u16::to_be_bytes), "UTF-16"),
            (broken, "UTF-8"),
        ] {
            let reply = send(&client, operation, &target, body).await;
            if let Some(problem) = complaints.expect_problem(&operation.name(), &reply, 400)
                && !problem["detail"].as_str().unwrap().contains(word)
            {
                complaints.add(format!("{}: the error does not mention {word}: {problem}", operation.name()));
            }
        }
    }

    complaints.report();
}

#[tokio::test]
async fn replaces_half_an_emoji_in_every_text_field() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let post = async |method: &str, path: &str, body: &str| {
        let request = client.request(method, path).header("Content-Type", "application/json");
        client.call(request.body(body.to_owned())).await
    };

    let created = post("POST", "/v1/chat", r#"{"agent_key":"demo","title":"\ud83d half"}"#).await.ok(201);
    let session = created["id"].as_str().unwrap();
    let messages = format!("/v1/chat/{session}/messages");
    let sent = post("POST", &messages, r#"{"content":"\ud83d"}"#).await.ok(202);
    let message = format!("{messages}/{}", sent["message"]["id"].as_str().unwrap());
    let edited = post("PATCH", &message, r#"{"content":"a\udf89b \ud83c\udf89"}"#).await.ok(200);
    let renamed = post("PATCH", &format!("/v1/chat/{session}"), r#"{"title":"\udc00"}"#).await.ok(200);

    assert_eq!(created["title"], "\u{fffd} half");
    assert_eq!(sent["message"]["content"], "\u{fffd}");
    assert_eq!(edited["content"], "a\u{fffd}b 🎉");
    assert_eq!(renamed["title"], "\u{fffd}");
}

#[tokio::test]
async fn lists_the_allowed_values_of_a_field() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    for value in [json!("maybe"), json!(5), json!(["queue"]), json!(true)] {
        let body = json!({"content": "x", "on_busy": value});
        let problem = client.post_message(&session, "", &body).await.problem(400);

        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("has an invalid value"), "{value}: {message}");
        for allowed in ["queue", "interrupt", "reject"] {
            assert!(message.contains(allowed), "{value}: {message}");
        }
    }
}
