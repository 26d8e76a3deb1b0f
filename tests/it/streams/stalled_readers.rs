//! A reader that stalls for a while does not delay other clients, and can always detect missed events.

use std::time::{Duration, Instant};

use banter_tests::{
    client::Client,
    fake_openai::Answer,
    follower::Follower,
    model::{Comparison, Model},
    sse::{EventStream, USER_EVENTS},
    wait::{PATIENCE, eventually, within},
};
use serde_json::json;

use crate::support::Scripted;

/// More bytes than the operating system can buffer for one connection.
const MORE_THAN_BUFFERS: usize = 16 * 1024 * 1024;
/// How much the memory use of an api may rise above that of an idle one, in bytes. An api that buffered all events for
/// every stalled reader would need at least twice as much. It needs about 115 MiB, and more on machines with many cores,
/// where the allocator keeps more free memory.
const MEMORY_LIMIT: usize = 200 * 1024 * 1024;
/// Time limit for closing a revoked key's streams, which takes at most 5 s; the rest is headroom for a busy machine.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// Fetches the state and opens a stream that continues from it but is not read.
async fn stalled(client: &Client) -> (EventStream, Model) {
    let model = Model::of_user(client).await;
    let stream = client.events_after(USER_EVENTS, &model.cursor()).await;
    (stream, model)
}

/// Reads up to the latest event and validates the stream. Reconnects if the stream ends. Stops at a `resync`, which
/// announces missing events.
async fn read_on(client: &Client, mut stream: EventStream, model: &mut Model) {
    let head = client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
    while !model.is_stale() && model.cursor() != head {
        let Some(event) = stream.next_within(PATIENCE).await else {
            stream = client.events_after(USER_EVENTS, &model.cursor()).await;
            model.disconnect();
            continue;
        };
        model.apply(&event).unwrap();
    }
}

#[tokio::test]
async fn a_stalled_reader_blocks_nothing_and_notices_missed_events() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (stream, mut model) = stalled(client).await;
    let follower = Follower::start(client).await;
    let session = scripted.session().await;
    let text = "0123456789".repeat(80_000);
    for number in 0..MORE_THAN_BUFFERS / text.len() {
        let prompt = format!("big {number}");
        scripted.model.script(&prompt, [Answer::text(&text)]);
        assert_eq!(client.ask(&session, &prompt).await["task"]["status"], "succeeded");
    }
    // More events than any process buffers for a stream.
    for number in 0..500 {
        client.patch(&format!("/v1/chat/{session}"), &json!({"title": number.to_string()})).await.ok(200);
    }

    follower.settle(client).await;

    read_on(client, stream, &mut model).await;
}

#[tokio::test]
async fn a_slow_reader_that_missed_text_gets_the_whole_partial_text_first() {
    let scripted = Scripted::start_with("", |builder| builder.env("WORKER_CONCURRENCY", "24")).await;
    let client = &scripted.client;
    let (stream, mut model) = stalled(client).await;
    let piece = "0123456789".repeat(4000);
    let pieces = 20;
    let mut turns = Vec::new();
    for number in 0..MORE_THAN_BUFFERS / (pieces * piece.len()) {
        let (session, task, gate) = scripted.held(&format!("turn {number}")).await;
        turns.push((session, task, gate));
    }
    // The text is sent all at once, because a reader that accepts nothing for half a minute is disconnected.
    for _ in 0..pieces {
        for (_, _, gate) in &turns {
            gate.send(&piece).await;
        }
    }
    for (session, ..) in &turns {
        eventually("the text to be stored", async || {
            (client.chat(session).await["partial"]["next_offset"] == pieces * piece.len()).then_some(())
        })
        .await;
    }

    // The buffered events arrive first. The next chunk then reveals that text was missed.
    let (mut stream, mut length, mut partials) = (stream, pieces * piece.len(), 0);
    let has_all = |model: &Model, length| {
        turns.iter().all(|(_, task, _)| model.draft(task).is_some_and(|draft| draft.text.len() == length))
    };
    let deadline = Instant::now() + PATIENCE;
    while length == pieces * piece.len() || !has_all(&model, length) {
        assert!(Instant::now() < deadline, "the text never arrives");
        let Ok(next) = tokio::time::timeout(Duration::from_secs(1), stream.try_next()).await else {
            for (_, _, gate) in &turns {
                gate.send(".").await;
            }
            length += 1;
            continue;
        };
        let event = next.unwrap().expect("the stream continues");
        model.apply(&event).unwrap();
        partials += usize::from(event.kind == "message.partial");
    }
    assert!(partials > 0, "the test is valid only if the stream has missed text");
    for (session, task, gate) in turns {
        gate.finish().await;
        client.wait_for_status(&session, &task, "succeeded").await;
        assert_eq!(client.answer_of(&session, &task).await.unwrap()["content"].as_str().unwrap().len(), length);
    }
    read_on(client, stream, &mut model).await;
    assert_eq!(model.compare(client).await, Comparison::Equal);
}

