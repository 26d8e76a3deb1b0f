//! Read positions and unread counts.

use banter_tests::{app::TestApp, client::Client, follower::Follower};
use serde_json::{Value, json};

async fn read(client: &Client, session: &str, seq: u64) -> Value {
    client.post(&format!("/v1/chat/{session}/read"), &json!({"seq": seq})).await.ok(200)
}

async fn unread(client: &Client, session: &str) -> Value {
    client.post_nothing(&format!("/v1/chat/{session}/unread")).await.ok(200)
}

#[tokio::test]
async fn answers_are_unread_until_read_and_own_messages_never_are() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo one").await;
    client.ask(&session, "/echo two").await;
    assert_eq!(client.chat(&session).await["session"]["unread_count"], 2);

    let first = read(&client, &session, 2).await;
    let all = read(&client, &session, 4).await;

    assert_eq!(first, json!({"last_read_seq": 2, "unread_count": 1}));
    assert_eq!(all, json!({"last_read_seq": 4, "unread_count": 0}));
    let shown = client.chat(&session).await["session"].clone();
    assert_eq!([&shown["last_read_seq"], &shown["unread_count"]], [4, 0]);
    follower
        .wait_for("session.read", |event| event.kind == "session.read" && event.data["session"]["unread_count"] == 0)
        .await;
    follower.settle(&client).await;
}

#[tokio::test]
async fn a_message_without_an_answer_is_never_unread() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    client.send(&session, "Hello").await;

    assert_eq!(client.chat(&session).await["session"]["unread_count"], 0);
}

#[tokio::test]
async fn the_read_position_is_clamped_and_never_decreases() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo one").await;

    assert_eq!(read(&client, &session, 1_000_000_000_000).await, json!({"last_read_seq": 2, "unread_count": 0}));
    assert_eq!(read(&client, &session, 1).await, json!({"last_read_seq": 2, "unread_count": 0}));
    assert_eq!(read(&client, &session, 0).await, json!({"last_read_seq": 2, "unread_count": 0}));

    client.ask(&session, "/echo two").await;
    assert_eq!(client.chat(&session).await["session"]["unread_count"], 1);
}

#[tokio::test]
async fn unread_marks_the_last_answer_if_there_is_one() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    assert_eq!(unread(&client, &session).await, json!({"last_read_seq": 0, "unread_count": 0}));
    client.ask(&session, "/echo one").await;
    client.ask(&session, "/echo two").await;
    read(&client, &session, 4).await;

    let marked = unread(&client, &session).await;

    assert_eq!(marked["unread_count"], 1);
    assert_eq!(client.chat(&session).await["session"]["unread_count"], 1);
    assert_eq!(unread(&client, &session).await, marked, "repeatable");
    assert_eq!(read(&client, &session, 4).await["unread_count"], 0);
    follower.settle(&client).await;
}

#[tokio::test]
async fn lists_only_unread_sessions_on_request() {
    let app = TestApp::start().await;
    let client = app.client();
    let (old, seen, away) =
        (client.create_session("demo").await, client.create_session("demo").await, client.create_session("demo").await);
    for session in [&old, &seen, &away] {
        client.ask(session, "/echo one").await;
    }
    client.create_session("demo").await;
    read(&client, &seen, 2).await;
    client.delete(&format!("/v1/chat/{away}")).await.ok(204);

    let shown = client.list_all("unread=true&status=all").await;

    assert_eq!(shown, [client.chat(&old).await["session"].clone()]);
    assert_eq!(client.list_all("unread=false").await, client.list_all("").await);
}

#[tokio::test]
async fn an_answer_that_arrives_after_a_later_message_is_unread() {
    let scripted = crate::support::Scripted::start().await;
    let client = &scripted.client;
    let (session, _, gate) = scripted.held("first").await;
    let second = client.send(&session, "second").await;
    read(client, &session, 2).await;

    gate.send("late").await;
    gate.finish().await;
    client.wait_for_status(&session, &second.task_id, "succeeded").await;

    let shown = client.chat(&session).await["session"].clone();
    assert_eq!([&shown["last_seq"], &shown["unread_count"]], [4, 2]);
}
