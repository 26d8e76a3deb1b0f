//! Clients that send incomplete requests, hold connections open, or never read. Other clients are still served, and
//! shutdown is quick.

use std::time::{Duration, Instant};

use banter_tests::{
    app::{STOP_LIMIT, TestApp, address_of},
    client::Client,
    database::StoreLock,
    process::{Process, Signal},
    process_table,
    raw_connection::{RawConnection, post_head},
    sse::USER_EVENTS,
    wait::{PATIENCE, eventually},
};
use serde_json::json;

/// A grace period, in seconds, that is longer than any shutdown in these tests may take, so that no process exits
/// merely because the grace period has run out.
const LONG_GRACE: &str = "300";
/// How much the memory use of an api may rise above that of an idle one, in bytes. Memory for responses is limited to
/// 72 MiB. Connections and the allocator need another 45 MiB or so, and more on machines with many cores. The responses
/// that the clients request are several GiB long.
const MEMORY_LIMIT: usize = 250 * 1024 * 1024;

/// Starts an api with this limit on open files. Returns the process and a client.
async fn limited(app: &TestApp, files: u32, variables: &[(&str, &str)]) -> (Process, Client) {
    let mut api = app.spawn_api_after(&format!("ulimit -n {files} && exec"), variables);
    let address = address_of(&mut api, Instant::now() + Duration::from_mins(1)).await;
    (api, Client::new(&address))
}

/// Waits until the client is served, which may require another connection to be closed first.
async fn is_served(client: &Client) {
    eventually("the api to serve a regular client", async || {
        let client = client.at(client.address());
        let reply = client.try_call(client.request("GET", "/v1/auth/me")).await.ok()?;
        (reply.status == 200).then_some(())
    })
    .await;
}

async fn many(count: usize, address: &str, text: &str) -> Vec<RawConnection> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(RawConnection::with(address, text).await);
    }
    connections
}

/// Returns the value of an api's metric, or 0 if the metric does not exist yet.
async fn metric(client: &Client, name: &str) -> u64 {
    let text = client.get("/metrics").await.text();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn incomplete_requests_beyond_the_open_file_limit_block_no_client() {
    let app = TestApp::builder().apis(0).workers(0).start().await;
    let (mut api, client) = limited(&app, 256, &[("SHUTDOWN_GRACE_SECONDS", LONG_GRACE)]).await;

    let heads = many(150, client.address(), "POST /v1/auth/session HTTP/1.1\r\nHost: loc").await;
    let bodies = many(300, client.address(), &(post_head("/v1/auth/session", 100) + "{")).await;

    is_served(&client).await;
    let log = api.stderr();
    assert!(log.matches("refused connections").count() <= 2, "logged at most once a minute: {log}");
    api.stop(STOP_LIMIT).await;
    drop((heads, bodies));
}

#[tokio::test]
async fn refuses_a_connection_over_the_process_limit_at_once() {
    let mut app = TestApp::builder().workers(0).env("MAX_CONNECTIONS", "20").start().await;
    let client = app.client();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = client.at(client.address()).events(USER_EVENTS).await;
        stream.expect("hello").await;
        streams.push(stream);
    }

    for _ in 0..5 {
        let refused = RawConnection::open(client.address()).await.read_to_close(PATIENCE).await;
        let refused = refused.expect("the connection is closed");

        assert!(matches!(refused.status(), None | Some(503)), "{}", refused.text);
        if refused.status() == Some(503) {
            for part in ["application/problem+json", "retry-after: 1", "x-request-id: ", "\"overloaded\""] {
                assert!(refused.text.contains(part), "{part}: {}", refused.text);
            }
        }
    }

    let log = app.api(0).process.stderr();
    assert_eq!(log.matches("refused connections").count(), 1, "logged once: {log}");
    streams.truncate(10);
    let name = "banter_refused_connections_total{limit=\"process\"}";
    eventually("the refused connections to be counted", async || {
        let client = client.at(client.address());
        let reply =
            client.try_call(client.request("GET", "/metrics")).await.ok().filter(|reply| reply.status == 200)?;
        reply
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .filter(|count: &u64| *count >= 5)
    })
    .await;
}

#[tokio::test]
async fn closes_silent_connections_to_make_room() {
    let app = TestApp::builder().workers(0).env("MAX_CONNECTIONS", "20").start().await;

    let open = many(20, app.client().address(), "").await;

    is_served(&app.client()).await;
    eventually("a silent connection to be closed", async || open.iter().any(RawConnection::is_closed).then_some(()))
        .await;
}

