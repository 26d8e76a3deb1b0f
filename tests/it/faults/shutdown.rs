//! SIGTERM during a turn.

use banter_tests::{app::STOP_LIMIT, fake_openai::Answer, follower::Follower, process::Signal};
use serde_json::json;

use crate::support::{Scripted, pairs};

#[tokio::test]
async fn a_stopped_worker_hands_its_turn_back_without_counting_a_failure() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "0")).await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("half").await;
    follower.wait_for_draft(&task, "half").await;

    scripted.app.worker(0).stop(STOP_LIMIT).await;

    let handed_back = scripted.client.task(&session, &task).await;
    assert_eq!(
        json!([handed_back["status"], handed_back["attempt"], handed_back["failures"]]),
        json!(["queued", 1, 0])
    );
    assert_eq!(handed_back["error"], json!(null));
    assert_eq!(scripted.client.answer_of(&session, &task).await, None);
    scripted.model.script("go", [Answer::text("whole")]);
    scripted.app.add_worker();
    let ended = scripted.client.wait_for_status(&session, &task, "succeeded").await;
    assert_eq!(json!([ended["attempt"], ended["failures"]]), json!([2, 0]));
    assert_eq!(scripted.client.transcript(&session).await, pairs(&[("user", "go"), ("assistant", "whole")]));
    follower.settle(&scripted.client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn another_worker_claims_a_handed_back_turn_at_once() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "1")).await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, _gate) = scripted.held("go").await;
    scripted.model.script("go", [Answer::text("whole")]);
    scripted.app.add_worker();

    scripted.app.worker(0).stop(STOP_LIMIT).await;

    let ended = scripted.client.wait_for_status(&session, &task, "succeeded").await;
    assert_eq!(json!([ended["attempt"], ended["failures"]]), json!([2, 0]));
    follower.settle(&scripted.client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_turn_that_ends_within_the_grace_period_is_completed_by_the_stopping_worker() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "30")).await;
    let (session, task, gate) = scripted.held("go").await;
    let second = scripted.client.send(&session, "second").await;

    scripted.app.worker(0).signal(Signal::Terminate);
    gate.send("done").await;
    gate.finish().await;

    assert!(scripted.app.worker(0).wait_for_exit(STOP_LIMIT).await.success());
    let ended = scripted.client.task(&session, &task).await;
    assert_eq!(json!([ended["status"], ended["attempt"]]), json!(["succeeded", 1]));
    let waiting = scripted.client.task(&session, &second.task_id).await;
    assert_ne!(waiting["status"], "running", "no turn is left running");
    assert_eq!(waiting["failures"], 0);
    scripted.app.add_worker();
    scripted.client.wait_for_status(&session, &second.task_id, "succeeded").await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_draining_worker_claims_nothing() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "300")).await;
    let (_session, _task, _gate) = scripted.held("go").await;
    scripted.app.worker(0).signal(Signal::Terminate);
    scripted.app.add_worker();

    for number in 0..8 {
        let session = scripted.session().await;
        let sent = scripted.client.send(&session, &format!("message {number}")).await;
        let ended = scripted.client.wait_for_status(&session, &sent.task_id, "succeeded").await;
        assert_eq!(ended["attempt"], 1);
    }
    scripted.app.check().await;
}

#[tokio::test]
async fn a_second_signal_ends_the_grace_period() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "300")).await;
    let (session, task, _gate) = scripted.held("go").await;
    scripted.app.worker(0).signal(Signal::Terminate);
    banter_tests::wait::eventually("the drain to begin", async || {
        // A draining worker claims no task.
        let other = scripted.session().await;
        let sent = scripted.client.send(&other, "other").await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        (scripted.client.task(&other, &sent.task_id).await["attempt"] == 0).then_some(())
    })
    .await;

    scripted.app.worker(0).signal(Signal::Terminate);

    scripted.app.worker(0).wait_for_exit(STOP_LIMIT).await;
    let handed_back = scripted.client.task(&session, &task).await;
    assert_eq!(json!([handed_back["status"], handed_back["failures"]]), json!(["queued", 0]));
    scripted.app.check().await;
}

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let mut scripted = Scripted::start().await;
    let session = scripted.session().await;
    scripted.client.ask(&session, "hello").await;

    scripted.app.worker(0).stop(std::time::Duration::from_secs(5)).await;

    assert_eq!(scripted.app.worker(0).stdout(), "");
    scripted.app.check().await;
}

#[tokio::test]
async fn an_accepted_cancellation_survives_a_hand_back() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "0")).await;
    let (session, task, _gate) = scripted.held("go").await;
    // The worker is frozen, so that the cancellation and the signal reach it at the same time.
    scripted.app.freeze_worker(0).await;

    scripted.client.cancel(&session, &task).await.ok(202);
    scripted.app.worker(0).signal(Signal::Terminate);
    scripted.app.worker(0).signal(Signal::Resume);

    assert!(scripted.app.worker(0).wait_for_exit(STOP_LIMIT).await.success());
    scripted.client.wait_for_status(&session, &task, "cancelled").await;
    scripted.app.add_worker();
    scripted.client.ask(&session, "next").await;
    assert_eq!(scripted.model.prompts(), ["go", "next"]);
    scripted.app.check().await;
}
