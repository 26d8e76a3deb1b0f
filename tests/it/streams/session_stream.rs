//! A single session's event stream.

use banter_tests::{
    follower::{Follower, FollowerOptions},
    random,
    sse::{Event, session_events},
};
use serde_json::json;

use crate::support::Scripted;

#[tokio::test]
async fn a_session_stream_carries_the_user_streams_events_of_that_session() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let all = Follower::start(client).await;
    let (one, other) = (scripted.session().await, scripted.session().await);
    let follower = FollowerOptions::session(client, &one).start().await;
    let cut = FollowerOptions::session(client, &one).with_drops(random::from_environment()).start().await;

    for round in 0..4 {
        client.ask(&one, &format!("here {round}")).await;
        client.ask(&other, &format!("there {round}")).await;
        client.patch(&format!("/v1/chat/{one}"), &json!({"title": format!("title {round}")})).await.ok(200);
    }

    all.settle(client).await;
    follower.settle(client).await;
    cut.settle(client).await;
    let durable = |events: Vec<Event>| -> Vec<_> {
        let of_it = events.into_iter().filter(|event| event.is_durable() && event.session() == one);
        of_it.map(|event| (event.id, event.kind)).collect()
    };
    let mut expected = durable(all.events());
    expected.retain(|(_, kind)| kind != "session.created");
    assert_eq!(durable(follower.events()), expected, "the same events with the same cursors");
}

#[tokio::test]
async fn a_cursor_of_the_user_stream_is_valid_for_a_session_stream() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (one, other) = (scripted.session().await, scripted.session().await);
    let cursor = client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
    client.ask(&other, "there").await;
    let sent = client.send(&one, "here").await;

    let mut stream = client.events_after(&session_events(&one), &cursor).await;

    assert_eq!(stream.expect("hello").await.data["cursor"], cursor.as_str());
    let created = stream.expect("message.created").await;
    assert_eq!(created.data["message"]["id"], sent.message_id.as_str());
}

#[tokio::test]
async fn a_session_stream_announces_its_deletion() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    let mut stream = client.events(&session_events(&session)).await;
    stream.expect("hello").await;

    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok(204);

    assert_eq!(stream.expect("session.deleted").await.session(), session);
}

#[tokio::test]
async fn carries_no_live_text_of_another_session() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let quiet = scripted.session().await;
    let follower = FollowerOptions::session(client, &quiet).start().await;
    let all = Follower::start(client).await;
    let (busy, task, gate) = scripted.held("go").await;
    gate.send("secret").await;
    all.wait_for_draft(&task, "secret").await;
    gate.finish().await;
    client.wait_for_status(&busy, &task, "succeeded").await;
    client.ask(&quiet, "here").await;

    follower.settle(client).await;

    assert!(follower.events().iter().all(|event| event.session() == quiet || event.session().is_empty()));
    assert!(!format!("{:?}", follower.events()).contains("secret"));
}
