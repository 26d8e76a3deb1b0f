//! A stream connects, with or without a cursor, while events are published through both apis.

use std::time::Duration;

use banter_tests::{
    chat::Sent,
    client::Client,
    model::{Comparison, Model, Position},
    random::TestRng,
    sse::{EventStream, USER_EVENTS, session_events},
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::{Batch, batches, installation::Installation, report::Report, sleep_up_to};

/// Number of rounds per installation.
const BATCH: u64 = 20;

/// Number of streams per round.
const STREAMS: u64 = 25;

/// Number of users whose streams connect at the same time. Each user has one session, so the session's stream carries
/// the same events as the user's stream.
const USERS: u64 = 4;

/// Maximum number of turns in a session. The model compares only one page.
const ASKS: usize = 150;

/// A user with one session.
struct StreamUser {
    clients: Vec<Client>,
    session: String,
    rng: TestRng,
    report: Report,
    asks: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivers_events_exactly_once_while_a_stream_connects() {
    let report = Report::new("connects");
    for Batch { rounds, mut rng } in batches("connects", BATCH) {
        let installation = Installation::start(|builder| builder).await;
        let mut users = Vec::new();
        for number in 0..USERS {
            let key = installation.app.create_key("default", &format!("user{number}"), "member").await;
            let clients: Vec<Client> = installation.clients.iter().map(|client| client.with_key(&key)).collect();
            let session = clients[0].create_session("scripted").await;
            let user = StreamUser { clients, session, rng: rng.fork(), report: report.clone(), asks: 0 };
            let streams = rounds * STREAMS;
            users.push(user.connect_repeatedly(streams / USERS + u64::from(number < streams % USERS)));
        }
        futures::future::join_all(users).await;
        installation.app.check().await;
    }
    report.print();
}

impl StreamUser {
    async fn connect_repeatedly(mut self, streams: u64) {
        for number in 0..streams {
            let (has_cursor, is_of_user) = (!self.rng.random_ratio(1, 3), self.rng.random_ratio(1, 2));
            let here = self.clients[self.rng.random_range(0..2)].clone();
            let mut model =
                if is_of_user { Model::of_user(&here).await } else { Model::of_session(&here, &self.session).await };
            let cursor = has_cursor.then(|| model.cursor());
            let path = if is_of_user { USER_EVENTS.to_owned() } else { session_events(&self.session) };
            let mut connecting = self.rng.fork();
            let connect = async {
                sleep_up_to(&mut connecting, Duration::from_millis(8)).await;
                here.try_events(&path, cursor.as_deref()).await.unwrap()
            };

            let (mut stream, ()) = tokio::join!(connect, self.publish(number));

            self.report.count(if has_cursor { "streams with a cursor" } else { "streams without a cursor" });
            let end = Position::parse(here.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap()).unwrap();
            let hello = stream.expect("hello").await;
            let begin = Position::parse(hello.data["cursor"].as_str().unwrap()).unwrap();
            if has_cursor {
                assert_eq!(Some(begin.text()), cursor);
                model.apply(&hello).unwrap();
            }
            self.read(&mut stream, &begin, &end, has_cursor.then_some(&mut model)).await;
            if has_cursor {
                assert_eq!(model.compare(&here).await, Comparison::Equal, "the reduced state equals a GET");
            }
        }
    }

    /// Makes a few changes through both apis. Some of the changes are made by a worker.
    async fn publish(&mut self, number: u64) {
        let path = format!("/v1/chat/{}", self.session);
        for change in 0..=self.rng.random_range(0..4) {
            let client = self.clients[self.rng.random_range(0..2)].clone();
            if self.rng.random_ratio(1, 4) && self.asks < ASKS {
                self.asks += 1;
                let body = json!({"content": format!("question {number}.{change}")});
                let sent = Sent::from_body(&client.post_message(&self.session, "", &body).await.ok(202));
                client.wait_for_status(&self.session, &sent.task_id, "succeeded").await;
            } else {
                client.patch(&path, &json!({"title": format!("{number} {change}")})).await.ok(200);
            }
        }
    }

    /// Reads up to the last published event. Every sequence number must occur exactly once, in order.
    async fn read(&self, stream: &mut EventStream, begin: &Position, end: &Position, mut model: Option<&mut Model>) {
        let mut seq = begin.seq;
        while seq < end.seq {
            let event = stream.next().await;
            if let Some(model) = model.as_mut() {
                model.apply(&event).unwrap();
            }
            if let Some(id) = &event.id {
                seq += 1;
                assert_eq!(*id, Position { epoch: begin.epoch.clone(), seq }.text(), "{event:?}");
                self.report.count("events");
            }
        }
    }
}
