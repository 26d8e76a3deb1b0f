//! Tickets, which let a client open a stream if it can send neither a key nor a cookie.

use std::time::Duration;

use banter_tests::{app::TestApp, client::Client, sse::USER_EVENTS};
use serde_json::json;

/// Time limit for closing a revoked key's streams, which takes at most 5 s; the rest is headroom for a busy machine.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

async fn app_with_keys() -> TestApp {
    TestApp::builder().apis(2).workers(0).env("AUTH", "required").start().await
}

async fn ticket(client: &Client) -> String {
    let reply = client.post_nothing("/v1/auth/sse-token").await.ok(201);
    assert!(reply["expires_at"].is_string(), "{reply}");
    reply["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_opens_the_users_streams_on_any_api_more_than_once() {
    let app = app_with_keys().await;
    for role in ["member", "viewer"] {
        let owner = app.client_for("ann", role).await;
        let session = app.client_for("ann", "member").await.create_session("demo").await;
        let token = ticket(&owner).await;
        let [here, there] = [0, 1].map(|index| app.client_of(index));

        for path in [USER_EVENTS.to_owned(), format!("/v1/chat/{session}/events")] {
            for client in [&here, &here, &there] {
                let mut stream = client.events(&format!("{path}?token={token}")).await;
                let hello = stream.expect("hello").await;
                let mut again = client
                    .events(&format!("{path}?token={token}&after={}", hello.data["cursor"].as_str().unwrap()))
                    .await;
                again.expect("hello").await;
            }
        }
    }
}

#[tokio::test]
async fn a_ticket_grants_nothing_else() {
    let app = app_with_keys().await;
    let (ann, bob) = (app.client_for("ann", "member").await, app.client_for("bob", "member").await);
    let theirs = bob.create_session("demo").await;
    let token = ticket(&ann).await;
    let anonymous = app.client();

    for path in ["/v1/chat", "/v1/auth/me", "/v1/agents"] {
        anonymous.get(&format!("{path}?token={token}")).await.problem_code(401, "unauthorized");
    }
    anonymous.get(&format!("/v1/chat/{theirs}/events?token={token}")).await.problem(404);
    anonymous.with_key(&token).get("/v1/auth/me").await.problem_code(401, "unauthorized");
    anonymous.with_cookie(&format!("banter_session={token}")).get("/v1/auth/me").await.problem(401);
    for wrong in ["", "nonsense", &token[1..]] {
        anonymous.get(&format!("/v1/events?token={wrong}")).await.problem_code(401, "unauthorized");
    }
    anonymous.post_nothing("/v1/auth/sse-token").await.problem_code(401, "unauthorized");
}

#[tokio::test]
async fn a_ticket_stream_carries_only_its_users_events_and_ends_with_the_key() {
    let app = app_with_keys().await;
    let (ann, bob) = (app.client_for("ann", "member").await, app.client_for("bob", "member").await);
    let token = ticket(&ann).await;
    let mut stream = app.client_of(1).events(&format!("{USER_EVENTS}?token={token}")).await;
    stream.expect("hello").await;

    bob.create_session("demo").await;
    let mine = ann.create_session("demo").await;

    assert_eq!(stream.expect("session.created").await.data["session"]["id"], mine.as_str());
    let listed = String::from_utf8(app.run_api(&["keys", "list"]).await.stdout).unwrap();
    let id = listed
        .lines()
        .find(|line| line.split_whitespace().any(|word| word == "ann"))
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    assert!(app.run_api(&["keys", "revoke", id]).await.status.success());
    stream.read_to_end(CLOSED_WITHIN).await;
    app.client().get(&format!("/v1/events?token={token}")).await.problem_code(401, "unauthorized");
}

#[tokio::test]
async fn a_ticket_ends_with_its_login() {
    let app = app_with_keys().await;
    let key = app.create_key("default", "ann", "member").await;
    let reply = app.client().post("/v1/auth/session", &json!({"api_key": key})).await;
    let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let browser = app.client().with_cookie(&cookie);
    let token = ticket(&browser).await;
    let mut stream = app.client().events(&format!("{USER_EVENTS}?token={token}")).await;

    assert_eq!(browser.delete("/v1/auth/session").await.status, 204);

    app.client().get(&format!("/v1/events?token={token}")).await.problem_code(401, "unauthorized");
    stream.read_to_end(CLOSED_WITHIN).await;
}

#[tokio::test]
async fn a_keyless_ticket_is_invalid_once_a_key_exists() {
    let app = TestApp::builder().workers(0).start().await;
    let token = ticket(&app.client()).await;
    let mut stream = app.client().events(&format!("{USER_EVENTS}?token={token}")).await;
    stream.expect("hello").await;

    app.create_key("default", "ann", "admin").await;

    stream.read_to_end(CLOSED_WITHIN).await;
    app.client().get(&format!("/v1/events?token={token}")).await.problem_code(401, "unauthorized");
}
