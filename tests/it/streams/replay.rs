//! Replay of missed events, which arrive in order, without gaps, and with the current state of each object.

use banter_tests::{
    app::TestApp,
    client::Client,
    follower::{Follower, FollowerOptions},
    model::Position,
    sse::{Event, USER_EVENTS},
};
use serde_json::json;

use crate::support::Scripted;

/// Number of missed events after which a client receives a resync.
const FAR_BEHIND: u64 = 10_000;

async fn head(client: &Client) -> String {
    client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned()
}

/// Returns all events after a cursor, up to the latest one.
async fn replay(client: &Client, cursor: &str) -> Vec<Event> {
    let head = head(client).await;
    let mut stream = client.events_after(USER_EVENTS, cursor).await;
    let mut events = stream.read_until("the head", |event| event.id.as_deref() == Some(head.as_str())).await;
    events.remove(0);
    events
}

#[tokio::test]
async fn replays_missed_events_in_order_without_a_gap() {
    let app = TestApp::builder().apis(2).start().await;
    let client = app.client();
    let start = head(&client).await;
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo one").await;
    client.patch(&format!("/v1/chat/{session}"), &json!({"pinned": true})).await.ok(200);

    let events = replay(&app.client_of(1), &start).await;

    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds[..2], ["session.created", "message.created"]);
    assert!(kinds.contains(&"task.updated") && kinds.contains(&"session.updated"), "{kinds:?}");
    let start = Position::parse(&start).unwrap();
    for (event, seq) in events.iter().zip(start.seq + 1..) {
        assert_eq!(event.id, Some(Position { epoch: start.epoch.clone(), seq }.text()));
    }
    let answer = events.iter().filter(|event| event.kind == "message.created").nth(1).unwrap();
    assert_eq!(answer.data["message"]["content"], "one");
}

#[tokio::test]
async fn every_cursor_leads_to_the_same_state() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, task, gate) = scripted.held("first").await;
    let second = client.send(&session, "second").await;
    client.edit(&session, &second.message_id, "better").await.ok(200);
    let third = client.send(&session, "third").await;
    client.unsend(&session, &third.message_id).await.ok(204);
    client.cancel(&session, &task).await.ok(202);
    drop(gate);
    client.wait_until_idle(&session).await;
    scripted.model.script("first", [banter_tests::fake_openai::Answer::text("again")]);
    client.retry(&session, &task).await.ok(202);
    client.wait_for_status(&session, &task, "succeeded").await;
    let gone = scripted.session().await;
    client.ask(&gone, "to be deleted").await;
    client.delete(&format!("/v1/chat/{gone}?permanent=true")).await.ok(204);
    follower.settle(client).await;

    let cursors: Vec<String> = follower.events().into_iter().filter_map(|event| event.id).collect();
    let whole = replay(client, &cursors[0]).await;
    for (number, cursor) in cursors.iter().enumerate().skip(1) {
        if *cursor != cursors[cursors.len() - 1] {
            assert_eq!(replay(client, cursor).await, whole[number..], "after {cursor}");
        }
    }
    assert!(whole.iter().filter(|event| event.session() == gone).all(|event| event.kind == "session.deleted"));
    let unsent = |event: &&Event| event.data.to_string().contains(&third.task_id);
    assert!(whole.iter().filter(unsent).all(|event| event.kind == "message.deleted"), "{whole:#?}");
}

#[tokio::test]
async fn a_reconnecting_client_ends_with_the_state_of_a_fresh_get() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    client.ask(&session, "before").await;
    let follower = FollowerOptions::user(client).start().await;
    let cursor_events = follower.events().len();

    for round in 0..5 {
        client.ask(&session, &format!("round {round}")).await;
        let other = scripted.session().await;
        client.send(&other, "hello").await;
        client.archive(&other).await.ok(204);
        client.wait_until_idle(&other).await;
    }

    follower.settle(client).await;
    assert!(follower.events().len() > cursor_events);
}

#[tokio::test]
async fn a_client_too_far_behind_gets_a_resync() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let start = head(&client).await;
    let path = format!("/v1/chat/{session}");
    for round in 0..FAR_BEHIND.div_ceil(50) {
        let renames = (0..50).map(async |number| {
            client.patch(&path, &json!({"title": format!("{round} {number}")})).await.ok_status(200);
        });
        futures::future::join_all(renames).await;
    }
    let behind = Position::parse(&head(&client).await).unwrap().seq - Position::parse(&start).unwrap().seq;
    assert!(behind >= FAR_BEHIND, "each rename is an event: {behind}");
    client.patch(&path, &json!({"title": "One too many"})).await.ok(200);

    let mut stream = client.events_after(USER_EVENTS, &start).await;

    stream.expect("hello").await;
    let resync = stream.expect("resync").await;
    assert_eq!(resync.data["cursor"], head(&client).await.as_str());
    client.patch(&path, &json!({"title": "Alive"})).await.ok(200);
    assert_eq!(stream.expect("session.updated").await.data["session"]["title"], "Alive");
}
