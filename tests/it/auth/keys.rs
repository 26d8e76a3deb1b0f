//! Creating, listing, and revoking keys.

use std::time::{Duration, Instant};

use banter_tests::{
    app::TestApp,
    chat::unknown_id,
    sse::{USER_EVENTS, session_events},
    wait::within,
};
use serde_json::json;

/// Time limit for closing a revoked key's streams, which takes at most 5 s; the rest is headroom for a busy machine.
const CLOSED_WITHIN: Duration = Duration::from_secs(8);

async fn list(app: &TestApp) -> Vec<Vec<String>> {
    let output = app.run_api(&["keys", "list"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("bnt_"), "the key is not printed again: {text}");
    text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

async fn revoke(app: &TestApp, id: &str) {
    let output = app.run_api(&["keys", "revoke", id]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn requires_a_key_once_one_has_been_created_even_if_it_is_revoked() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    client.create_session("demo").await;

    let key = app.create_key("default", "ann", "admin").await;
    within(CLOSED_WITHIN, "a key is required", async || (client.get("/v1/chat").await.status == 401).then_some(()))
        .await;
    client.with_key(&key).get("/v1/auth/me").await.ok(200);
    let id = list(&app).await[0][0].clone();
    revoke(&app, &id).await;

    within(CLOSED_WITHIN, "the key is rejected", async || {
        (client.with_key(&key).get("/v1/chat").await.status == 401).then_some(())
    })
    .await;
    client.get("/v1/chat").await.problem(401);
    app.restart_api(0).await;
    app.client().get("/v1/chat").await.problem(401);
}

#[tokio::test]
async fn starts_without_keys_when_auth_is_required_and_accepts_a_new_key_at_once() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let client = app.client();
    client.get("/v1/auth/me").await.problem(401);

    let key = app.create_key("default", "ann", "member").await;

    let me = client.with_key(&key).get("/v1/auth/me").await.ok(200);
    assert_eq!(me, json!({"user_id": "ann", "workspace_id": "default", "role": "member"}));
    client.get("/v1/auth/me").await.problem(401);
}

#[tokio::test]
async fn prints_a_key_once_and_lists_it_by_its_id() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let key = app.create_key("sales", "ann", "viewer").await;
    app.create_key("default", "bob", "admin").await;

    let lines = list(&app).await;

    assert!(key.starts_with("bnt_") && key.len() >= 24, "{key}");
    let line = lines.iter().find(|line| line.contains(&"ann".to_owned())).unwrap();
    for word in ["ann", "sales", "viewer"] {
        assert!(line.contains(&word.to_owned()), "{word} in {line:?}");
    }
    assert_eq!(lines.iter().filter(|line| line.iter().any(|word| word == "bob")).count(), 1, "one key per line");
    revoke(&app, &line[0]).await;
    let after = list(&app).await;
    let same = after.iter().find(|other| other[0] == line[0]).unwrap();
    assert_ne!(same, line, "the list shows that the key was revoked");
    app.client().with_key(&key).get("/v1/auth/me").await.problem(401);
}

#[tokio::test]
async fn revoking_a_key_closes_only_its_streams() {
    let app = TestApp::builder().apis(2).workers(0).env("AUTH", "required").start().await;
    let kept = app.client_for("ann", "member").await;
    let id = list(&app).await[0][0].clone();
    let revoked = app.client_for("ann", "member").await;
    let second = list(&app).await.into_iter().map(|line| line[0].clone()).find(|other| *other != id).unwrap();
    let session = kept.create_session("demo").await;
    let mut streams = vec![
        revoked.events(USER_EVENTS).await,
        revoked.events(&session_events(&session)).await,
        revoked.at(app.client_of(1).address()).events(USER_EVENTS).await,
    ];
    let mut other = kept.events(USER_EVENTS).await;
    other.expect("hello").await;

    revoke(&app, &second).await;

    let revoked_at = Instant::now();
    for stream in &mut streams {
        stream.read_to_end(CLOSED_WITHIN.saturating_sub(revoked_at.elapsed())).await;
    }
    revoked.get("/v1/auth/me").await.problem(401);
    kept.patch(&format!("/v1/chat/{session}"), &json!({"title": "still here"})).await.ok(200);
    other.expect("session.updated").await;
}

#[tokio::test]
async fn creating_the_first_key_closes_earlier_streams() {
    let app = TestApp::builder().workers(0).start().await;
    let mut stream = app.client().events(USER_EVENTS).await;
    stream.expect("hello").await;

    app.create_key("default", "ann", "admin").await;

    within(CLOSED_WITHIN, "a key is required", async || {
        (app.client().get("/v1/auth/me").await.status == 401).then_some(())
    })
    .await;
    stream.read_to_end(CLOSED_WITHIN).await;
}

#[tokio::test]
async fn the_same_name_in_two_workspaces_is_two_users() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let here = app.client().with_key(&app.create_key("here", "ann", "admin").await);
    let there = app.client().with_key(&app.create_key("there", "ann", "admin").await);
    let session = here.create_session("demo").await;

    there.get(&format!("/v1/chat/{session}")).await.problem(404);

    assert_eq!(there.list_all("status=all").await.len(), 0);
    assert_eq!(here.chat(&session).await["session"]["workspace_id"], "here");
}

#[tokio::test]
async fn two_keys_of_one_user_have_the_same_access() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let (one, other) = (app.client_for("ann", "member").await, app.client_for("ann", "admin").await);

    let session = one.create_session("demo").await;

    assert_eq!(other.chat(&session).await["session"]["id"], session.as_str());
}

#[tokio::test]
async fn rejects_invalid_arguments_of_key_commands() {
    let app = TestApp::builder().workers(0).start().await;
    let unknown = unknown_id();
    let nonsense: [&[&str]; 6] = [
        &["keys", "create"],
        &["keys", "create", "--user", "ann", "--role", "king"],
        &["keys", "create", "--user", "ann", "--expires-days", "-1"],
        &["keys", "revoke", "nonsense"],
        &["keys", "revoke", &unknown],
        &["keys", "burn"],
    ];

    for arguments in nonsense {
        let output = app.run_api(arguments).await;
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?} prints the reason");
    }

    app.client().get("/v1/auth/me").await.ok(200);
}
