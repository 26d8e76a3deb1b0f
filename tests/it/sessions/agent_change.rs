//! Changes of a session's agent.

use banter_tests::{app::TestApp, chat::id_of};
use serde_json::{Value, json};

use crate::support::Scripted;

/// Returns the agents that wrote the answers of a session.
async fn authors(client: &banter_tests::client::Client, session: &str) -> Vec<Value> {
    let messages = client.messages(session).await;
    messages.into_iter().map(|message| message["agent_key"].clone()).collect()
}

#[tokio::test]
async fn another_agent_continues_the_conversation() {
    let f = Scripted::start_with("", |builder| builder.agents("[[agents]]\nkey = 'demo'\ndriver = 'demo'")).await;
    let session = f.client.create_session("demo").await;
    f.client.ask(&session, "/echo from the demo").await;
    let mut events = f.client.events("/v1/events").await;

    let changed = f.client.patch(&format!("/v1/chat/{session}"), &json!({"agent_key": "scripted"})).await.ok(200);
    f.client.ask(&session, "And now?").await;
    f.client.patch(&format!("/v1/chat/{session}"), &json!({"agent_key": "demo"})).await.ok(200);
    f.client.ask(&session, "/echo back").await;

    assert_eq!(changed["agent_key"], "scripted");
    let received = events.read_until("the change", |event| event.kind == "session.updated").await;
    assert_eq!(received.last().unwrap().data["session"]["agent_key"], "scripted");
    let conversation: Vec<(String, String)> = f.model.requests()[0].conversation();
    let texts: Vec<&str> = conversation.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["/echo from the demo", "from the demo", "And now?"]);
    let null = Value::Null;
    assert_eq!(
        authors(&f.client, &session).await,
        [null.clone(), "demo".into(), null.clone(), "scripted".into(), null, "demo".into()]
    );
    f.app.check().await;
}

#[tokio::test]
async fn answers_stored_before_the_upgrade_keep_their_agent() {
    let f = Scripted::start_with("", |builder| builder.agents("[[agents]]\nkey = 'demo'\ndriver = 'demo'")).await;
    let session = f.client.create_session("demo").await;
    f.client.ask(&session, "/echo one").await;
    f.app.database().execute("UPDATE chat_message SET agent_key = NULL").await;
    assert_eq!(authors(&f.client, &session).await, [Value::Null, "demo".into()]);

    f.client.patch(&format!("/v1/chat/{session}"), &json!({"agent_key": "scripted"})).await.ok(200);

    assert_eq!(authors(&f.client, &session).await, [Value::Null, "demo".into()]);
}

#[tokio::test]
async fn the_agent_cannot_change_while_a_task_is_running() {
    let app = TestApp::builder()
        .agents("[[agents]]\nkey = 'demo'\ndriver = 'demo'\n[[agents]]\nkey = 'two'\ndriver = 'demo'");
    let app = app.start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "/slow 60").await;
    client.wait_for_status(&session, &sent.task_id, "running").await;
    let path = format!("/v1/chat/{session}");

    client.patch(&path, &json!({"agent_key": "two"})).await.problem_code(409, "agent_busy");
    client.patch(&path, &json!({"agent_key": "demo", "title": "Same agent"})).await.ok(200);
    client.patch(&path, &json!({"agent_key": "nobody"})).await.problem_code(422, "unknown_agent");
    client.cancel(&session, &sent.task_id).await.ok(202);
    client.wait_for_end(&session, &sent.task_id).await;
    client.patch(&path, &json!({"agent_key": "two"})).await.ok(200);

    let asked = client.ask(&session, "/echo done").await;
    assert_eq!(asked["reply"]["agent_key"], "two");
    assert_eq!(client.get(&path).await.ok(200)["session"]["id"], json!(session));
    assert_eq!(id_of(&asked["message"]).len(), 36);
    app.check().await;
}