#[tokio::test]
async fn limits_the_connections_per_address() {
    let app = TestApp::builder().workers(0).env("MAX_CONNECTIONS_PER_ADDRESS", "5").start().await;
    let client = app.client();
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(RawConnection::open_from("127.0.0.2", client.address()).await);
    }

    let sixth = RawConnection::open_from("127.0.0.2", client.address()).await.read_to_close(PATIENCE).await;

    assert!(matches!(sixth.expect("the connection is closed").status(), None | Some(503)));
    is_served(&client).await;
    assert_eq!(metric(&client, "banter_refused_connections_total{limit=\"address\"}").await, 1);
    open.pop();
    eventually("a free slot", async || {
        let mut again = RawConnection::open_from("127.0.0.2", client.address()).await;
        again.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        (again.read_to_close(PATIENCE).await?.status() == Some(200)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn does_not_limit_loopback_unless_configured() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    let _open = many(300, client.address(), "GET / HT").await;

    eventually("all connections are open", async || {
        (metric(&client, "banter_open_connections").await > 300).then_some(())
    })
    .await;
}

#[tokio::test]
async fn lowers_a_limit_above_the_open_files_with_a_warning() {
    let app = TestApp::builder().apis(0).workers(0).start().await;

    let (mut api, client) = limited(&app, 100, &[("MAX_CONNECTIONS", "5000")]).await;

    client.get("/healthz").await.ok(200);
    assert!(api.stderr().contains("MAX_CONNECTIONS=5000"), "{}", api.stderr());
    api.stop(STOP_LIMIT).await;
}

#[tokio::test]
async fn raises_the_limit_on_open_files_as_far_as_allowed() {
    let app = TestApp::builder().apis(0).workers(0).start().await;
    let mut api = app.spawn_api_after("ulimit -Sn 128 && exec", &[]);
    address_of(&mut api, Instant::now() + Duration::from_mins(1)).await;

    let limit = process_table::find(api.pid()).unwrap().limits().unwrap().max_open_files;

    let [soft, hard] = [limit.soft_limit, limit.hard_limit].map(|limit| format!("{limit:?}"));
    assert_eq!(soft, hard);
    assert!(!soft.contains("128"), "{soft}");
}

/// Creates a session with 15 MiB of messages, more than seven times a page's size limit.
async fn long_session(client: &Client) -> String {
    let session = client.create_session("demo").await;
    let content = "x".repeat(256 * 1024);
    for _ in 0..60 {
        client.post_message(&session, "", &json!({"content": content})).await.ok_status(202);
    }
    session
}

#[tokio::test]
async fn clients_that_never_read_pages_use_little_memory() {
    let mut app = TestApp::builder().workers(0).env("SHUTDOWN_GRACE_SECONDS", LONG_GRACE).start().await;
    let client = app.client();
    is_served(&client).await;
    let idle = app.api(0).process.peak_memory();
    let session = long_session(&client).await;
    let path = format!("/v1/chat/{session}");
    let requests = ["?", "/messages?", "/messages?after_turn=0&", "/messages?before_turn=50&"]
        .map(|end| format!("GET {path}{end}limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .concat();

    let open = many(60, client.address(), &requests.repeat(13)).await;

    is_served(&client).await;
    for _ in 0..20 {
        let path = format!("/v1/chat/{session}/messages?limit=200");
        // While responses to other clients fill the memory that is reserved for them, the request is repeated.
        let page = eventually("a page is sent", async || {
            let reply = client.patient().get(&path).await;
            (reply.status != 503).then(|| reply.ok(200))
        });
        assert_eq!(page.await["has_more"], true);
    }
    let taken = app.api(0).process.peak_memory() - idle;
    assert!(taken < MEMORY_LIMIT, "the api has taken {} MiB more than when it was idle", taken / 1024 / 1024);
    app.api(0).process.stop(STOP_LIMIT).await;
    drop(open);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_silent_clients() {
    let mut app = TestApp::builder().workers(0).env("SHUTDOWN_GRACE_SECONDS", LONG_GRACE).start().await;
    let client = app.client();
    let session = long_session(&client).await;
    let page = format!("GET /v1/chat/{session}?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let stream = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for text in ["", "POST /v1/ch", &(post_head("/v1/chat", 100) + "{"), &page, stream] {
        open.extend(many(10, client.address(), text).await);
    }
    is_served(&client).await;

    app.api(0).process.stop(STOP_LIMIT).await;

    drop(open);
}

#[tokio::test]
async fn shutdown_completes_requests_that_have_arrived() {
    let mut app = TestApp::builder().workers(0).env("SHUTDOWN_GRACE_SECONDS", LONG_GRACE).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let lock = StoreLock::take(&app.database(), PATIENCE).await.unwrap();
    let sender = client.clone();
    let (path, body) = (format!("/v1/chat/{session}/messages"), json!({"content": "Hello"}));
    let sent = tokio::spawn(async move { sender.post(&path, &body).await });
    eventually("the request has arrived", async || {
        (metric(&client, "banter_open_connections").await >= 2).then_some(())
    })
    .await;
    let others = many(5, client.address(), "GET /v1/chat HT").await;

    app.api(0).process.signal(Signal::Terminate);
    // Silent clients are disconnected, but the request still completes.
    eventually("the silent clients are disconnected", async || {
        others.iter().all(RawConnection::is_closed).then_some(())
    })
    .await;
    lock.release().await;

    let reply = sent.await.unwrap();
    assert!(reply.status == 202 || reply.problem(503)["code"] == "store_busy", "{}", reply.text());
    assert!(app.api(0).process.wait_for_exit(STOP_LIMIT).await.success());
}
