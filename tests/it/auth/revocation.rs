//! A request that waits for an answer returns no answer once its key has been revoked or its login has ended.

use std::time::{Duration, Instant};

use banter_tests::{
    client::{Client, Reply},
    fake_openai::Gate,
};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::Scripted;

/// Time limit for ending a wait after a revocation, which takes a few seconds; the rest is headroom for a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// Returns the IDs of all keys, oldest first.
async fn key_ids(scripted: &Scripted) -> Vec<String> {
    let listed = scripted.app.run_api(&["keys", "list"]).await;
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// Returns a client that acts as a browser signed in with a key.
async fn browser(client: &Client, key: &str) -> Client {
    let reply = client.post("/v1/auth/session", &json!({"api_key": key})).await;
    reply.ok(200);
    client.with_cookie(reply.header("set-cookie").unwrap().split(';').next().unwrap())
}

async fn start() -> Scripted {
    Scripted::start_with("", |builder| builder.env("AUTH", "required")).await
}

/// Sends a message and waits in the background for the answer, which the gate delays.
async fn wait_for_answer(scripted: &Scripted, client: &Client, session: &str) -> (Gate, JoinHandle<Reply>) {
    let mut gate = scripted.model.gate("go");
    let (client, session) = (client.clone(), session.to_owned());
    let waiting =
        tokio::spawn(async move { client.post_message(&session, "?wait=120", &json!({"content": "go"})).await });
    gate.arrived().await;
    (gate, waiting)
}

#[tokio::test]
async fn revoking_the_key_ends_a_wait() {
    let scripted = start().await;
    let ann = scripted.app.client_for("ann", "member").await;
    let session = ann.create_session("scripted").await;
    let (_gate, waiting) = wait_for_answer(&scripted, &ann, &session).await;

    let revoked = scripted.app.run_api(&["keys", "revoke", &key_ids(&scripted).await[0]]).await;
    assert!(revoked.status.success());
    let begun = Instant::now();

    waiting.await.unwrap().problem_code(401, "unauthorized");
    assert!(begun.elapsed() < ENDS_WITHIN, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wait_returns_no_answer_from_after_the_revocation() {
    let scripted = start().await;
    let ann = scripted.app.client_for("ann", "member").await;
    let session = ann.create_session("scripted").await;
    let (gate, waiting) = wait_for_answer(&scripted, &ann, &session).await;

    let revoked = scripted.app.run_api(&["keys", "revoke", &key_ids(&scripted).await[0]]).await;
    assert!(revoked.status.success());
    gate.send("a secret").await;
    gate.finish().await;

    let reply = waiting.await.unwrap();
    reply.problem_code(401, "unauthorized");
    assert!(!reply.text().contains("a secret"));
}

#[tokio::test]
async fn signing_out_ends_a_wait() {
    let scripted = start().await;
    let key = scripted.app.create_key("default", "ann", "member").await;
    let browser = browser(&scripted.client, &key).await;
    let session = browser.create_session("scripted").await;
    let (_gate, waiting) = wait_for_answer(&scripted, &browser, &session).await;

    browser.delete("/v1/auth/session").await.ok(204);

    waiting.await.unwrap().problem_code(401, "unauthorized");
    // The message is kept, and the owner still has access with the key.
    assert_eq!(scripted.client.with_key(&key).messages(&session).await.len(), 1);
}
