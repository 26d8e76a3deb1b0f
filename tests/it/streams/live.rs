//! Live text: offsets, partial text, and typing. There is no gap, regardless of when a client joins.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    chat::text_of,
    fake_openai::Answer,
    follower::{Follower, FollowerOptions},
    sse::{Event, USER_EVENTS},
    wait::eventually,
};
use serde_json::json;

use crate::support::Scripted;

#[tokio::test]
async fn streams_text_as_deltas_with_byte_offsets() {
    let scripted = Scripted::start().await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, gate) = scripted.held("go").await;
    let mut text = String::new();

    for piece in ["Grüße ", "🧑‍🚀🧑‍🚀", "\u{301}", " – ", "konec\n", "日本語"] {
        gate.send(piece).await;
        text.push_str(piece);
        follower.wait_for_draft(&task, &text).await;
    }
    gate.finish().await;
    scripted.client.wait_for_status(&session, &task, "succeeded").await;

    let answer = scripted.client.answer_of(&session, &task).await.unwrap();
    assert_eq!(answer["content"], text.as_str());
    let live = |event: &&Event| ["message.delta", "message.partial"].contains(&event.kind.as_str());
    assert!(follower.events().iter().filter(live).all(|event| event.data["message_id"] == answer["id"]));
    follower.settle(&scripted.client).await;
}

#[tokio::test]
async fn a_stream_that_joins_during_an_answer_gets_the_partial_text_and_typing() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2)).await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("Half an ").await;
    follower.wait_for_draft(&task, "Half an ").await;
    scripted.client.wait_for_stored_text(&session, "Half an ").await;

    for client in [scripted.app.client_of(0), scripted.app.client_of(1)] {
        let mut stream = client.events(USER_EVENTS).await;
        stream.expect("hello").await;
        let joined = stream.read_until("typing", |event| event.kind == "typing").await;

        let partial = joined.iter().find(|event| event.kind == "message.partial").unwrap();
        assert_eq!(partial.session(), session);
        assert_eq!(partial.data["task_id"], task.as_str());
        assert_eq!(json!([partial.data["text"], partial.data["next_offset"]]), json!(["Half an ", 8]));
        let typing = &joined.last().unwrap().data;
        assert_eq!(typing["is_typing"], true);
        assert_eq!([&typing["agent_key"], &typing["task_id"]], ["scripted", task.as_str()]);
        assert!(typing["expires_at"].is_string());
    }
    let partial = scripted.client.chat(&session).await["partial"].clone();
    assert_eq!(json!([partial["text"], partial["next_offset"], partial["attempt"]]), json!(["Half an ", 8, 1]));
    gate.send("answer").await;
    gate.finish().await;
    scripted.client.wait_for_status(&session, &task, "succeeded").await;
    let answer = scripted.client.answer_of(&session, &task).await.unwrap();
    assert_eq!(json!([answer["content"], answer["id"]]), json!(["Half an answer", partial["message_id"]]));
    follower.settle(&scripted.client).await;
}

#[tokio::test]
async fn typing_begins_and_ends_with_the_turn() {
    let scripted = Scripted::start().await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, gate) = scripted.held("go").await;
    let typing = |is_typing: bool| {
        let task = task.clone();
        move |event: &Event| {
            event.kind == "typing" && event.data["task_id"] == task.as_str() && event.data["is_typing"] == is_typing
        }
    };

    follower.wait_for("typing", typing(true)).await;
    gate.send("text").await;
    gate.finish().await;
    scripted.client.wait_for_status(&session, &task, "succeeded").await;
    follower.wait_for("the end of typing", typing(false)).await;

    let events = follower.events();
    let last = events.iter().rfind(|event| event.kind == "typing").unwrap();
    assert_eq!(last.data["is_typing"], false);
}

#[tokio::test]
async fn a_long_answer_has_no_gap_for_clients_that_join_during_it() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let session = scripted.session().await;
    let words: Vec<String> = (0..200).map(|number| format!("wörd-{number} ")).collect();
    let answer = Answer::words(words.iter().map(String::as_str), Duration::from_millis(10));
    scripted.model.script("go", [answer]);

    let sent = client.send(&session, "go").await;
    let mut joiners = Vec::new();
    for number in 0..30 {
        joiners.push(FollowerOptions::user(&scripted.app.client_of(number % 2)).start().await);
        if client.task(&session, &sent.task_id).await["status"] == "succeeded" {
            break;
        }
    }
    client.wait_for_status(&session, &sent.task_id, "succeeded").await;

    assert_eq!(client.answer_of(&session, &sent.task_id).await.unwrap()["content"], words.concat());
    for joiner in joiners.iter().chain([&follower]) {
        joiner.settle(client).await;
    }
    let deltas = follower.events().iter().filter(|event| event.kind == "message.delta").count();
    assert!(deltas >= 5, "too few deltas for a stream: {deltas}");
}

#[tokio::test]
async fn a_new_attempt_restarts_the_text_under_the_same_id() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let session = scripted.session().await;
    let mut first = scripted.model.gate("go");
    let mut second = scripted.model.gate("go");
    let task = client.send(&session, "go").await.task_id;
    first.arrived().await;
    first.send("A first try that breaks").await;
    follower.wait_for_draft(&task, "A first try that breaks").await;
    client.wait_for_stored_text(&session, "A first try that breaks").await;
    let before = client.chat(&session).await["partial"].clone();

    first.cut();
    second.arrived().await;
    second.send("Second").await;
    follower.wait_for("text of attempt 2", |event| event.data["attempt"] == 2 && event.data["text"] == "Second").await;
    client.wait_for_stored_text(&session, "Second").await;

    let now = client.chat(&session).await["partial"].clone();
    assert_eq!([&before["attempt"], &now["attempt"]], [1, 2]);
    assert_eq!(now["message_id"], before["message_id"]);
    assert_eq!(now["text"], "Second");
    second.finish().await;
    client.wait_for_status(&session, &task, "succeeded").await;
    let answer = client.answer_of(&session, &task).await.unwrap();
    assert_eq!(json!([answer["content"], answer["id"]]), json!(["Second", before["message_id"]]));
    follower.settle(client).await;
}

#[tokio::test]
async fn disconnecting_cancels_nothing() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let mut stream = client.events(USER_EVENTS).await;
    stream.expect("hello").await;
    let sent = client.send(&session, "/slow 2").await;
    stream.read_until_task(&sent.task_id, "running").await;

    drop(stream);

    client.wait_for_status(&session, &sent.task_id, "succeeded").await;
}

#[tokio::test]
async fn typing_is_renewed_before_it_expires_while_the_turn_runs() {
    let scripted = Scripted::start().await;
    let follower = Follower::start(&scripted.client).await;
    let (_session, task, _gate) = scripted.held("go").await;
    let typings = || -> Vec<Event> {
        let events = follower.events().into_iter();
        events.filter(|event| event.kind == "typing" && event.data["task_id"] == task.as_str()).collect()
    };

    let events =
        eventually("a renewed typing event", async || Some(typings()).filter(|events| events.len() >= 2)).await;

    // RFC 3339 timestamps in UTC with milliseconds sort chronologically.
    let at = |event: &Event, field: &str| text_of(&event.data, field);
    assert!(at(&events[0], "at") < at(&events[0], "expires_at"));
    assert!(at(&events[1], "at") < at(&events[0], "expires_at"), "renewed too late: {events:?}");
    assert!(at(&events[0], "expires_at") < at(&events[1], "expires_at"));
}
