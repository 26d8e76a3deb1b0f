//! The start of a stream: headers, `hello`, and all kinds of cursors.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    client::{Client, percent_encoded},
    follower::Follower,
    model::Position,
    random,
    raw_connection::RawConnection,
    sse::{Event, EventStream, USER_EVENTS, session_events},
    wait::PATIENCE,
};
use rand::RngExt as _;
use serde_json::json;

/// Time limit for a heartbeat. The interval is 15 s; the rest is headroom for a busy machine.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(25);

async fn app() -> (TestApp, Client) {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    (app, client)
}

/// Renames a session and returns the resulting event, which must be the next one on the stream.
async fn touch(client: &Client, stream: &mut EventStream, session: &str, title: &str) -> Event {
    client.patch(&format!("/v1/chat/{session}"), &json!({"title": title})).await.ok(200);
    let event = stream.expect("session.updated").await;
    assert_eq!(event.data["session"]["title"], title);
    event
}

#[tokio::test]
async fn closes_a_stream_whose_client_has_hung_up() {
    let (_app, client) = app().await;
    let head = format!("GET {USER_EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut connection = RawConnection::with(client.address(), &head).await;

    connection.finish_sending().await;

    let reply = connection.read_to_close(PATIENCE).await.expect("the connection is closed");
    assert!(matches!(reply.status(), None | Some(200)), "{}", reply.text);
}

/// Requests a stream with this version of HTTP. Returns the head of the response, in lowercase, and the body so far.
async fn start_of_stream(client: &Client, version: &str) -> (String, String) {
    let head = format!("GET {USER_EVENTS} {version}\r\nHost: localhost\r\n\r\n");
    let mut connection = RawConnection::with(client.address(), &head).await;
    let text = connection.read_until("\n\n", PATIENCE).await.expect("the stream begins");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn a_stream_is_chunked_and_ends_with_its_connection() {
    let (_app, client) = app().await;

    let (head, body) = start_of_stream(&client, "HTTP/1.1").await;

    for line in ["http/1.1 200", "transfer-encoding: chunked", "connection: close"] {
        assert!(head.contains(line), "{head}");
    }
    let (size, frame) = body.split_once("\r\n").unwrap();
    assert!(usize::from_str_radix(size, 16).is_ok_and(|size| size <= frame.len()), "{body}");
    assert!(frame.starts_with("event: hello\n"), "{body}");
}

#[tokio::test]
async fn a_stream_is_not_chunked_for_a_client_of_http_1_0() {
    let (_app, client) = app().await;

    let (head, body) = start_of_stream(&client, "HTTP/1.0").await;

    assert!(head.starts_with("http/1.0 200") && !head.contains("transfer-encoding"), "{head}");
    assert!(body.starts_with("event: hello\n"), "{body}");
}

#[tokio::test]
async fn a_head_request_opens_no_stream_and_keeps_the_connection() {
    let (_app, client) = app().await;
    let requests = format!(
        "HEAD {USER_EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n\
         GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );

    let mut connection = RawConnection::with(client.address(), &requests).await;

    let reply = connection.read_to_close(PATIENCE).await.expect("the connection is closed");
    assert!(reply.text.contains("text/event-stream"), "{}", reply.text);
    assert_eq!(reply.text.matches("HTTP/1.1 200").count(), 2, "{}", reply.text);
    assert_eq!(client.metric("banter_open_streams").await, 0);
}

#[tokio::test]
async fn a_stream_begins_with_hello_and_sends_heartbeats() {
    let (_app, client) = app().await;

    let mut stream = client.events(USER_EVENTS).await;

    let hello = stream.expect("hello").await;
    assert!(Position::parse(hello.data["cursor"].as_str().unwrap()).is_ok());
    assert_eq!(hello.data["heartbeat_ms"], 15_000);
    assert!(hello.data["retry_ms"].as_u64().is_some_and(|ms| (1..=60_000).contains(&ms)));
    let beat = stream.next_within(HEARTBEAT_LIMIT).await.unwrap();
    assert_eq!(beat.kind, "heartbeat");
}

#[tokio::test]
async fn a_stream_is_never_buffered_cached_or_compressed() {
    let (_app, client) = app().await;
    let session = client.create_session("demo").await;

    for path in [USER_EVENTS.to_owned(), session_events(&session)] {
        let request = client.request("GET", &path).header("Accept-Encoding", "gzip, br, zstd, deflate");
        let reply = client.call(request).await;

        reply.ok_status(200);
        assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
        assert_eq!(reply.header("cache-control"), Some("no-cache, no-transform"));
        assert_eq!(reply.header("x-accel-buffering"), Some("no"));
        assert_eq!(reply.header("content-encoding"), None);
    }
}

#[tokio::test]
async fn a_stream_without_a_cursor_starts_now() {
    let (_app, client) = app().await;
    let session = client.create_session("demo").await;

    for query in ["", "?after="] {
        let mut stream = client.events(&format!("{USER_EVENTS}{query}")).await;
        let hello = stream.expect("hello").await;
        let event = touch(&client, &mut stream, &session, &format!("title{query}")).await;

        let before = Position::parse(hello.data["cursor"].as_str().unwrap()).unwrap();
        let after = Position::parse(event.id.as_deref().unwrap()).unwrap();
        assert_eq!((after.epoch, after.seq), (before.epoch, before.seq + 1));
    }
    let mut stream = client.events_after(USER_EVENTS, "").await;
    stream.expect("hello").await;
    touch(&client, &mut stream, &session, "and with an empty header").await;
}

#[tokio::test]
async fn the_as_of_value_of_a_get_is_a_cursor_without_a_gap() {
    let (_app, client) = app().await;
    let as_of = client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
    let session = client.create_session("demo").await;

    for path in [USER_EVENTS.to_owned(), session_events(&session)] {
        let mut stream = client.events_after(&path, &as_of).await;

        assert_eq!(stream.expect("hello").await.data["cursor"], as_of.as_str());
        assert_eq!(stream.expect("session.created").await.session(), session);
    }
}

#[tokio::test]
async fn an_invalid_cursor_leads_to_one_resync_and_a_working_stream() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let (client, other) = (app.client_for("ann", "member").await, app.client_for("bob", "member").await);
    let session = client.create_session("demo").await;
    other.create_session("demo").await;
    let foreign = other.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
    let own = client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
    let Position { epoch, seq } = Position::parse(&own).unwrap();
    let mut cursors: Vec<String> = [
        "x",
        "-",
        "--",
        "-1",
        "0",
        "1",
        "abc",
        "null",
        "undefined",
        "💥",
        " ",
        "a b",
        "'; DROP TABLE events; --",
        "../../etc/passwd",
        "99999999999999999999999999",
        "abc-99999999999999999999999999",
        "0-0",
        "zzzzzzzzzz-1",
    ]
    .map(str::to_owned)
    .to_vec();
    cursors.extend([
        foreign,
        epoch.clone(),
        format!("{epoch}-"),
        format!("{epoch}-{}", seq + 100_000),
        format!("{epoch}-9223372036854775807"),
        format!("{epoch}-9223372036854775808"),
        format!("{epoch}--1"),
        format!("{epoch}-1x"),
        format!("{epoch}-+1"),
        format!("{epoch}-01"),
        format!("{epoch}-{seq}-{seq}"),
        format!("{}-{seq}", epoch.to_uppercase()),
        "x".repeat(5000),
    ]);
    let mut rng = random::from_environment();
    for _ in 0..10 {
        let length = rng.random_range(0..20) + 1;
        cursors.push((0..length).map(|_| char::from(b'!' + rng.random_range(0..90))).collect());
    }

    for (number, cursor) in cursors.iter().enumerate() {
        let path = if number % 2 == 0 { USER_EVENTS.to_owned() } else { session_events(&session) };
        for by_header in [true, false] {
            let request = if by_header {
                // Values that cannot be sent in a header are tested only as a query parameter.
                let Ok(value) = reqwest::header::HeaderValue::from_bytes(cursor.as_bytes()) else { continue };
                if cursor.trim().is_empty() {
                    continue;
                }
                client.request("GET", &path).header("Last-Event-ID", value)
            } else {
                client.request("GET", &format!("{path}?after={}", percent_encoded(cursor)))
            };
            let mut stream = client.stream(request).await;
            let hello = stream.expect("hello").await;
            let resync = stream.expect("resync").await;
            assert!(resync.data["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{cursor:?}");
            assert_eq!(resync.data["cursor"], hello.data["cursor"], "both are the head");
            // The next event is the change made now, so there is only one resync and the stream continues.
            let event = touch(&client, &mut stream, &session, &format!("{number}{by_header}")).await;
            let head = Position::parse(hello.data["cursor"].as_str().unwrap()).unwrap();
            assert_eq!(event.id, Some(Position { seq: head.seq + 1, ..head }.text()), "{cursor:?}");
        }
    }
}

#[tokio::test]
async fn last_event_id_takes_precedence_over_after() {
    let (_app, client) = app().await;
    let session = client.create_session("demo").await;
    let early = client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();
    client.patch(&format!("/v1/chat/{session}"), &json!({"title": "one"})).await.ok(200);
    let late = client.get("/v1/chat").await.ok(200)["as_of"].as_str().unwrap().to_owned();

    let mut from_late = client.events_after(&format!("{USER_EVENTS}?after={early}"), &late).await;
    let mut from_early = client.events_after(&format!("{USER_EVENTS}?after={late}"), &early).await;

    assert_eq!(from_late.expect("hello").await.data["cursor"], late.as_str());
    touch(&client, &mut from_late, &session, "two").await;
    assert_eq!(from_early.expect("hello").await.data["cursor"], early.as_str());
    assert_eq!(from_early.expect("session.updated").await.id, Some(late));
}

#[tokio::test]
async fn a_user_without_data_has_a_stream() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let client = app.client_for("new", "member").await;

    let mut stream = client.events(USER_EVENTS).await;
    let cursor = stream.expect("hello").await.data["cursor"].as_str().unwrap().to_owned();
    let session = client.create_session("demo").await;

    assert_eq!(stream.expect("session.created").await.session(), session);
    let mut again = client.events_after(USER_EVENTS, &cursor).await;
    assert_eq!(again.expect("hello").await.data["cursor"], cursor.as_str());
    assert_eq!(again.expect("session.created").await.session(), session);
}

#[tokio::test]
async fn twenty_streams_of_one_user_carry_the_same_events() {
    let app = TestApp::builder().apis(2).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let mut followers = Vec::new();
    for number in 0..20 {
        followers.push(Follower::start(&app.client_of(number % 2)).await);
    }

    client.ask(&session, "/echo to all").await;

    for follower in &followers {
        follower.settle(&client).await;
    }
    // In a stream that started later, the first events may carry newer objects, but the IDs and types are the same in
    // all streams.
    let durable = |follower: &Follower| -> Vec<_> {
        follower.events().into_iter().filter(Event::is_durable).map(|event| (event.id, event.kind)).collect()
    };
    assert!(followers.iter().all(|follower| durable(follower) == durable(&followers[0])));
}
