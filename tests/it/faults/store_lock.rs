//! Another process holds the store's write lock.

use std::time::Duration;

use banter_tests::{
    chat::{Sent, fresh_key},
    client::complained_fields,
    database::StoreLock,
    follower::Follower,
    wait::{PATIENCE, within},
};
use serde_json::json;

use crate::support::Scripted;

async fn lock(scripted: &Scripted) -> StoreLock {
    StoreLock::take(&scripted.app.database(), PATIENCE).await.expect("the write lock")
}

#[tokio::test]
async fn a_locked_store_returns_503_stores_nothing_and_allows_the_key_again() {
    let scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let session = scripted.session().await;
    let (body, key) = (json!({"content": "hello"}), fresh_key());
    let held = lock(&scripted).await;

    let refused = client.post_message_keyed(&session, "", &body, &key).await;

    refused.problem_code(503, "store_busy");
    assert_eq!(client.messages(&session).await.len(), 0, "reads still succeed");
    held.release().await;
    let sent = Sent::from_body(&client.post_message_keyed(&session, "", &body, &key).await.ok(202));
    client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    assert_eq!(client.messages(&session).await.len(), 2);
    follower.settle(client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_request_that_waits_for_the_store_completes_after_its_client_has_disconnected() {
    let scripted = Scripted::start().await;
    let client = scripted.client.clone();
    let session = scripted.session().await;
    let held = lock(&scripted).await;
    let request = client.request("POST", &format!("/v1/chat/{session}/messages"));
    let request = request.header("Idempotency-Key", "gone").json(&json!({"content": "hello"}));

    let sending = tokio::spawn(request.send());
    tokio::time::sleep(Duration::from_millis(500)).await;
    sending.abort();
    let _ = sending.await;
    held.release().await;

    scripted.model.wait_for_request("hello").await;
    client.wait_until_idle(&session).await;
    assert_eq!(client.messages(&session).await.len(), 2);
    scripted.app.check().await;
}

#[tokio::test]
async fn a_short_lock_only_delays_requests() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;
    let held = lock(&scripted).await;

    let (sent, ()) = tokio::join!(scripted.client.send(&session, "hello"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        held.release().await;
    });

    scripted.client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_long_lock_during_a_turn_loses_nothing() {
    let scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "2").workers(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("before ").await;
    follower.wait_for_draft(&task, "before ").await;
    scripted.model.script("go", [banter_tests::fake_openai::Answer::text("whole")]);
    let held = lock(&scripted).await;

    gate.send("during").await;
    gate.finish().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    held.release().await;

    let ended = within(Duration::from_mins(1), "the end", async || {
        Some(client.task(&session, &task).await).filter(banter_tests::chat::has_ended)
    })
    .await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    let answer = client.answer_of(&session, &task).await.unwrap()["content"].clone();
    assert!(answer == "before during" || answer == "whole", "{answer}");
    follower.settle(client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn an_api_that_cannot_acquire_the_write_lock_is_not_ready() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let held = lock(&scripted).await;

    let refused = client.get("/readyz").await;

    let problem = refused.problem_code(503, "not_ready");
    assert_eq!(complained_fields(&problem), ["store"]);
    held.release().await;
    client.get("/readyz").await.ok(200);
}
