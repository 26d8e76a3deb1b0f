//! Access control: calls every operation as an anonymous user, as another user, and as a viewer, and on objects that do
//! not exist.

use banter_tests::{
    app::TestApp,
    chat::unknown_id,
    client::Client,
    permission_request::ask_permission,
    sse::{USER_EVENTS, session_events},
};
use serde_json::json;

use super::table::{Access, Complaints, OPERATIONS, Target};

/// Starts an installation that requires a key and has no worker. Without a worker, tasks stay queued.
async fn app_with_keys() -> TestApp {
    TestApp::builder().workers(0).env("AUTH", "required").start().await
}

#[tokio::test]
async fn requires_a_key_for_everything_but_public_operations() {
    let app = app_with_keys().await;
    let owner = app.client_for("ann", "member").await;
    let strangers =
        [owner.without_key(), owner.with_key("bnt_0000000000000000000000000000000000000000"), owner.with_key("x")];
    let mut complaints = Complaints::default();

    for operation in OPERATIONS {
        let target = operation.prepare(&app, &owner).await;
        for stranger in &strangers {
            let reply = operation.send(stranger, &target, "", None).await;
            if operation.access == Access::Public {
                complaints.expect_status(&operation.name(), &reply, operation.status);
            } else {
                complaints.expect_problem(&operation.name(), &reply, 401);
            }
        }
    }

    complaints.report();
}

#[tokio::test]
async fn rejects_a_malformed_authorization_header() {
    let app = app_with_keys().await;
    let key = app.create_key("default", "ann", "member").await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for value in [
        key.clone(),
        format!("Basic {key}"),
        "Bearer".into(),
        "Bearer ".into(),
        format!("Bearer {key}x"),
        format!("Bearer {}", key.to_uppercase()),
    ] {
        let reply = client.call(client.request("GET", "/v1/auth/me").header("Authorization", &value)).await;
        complaints.expect_problem(&value, &reply, 401);
    }

    complaints.report();
}

#[tokio::test]
async fn returns_404_for_another_users_session_in_every_role() {
    let app = app_with_keys().await;
    let owner = app.client_for("ann", "member").await;
    let in_other_workspace = owner.with_key(&app.create_key("elsewhere", "ann", "admin").await);
    let others = [
        app.client_for("bob", "member").await,
        app.client_for("root", "admin").await,
        app.client_for("eve", "viewer").await,
        in_other_workspace,
    ];
    let mut complaints = Complaints::default();

    for operation in OPERATIONS.iter().filter(|operation| operation.has_owner()) {
        let target = operation.prepare(&app, &owner).await;
        let before = owner.chat(&target.session).await;
        for other in &others {
            let reply = operation.send(other, &target, "", None).await;
            complaints.expect_problem(&operation.name(), &reply, 404);
            // Ownership is checked before the request is validated.
            let reply = operation.send(other, &target, "", Some(&json!({"no": "such"}))).await;
            complaints.expect_problem(&format!("{} with a bad body", operation.name()), &reply, 404);
        }
        if owner.chat(&target.session).await != before {
            complaints.add(format!("{} changed another user's session", operation.name()));
        }
    }

    complaints.report();
}

#[tokio::test]
async fn lists_only_the_users_own_sessions() {
    let app = app_with_keys().await;
    let (ann, bob) = (app.client_for("ann", "member").await, app.client_for("bob", "admin").await);
    let mine = ann.create_session("demo").await;
    bob.create_session("demo").await;

    let listed = ann.list_all("status=all").await;

    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], mine.as_str());
    assert_eq!(listed[0]["creator_id"], "ann");
    assert_eq!(listed[0]["workspace_id"], "default");
}

