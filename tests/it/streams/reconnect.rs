//! A client whose connection is repeatedly dropped ends up with the same state as a fresh GET.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    client::Client,
    fake_openai::Answer,
    follower::{Follower, FollowerOptions},
    model::Position,
    random::{self, TestRng},
    sse::{USER_EVENTS, session_events},
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::support::Scripted;

/// Performs 60 random user operations, and waits until all sessions are idle.
async fn busy_life(scripted: &Scripted, rng: &mut TestRng) {
    let client = &scripted.client;
    let mut sessions = vec![scripted.session().await, scripted.session().await];
    for step in 0..60 {
        let session = sessions[rng.random_range(0..sessions.len())].clone();
        match rng.random_range(0..10) {
            0 => sessions.push(scripted.session().await),
            1 => drop(client.patch(&format!("/v1/chat/{session}"), &json!({"title": format!("step {step}")})).await),
            2 => drop(client.post(&format!("/v1/chat/{session}/read"), &json!({"seq": 1000})).await),
            3 => {
                if let Some(task) = client.chat(&session).await["session"]["active_task"]["id"].as_str() {
                    client.cancel(&session, task).await;
                }
            }
            4 => {
                let messages = client.messages(&session).await;
                if let Some(last) = messages.iter().rev().find(|message| message["role"] == "user") {
                    client.unsend(&session, last["id"].as_str().unwrap()).await;
                }
            }
            5 if sessions.len() > 2 => {
                client.archive(&session).await;
                client.patch(&format!("/v1/chat/{session}"), &json!({"status": "active"})).await;
            }
            _ => {
                let text = format!("step {step}");
                let words = (0..rng.random_range(0..30)).map(|_| "wörd ");
                scripted.model.script(&text, [Answer::words(words, Duration::from_millis(15))]);
                client.send_on_busy(&session, &text, if step % 7 == 0 { "interrupt" } else { "queue" }).await;
            }
        }
    }
    for session in &sessions {
        client.wait_until_idle(session).await;
    }
}

#[tokio::test]
async fn a_repeatedly_dropped_client_misses_nothing() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2).workers(2)).await;
    let mut rng = random::from_environment();
    let apis = [scripted.app.client_of(0), scripted.app.client_of(1)];
    let steady = Follower::start(&apis[1]).await;
    let mut cut = Vec::new();
    for _ in 0..3 {
        cut.push(FollowerOptions::user(&apis[0]).and_apis([apis[1].clone()]).with_drops(rng.fork()).start().await);
    }

    busy_life(&scripted, &mut rng).await;

    for follower in cut.iter().chain([&steady]) {
        follower.settle(&scripted.client).await;
    }
    assert!(cut.iter().all(|follower| follower.connections() > 3));
    assert_eq!(steady.cuts(), 0, "this stream was not dropped");
}

#[tokio::test]
async fn delivers_events_exactly_once_while_a_stream_connects() {
    let app = TestApp::builder().apis(2).workers(0).start().await;
    let (here, there) = (app.client_of(0), app.client_of(1));
    let session = here.create_session("demo").await;
    let rename = async |client: &Client, title: String| {
        client.patch(&format!("/v1/chat/{session}"), &json!({"title": title})).await.ok(200);
    };

    for round in 0..30 {
        let cursor = here.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
        let path = if round % 2 == 0 { USER_EVENTS.to_owned() } else { session_events(&session) };
        let publish = async {
            for number in 0..5 {
                rename(if number % 2 == 0 { &here } else { &there }, format!("{round} {number}")).await;
            }
        };

        let (mut stream, ()) = tokio::join!(here.events_after(&path, &cursor), publish);

        assert_eq!(stream.expect("hello").await.data["cursor"], cursor.as_str());
        let start = Position::parse(&cursor).unwrap();
        for seq in start.seq + 1..=start.seq + 5 {
            let event = stream.expect("session.updated").await;
            assert_eq!(event.id, Some(Position { epoch: start.epoch.clone(), seq }.text()), "round {round}");
        }
        rename(&there, format!("{round} last")).await;
        assert_eq!(stream.expect("session.updated").await.data["session"]["title"], format!("{round} last"));
    }
}

#[tokio::test]
async fn an_event_during_the_start_of_a_stream_is_in_the_get_or_on_the_stream() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    for round in 0..20 {
        let title = format!("round {round}");
        let body = json!({"title": title});
        let path = format!("/v1/chat/{session}");
        let (mut stream, _) = tokio::join!(client.events(USER_EVENTS), client.patch(&path, &body));

        let hello = stream.expect("hello").await;
        let from = Position::parse(hello.data["cursor"].as_str().unwrap()).unwrap();
        let as_of = client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
        if Position::parse(&as_of).unwrap().seq > from.seq {
            assert_eq!(stream.expect("session.updated").await.data["session"]["title"], title.as_str());
        }
    }
}
