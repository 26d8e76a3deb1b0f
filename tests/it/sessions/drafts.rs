//! Drafts, which a user's devices share.

use banter_tests::{app::TestApp, client::Client, follower::Follower};
use serde_json::{Value, json};

async fn get(client: &Client, session: &str) -> Value {
    client.get(&format!("/v1/chat/{session}/draft")).await.ok(200)
}

async fn put(client: &Client, session: &str, text: &str, revision: i64) -> Value {
    client.put(&format!("/v1/chat/{session}/draft"), &json!({"text": text, "revision": revision})).await.ok(200)
}

#[tokio::test]
async fn a_draft_is_shared_and_sent_to_every_stream() {
    let app = TestApp::builder().apis(2).workers(0).start().await;
    let (desk, phone) = (app.client_of(0), app.client_of(1));
    let session = desk.create_session("demo").await;
    let follower = Follower::start(&phone).await;
    assert_eq!(get(&phone, &session).await, json!({"text": "", "revision": 0}));

    let first = put(&desk, &session, "To be contin", 0).await;
    let revision = first["revision"].as_i64().unwrap();

    assert_eq!(get(&phone, &session).await, first);
    let event = follower.wait_for("session.draft", |event| event.kind == "session.draft").await;
    assert_eq!(
        [&event.data["chat_session_id"], &event.data["text"], &event.data["revision"]],
        [&json!(session), &json!("To be contin"), &json!(revision)]
    );
    assert_eq!(event.id, None, "a draft is not part of the log");

    let second = put(&phone, &session, "To be continued", revision).await;
    assert!(second["revision"].as_i64().unwrap() > revision);
    let cleared = put(&desk, &session, "", second["revision"].as_i64().unwrap()).await;
    assert_eq!(cleared["text"], "");
    assert!(cleared["revision"].as_i64() > second["revision"].as_i64(), "an older revision would be current again");
}

#[tokio::test]
async fn a_stale_change_is_rejected_with_the_stored_draft() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let stored = put(&client, &session, "From the phone", 0).await;

    let stale = json!({"text": "From the desk", "revision": 0});
    let reply = client.put(&format!("/v1/chat/{session}/draft"), &stale).await;

    assert_eq!(reply.problem_code(409, "draft_conflict")["draft"], stored);
    assert_eq!(get(&client, &session).await, stored);
}

#[tokio::test]
async fn a_draft_disappears_with_its_session() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    put(&client, &session, "x", 0).await;

    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok(204);

    client.get(&format!("/v1/chat/{session}/draft")).await.problem_code(404, "not_found");
    let other = client.create_session("demo").await;
    assert_eq!(get(&client, &other).await["revision"], 0);
    assert!(put(&client, &other, "y", 0).await["revision"].as_i64() > Some(1));
}
