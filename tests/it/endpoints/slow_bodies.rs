//! Bodies that do not arrive in time.

use std::time::{Duration, Instant};

use banter_tests::{
    app::TestApp,
    raw_connection::{RawConnection, post_head},
};
use futures::future::join_all;

use super::table::{OPERATIONS, Operation};

/// The time limit for a body.
const BODY_LIMIT: Duration = Duration::from_secs(10);
/// The paths to which files are uploaded, and the time limit for each piece of a file.
const UPLOADS: [&str; 2] = ["/v1/attachments", "/v1/import"];
const UPLOAD_IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Headroom for a busy machine.
const SLACK: Duration = Duration::from_secs(10);

/// Sends an operation's request head, and then its body at one byte per second. Expects a 408 response.
async fn expect_408(address: &str, operation: &Operation, path: &str) -> Result<(), String> {
    let head = post_head(path, 64).replacen("POST", operation.method, 1);
    let begun = Instant::now();
    let mut connection = RawConnection::with(address, &format!("{head}{{")).await;
    let deadline = begun + BODY_LIMIT + SLACK;
    let reply = loop {
        if let Some(reply) = connection.read_to_close(Duration::from_secs(1)).await {
            break reply;
        }
        if Instant::now() > deadline {
            return Err(format!("{}: still open after {:?}", operation.name(), begun.elapsed()));
        }
        connection.send(" ").await;
    };
    let is_problem = ["\"request_timeout\"", "application/problem+json", "connection: close", "x-request-id"]
        .iter()
        .all(|part| reply.text.contains(part));
    if reply.status() != Some(408) || !is_problem || begun.elapsed() < BODY_LIMIT / 2 {
        return Err(format!("{} after {:?}: {}", operation.name(), begun.elapsed(), reply.text));
    }
    Ok(())
}

#[tokio::test]
async fn returns_408_for_a_body_that_does_not_arrive() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let mut targets = Vec::new();
    let is_short = |operation: &&Operation| operation.method != "GET" && !UPLOADS.contains(&operation.path);
    for operation in OPERATIONS.iter().filter(is_short) {
        let path = operation.path_for(&operation.prepare(&app, &client).await);
        targets.push((operation, path));
    }

    let sent = targets.iter().map(|(operation, path)| expect_408(client.address(), operation, path));
    let complaints: Vec<String> = join_all(sent).await.into_iter().filter_map(Result::err).collect();

    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn an_upload_may_be_slow_but_must_not_stall() {
    let app = TestApp::builder().workers(0).start().await;
    let head = post_head(UPLOADS[0], 64).replace("application/json", "text/plain");
    let begun = Instant::now();
    let mut connection = RawConnection::with(app.client().address(), &head).await;
    while begun.elapsed() < BODY_LIMIT + Duration::from_secs(2) {
        assert!(connection.read_to_close(Duration::from_secs(1)).await.is_none(), "the api has answered too early");
        connection.send(" ").await;
    }
    let stalled = Instant::now();

    let reply = connection.read_to_close(UPLOAD_IDLE_LIMIT + SLACK).await.expect("the upload is still open");

    assert_eq!(reply.status(), Some(408), "{}", reply.text);
    assert!(stalled.elapsed() > UPLOAD_IDLE_LIMIT / 2);
}

#[tokio::test]
async fn a_response_before_the_end_of_the_body_closes_the_connection() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let client = app.client();
    let unauthorized = post_head("/v1/chat", 100);
    let unknown = post_head("/v1/no/such/route", 100);
    let too_large = post_head("/v1/auth/session", 100_000_000);
    let with_get = unauthorized.replacen("POST", "GET", 1);

    let cases = [(unauthorized, 401), (unknown, 404), (too_large, 413), (with_get, 401)];
    let replies = join_all(
        cases
            .iter()
            .map(async |(head, _)| RawConnection::with(client.address(), head).await.read_to_close(BODY_LIMIT).await),
    )
    .await;

    for ((head, status), reply) in cases.iter().zip(replies) {
        let reply = reply.unwrap_or_else(|| panic!("still open: {head}"));
        assert_eq!(reply.status(), Some(*status), "{head}{}", reply.text);
    }
}