#[tokio::test]
async fn returns_404_for_an_unknown_id() {
    let app = app_with_keys().await;
    let owner = app.client_for("ann", "member").await;
    let elsewhere = owner.create_session("demo").await;
    let sent_elsewhere = owner.send(&elsewhere, "Elsewhere").await;
    let asked_elsewhere = ask_permission(&app.database(), &sent_elsewhere.task_id).await;
    let strange = ["not-a-uuid", "0", "-1", "00000000-0000-0000-0000-000000000000", "%00", "%F0%9F%98%80", "a%2Fb"];
    let mut complaints = Complaints::default();

    for operation in OPERATIONS.iter().filter(|operation| operation.has_owner()) {
        let good = operation.prepare(&app, &owner).await;
        let mut targets = Vec::new();
        for id in strange.iter().map(|id| (*id).to_owned()).chain([unknown_id()]) {
            targets.push(Target { session: id.clone(), ..good.clone() });
            targets.push(Target { message: id.clone(), ..good.clone() });
            targets.push(Target { task: id.clone(), ..good.clone() });
            targets.push(Target { permission: id.clone(), ..good.clone() });
            targets.push(Target { attachment: id, ..good.clone() });
        }
        targets.push(Target { message: sent_elsewhere.message_id.clone(), ..good.clone() });
        targets.push(Target { task: sent_elsewhere.task_id.clone(), ..good.clone() });
        targets.push(Target { permission: asked_elsewhere.clone(), ..good.clone() });
        for target in targets {
            let path = operation.path_for(&target);
            if path != operation.path_for(&good) {
                let reply = operation.send(&owner, &target, "", None).await;
                complaints.expect_problem(&format!("{} {path}", operation.method), &reply, 404);
            }
        }
    }

    complaints.report();
}

#[tokio::test]
async fn a_viewer_can_read_and_gets_403_for_every_change() {
    let app = app_with_keys().await;
    let owner = app.client_for("ann", "member").await;
    let viewer = app.client_for("ann", "viewer").await;
    let mut complaints = Complaints::default();

    for operation in OPERATIONS {
        let target = operation.prepare(&app, &owner).await;
        let before = owner.chat(&target.session).await;
        let reply = operation.send(&viewer, &target, "", None).await;
        match operation.access {
            Access::Public | Access::Read => complaints.expect_status(&operation.name(), &reply, operation.status),
            Access::Change => {
                complaints.expect_problem(&operation.name(), &reply, 403);
                // The role is checked before the body and the state.
                let reply = operation.send(&viewer, &target, "", Some(&json!({"no": "such"}))).await;
                complaints.expect_problem(&format!("{} with a bad body", operation.name()), &reply, 403);
                if owner.chat(&target.session).await != before {
                    complaints.add(format!("{} by a viewer changed something", operation.name()));
                }
            }
        }
    }

    complaints.report();
}

#[tokio::test]
async fn a_viewer_gets_404_before_403_for_another_users_objects() {
    let app = app_with_keys().await;
    let viewer = app.client_for("ann", "viewer").await;
    let mut complaints = Complaints::default();

    for operation in OPERATIONS.iter().filter(|operation| operation.has_owner()) {
        let target = Target {
            session: unknown_id(),
            message: unknown_id(),
            task: unknown_id(),
            permission: unknown_id(),
            attachment: unknown_id(),
        };
        let reply = operation.send(&viewer, &target, "", None).await;
        complaints.expect_problem(&operation.name(), &reply, 404);
    }

    complaints.report();
}

#[tokio::test]
async fn a_stream_carries_only_the_users_own_events() {
    let app = TestApp::builder().env("AUTH", "required").start().await;
    let (ann, bob) = (app.client_for("ann", "member").await, app.client_for("bob", "admin").await);
    let mine = ann.create_session("demo").await;
    let mut stream = bob.events(USER_EVENTS).await;
    stream.expect("hello").await;

    ann.ask(&mine, "/echo a secret").await;
    let own = bob.create_session("demo").await;

    let events = stream.read_until("bob's own session", |event| event.kind == "session.created").await;
    assert!(events.iter().all(|event| event.session() == own || event.session().is_empty()), "{events:#?}");
}

#[tokio::test]
async fn me_returns_the_current_user() {
    let app = app_with_keys().await;
    let client: Client = app.client().with_key(&app.create_key("sales", "ann", "viewer").await);

    let me = client.get("/v1/auth/me").await.ok(200);

    assert_eq!(me, json!({"user_id": "ann", "workspace_id": "sales", "role": "viewer"}));
}

#[tokio::test]
async fn a_member_can_read_the_session_stream_that_a_viewer_key_can_read() {
    let app = app_with_keys().await;
    let owner = app.client_for("ann", "member").await;
    let viewer = app.client_for("ann", "viewer").await;
    let session = owner.create_session("demo").await;
    let mut stream = viewer.events(&session_events(&session)).await;
    stream.expect("hello").await;

    let sent = owner.send(&session, "Hello").await;

    let event = stream.expect("message.created").await;
    assert_eq!(event.data["message"]["id"], sent.message_id.as_str());
}