#[tokio::test]
async fn a_stalled_reader_is_disconnected_when_its_key_is_revoked() {
    let scripted = Scripted::start_with("", |builder| builder.env("AUTH", "required")).await;
    let ann = scripted.app.client_for("ann", "member").await;
    let (mut stalled, model) = stalled(&ann).await;
    stalled.expect("hello").await;
    let session = ann.create_session("scripted").await;
    let text = "0123456789".repeat(80_000);
    for number in 0..MORE_THAN_BUFFERS / text.len() {
        let prompt = format!("big {number}");
        scripted.model.script(&prompt, [Answer::text(&text)]);
        assert_eq!(ann.ask(&session, &prompt).await["task"]["status"], "succeeded");
    }
    let _unread = ann.events_after(USER_EVENTS, &model.cursor()).await;
    let open = async || scripted.client.metric("banter_open_streams").await;
    assert_eq!(open().await, 2);

    let listed = String::from_utf8(scripted.app.run_api(&["keys", "list"]).await.stdout).unwrap();
    let key = listed.split_whitespace().next().unwrap();
    assert!(scripted.app.run_api(&["keys", "revoke", key]).await.status.success());

    within(CLOSED_WITHIN, "both streams are closed", async || (open().await == 0).then_some(())).await;
}

#[tokio::test]
async fn many_stalled_readers_use_little_memory() {
    let mut scripted = Scripted::start().await;
    let idle = scripted.app.api(0).process.peak_memory();
    let client = &scripted.client;
    let mut model = Model::of_user(client).await;
    let from = model.cursor();
    let session = scripted.session().await;
    let text = "0123456789".repeat(25_000);
    for number in 0..40 {
        let prompt = format!("{number} {text}");
        scripted.model.script(&prompt, [Answer::text(&text)]);
        assert_eq!(client.ask(&session, &prompt).await["task"]["status"], "succeeded");
    }
    // None of these readers accepts anything, so the api has to buffer for each of them.
    let mut stalled = Vec::new();
    for _ in 0..24 {
        stalled.push(client.events_after(USER_EVENTS, &from).await);
    }

    let reader = client.events_after(USER_EVENTS, &from).await;
    read_on(client, reader, &mut model).await;

    let taken = scripted.app.api(0).process.peak_memory() - idle;
    assert!(taken < MEMORY_LIMIT, "the api has taken {} MiB more than when it was idle", taken / 1024 / 1024);
}

#[tokio::test]
async fn many_stalled_readers_use_little_memory_during_long_answers() {
    let mut scripted = Scripted::start().await;
    let idle = scripted.app.api(0).process.peak_memory();
    let client = scripted.client.clone();
    let text = "0123456789".repeat(90_000);
    let mut turns = Vec::new();
    for number in 0..8 {
        let (session, task, gate) = scripted.held(&format!("turn {number}")).await;
        gate.send(&text).await;
        eventually("the text to be stored", async || {
            (client.chat(&session).await["partial"]["next_offset"] == text.len()).then_some(())
        })
        .await;
        turns.push((session, task, gate));
    }
    let mut stalled = Vec::new();
    for _ in 0..60 {
        stalled.push(client.events(USER_EVENTS).await);
    }

    // A reader that keeps up receives the text of every answer.
    let mut reader = client.events(USER_EVENTS).await;
    for _ in &turns {
        reader
            .read_until("the text so far", |event| {
                event.kind == "message.partial"
                    && event.data["text"].as_str().is_some_and(|told| told.len() == text.len())
            })
            .await;
    }

    let taken = scripted.app.api(0).process.peak_memory() - idle;
    assert!(taken < MEMORY_LIMIT, "the api has taken {} MiB more than when it was idle", taken / 1024 / 1024);
}
