//! Archiving, restoring, and permanently deleting sessions.

use banter_tests::{app::TestApp, chat::Sent, fake_openai::Answer, follower::Follower, wait::eventually};
use serde_json::{Value, json};

use crate::support::{Scripted, pairs};

#[tokio::test]
async fn archiving_lets_the_running_turn_end_and_cancels_queued_ones() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, running, gate) = scripted.held("first").await;
    let queued = client.send(&session, "second").await;

    client.archive(&session).await.ok(204);

    let cancelled = client.wait_for_status(&session, &queued.task_id, "cancelled").await;
    assert_eq!(cancelled["error"]["code"], "session_archived");
    assert_eq!(client.task(&session, &running).await["status"], "running");
    gate.send("ended as usual").await;
    gate.finish().await;
    client.wait_for_status(&session, &running, "succeeded").await;
    let chat = client.chat(&session).await;
    assert_eq!(chat["session"]["status"], "archived");
    assert_eq!(chat["session"]["unread_count"], 0, "0 while archived");
    assert_eq!(
        client.transcript(&session).await,
        pairs(&[("user", "first"), ("assistant", "ended as usual"), ("user", "second")])
    );
    follower.settle(client).await;
}

#[tokio::test]
async fn restoring_revives_no_queued_turn_and_accepts_new_messages() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    let old = client.send(&session, "/echo old").await;
    client.archive(&session).await.ok(204);

    let restored = client.patch(&format!("/v1/chat/{session}"), &json!({"status": "active"})).await.ok(200);

    assert_eq!(restored["status"], "active");
    app.add_worker();
    client.ask(&session, "/echo new").await;
    assert_eq!(client.task(&session, &old.task_id).await["status"], "cancelled");
    assert_eq!(
        client.transcript(&session).await,
        pairs(&[("user", "/echo old"), ("user", "/echo new"), ("assistant", "new")])
    );
    follower.settle(&client).await;
}

#[tokio::test]
async fn archiving_is_idempotent_and_moves_the_session_to_the_other_list() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;

    for _ in 0..3 {
        client.archive(&session).await.ok(204);
    }

    assert_eq!(client.list_all("").await, Vec::<Value>::new());
    assert_eq!(client.list_all("status=active").await, Vec::<Value>::new());
    assert_eq!(client.list_all("status=archived").await.len(), 1);
    assert_eq!(client.list_all("status=all").await.len(), 1);
    follower.settle(&client).await;
}

#[tokio::test]
async fn a_patch_can_archive() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let queued = client.send(&session, "Hello").await;

    let archived = client.patch(&format!("/v1/chat/{session}"), &json!({"status": "archived"})).await.ok(200);

    assert_eq!(archived["status"], "archived");
    assert_eq!(archived["queued_count"], 0);
    assert_eq!(client.task(&session, &queued.task_id).await["error"]["code"], "session_archived");
}

#[tokio::test]
async fn permanent_deletion_stops_and_removes_everything() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, task, gate) = scripted.held("first").await;
    let queued = client.send(&session, "second").await;
    gate.send("some text").await;
    follower.wait_for_draft(&task, "some text").await;

    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok(204);

    for path in ["", "/messages", "/events", &format!("/tasks/{task}"), &format!("/tasks/{}", queued.task_id)] {
        client.get(&format!("/v1/chat/{session}{path}")).await.problem(404);
    }
    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.problem(404);
    client.archive(&session).await.problem(404);
    assert_eq!(client.list_all("status=all").await, Vec::<Value>::new());
    gate.hung_up().await;
    follower.wait_for("session.deleted", |event| event.kind == "session.deleted" && event.session() == session).await;
    let other = scripted.session().await;
    assert_eq!(client.ask(&other, "still there?").await["reply"]["content"], "You said: still there?");
    follower.settle(client).await;
    assert_eq!(scripted.model.prompts(), ["first", "still there?"]);
}

#[tokio::test]
async fn an_archived_session_can_be_deleted_permanently() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo hi").await;
    client.archive(&session).await.ok(204);

    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok(204);

    assert_eq!(client.list_all("status=all").await, Vec::<Value>::new());
    follower.settle(&client).await;
}

#[tokio::test]
async fn a_delete_that_is_not_permanent_archives() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let reply = client.post_message(&session, "", &json!({"content": "Hello"})).await;
    let sent = Sent::from_body(&reply.ok(202));

    client.delete(&format!("/v1/chat/{session}?permanent=false")).await.ok(204);

    assert_eq!(client.messages(&session).await[0]["id"], sent.message_id.as_str());
}

#[tokio::test]
async fn archiving_between_two_attempts_keeps_the_partial_text() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let session = scripted.session().await;
    scripted.model.script("go", [Answer::cut_after("some text"), Answer::rate_limited(25)]);
    let sent = client.send(&session, "go").await;
    let later = client.send(&session, "later").await;
    eventually("the wait for the third attempt", async || {
        let task = client.task(&session, &sent.task_id).await;
        (task["status"] == "queued" && task["failures"] == 2).then_some(())
    })
    .await;

    client.archive(&session).await.ok(204);

    let kept = client.answer_of(&session, &sent.task_id).await.unwrap();
    assert_eq!(json!([kept["content"], kept["finish_reason"]]), json!(["some text", "cancelled"]));
    for task in [&sent.task_id, &later.task_id] {
        assert_eq!(client.wait_for_status(&session, task, "cancelled").await["error"]["code"], "session_archived");
    }
    scripted.app.check().await;
    client.patch(&format!("/v1/chat/{session}"), &json!({"status": "active"})).await.ok(200);
    assert_eq!(client.ask(&session, "next").await["task"]["status"], "succeeded");
    follower.settle(client).await;
}
