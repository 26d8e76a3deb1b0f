//! Permission requests during an attempt.

use std::time::Duration;

use banter_shared::{
    chat::{DecidedBy, ErrorCode, PermissionDecision, StepStatus, TaskStatus},
    store::StoreError,
};
use tokio::time::{sleep, timeout};

use super::fixture::*;
use crate::agents::PermissionReply;

#[tokio::test]
async fn delivers_the_users_decision_to_the_agent() {
    let mut f = Fixture::new().await;
    for (decision, expected, status) in [
        (PermissionDecision::Allow, allowed("y"), StepStatus::Succeeded),
        (PermissionDecision::Reject, rejected(), StepStatus::Rejected),
    ] {
        let (task_id, call, run) = f.start().await;
        let reply = call.ask("a", Some(TIMEOUT)).await;
        let pending = f.steps(task_id, is_pending).await;
        assert_eq!(permission_of(&pending[0]).options[0].name, "Yes");

        f.decide(task_id, &pending[0], decision).await.unwrap();

        assert_eq!(timeout(TIMEOUT, reply).await.unwrap(), Ok(expected));
        assert!(matches!(f.decide(task_id, &pending[0], decision).await, Err(StoreError::PermissionAnswered)));
        call.answer();
        let ended = f.ended(task_id, run).await;
        assert_eq!(ended.steps[0].status, status);
        assert_eq!(permission_of(&ended.steps[0]).decided_by, Some(DecidedBy::User));
    }
}

#[tokio::test]
async fn delivers_each_decision_to_its_own_request() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let replies = [call.ask("a", Some(TIMEOUT)).await, call.ask("b", Some(TIMEOUT)).await];
    let pending = f.steps(task_id, |steps| steps.len() == 2).await;

    f.decide(task_id, &pending[1], PermissionDecision::Allow).await.unwrap();
    f.decide(task_id, &pending[0], PermissionDecision::Reject).await.unwrap();

    let [a, b] = replies;
    assert_eq!(timeout(TIMEOUT, a).await.unwrap(), Ok(rejected()));
    assert_eq!(timeout(TIMEOUT, b).await.unwrap(), Ok(allowed("y")));
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn expires_an_unanswered_permission_request() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    let reply = call.ask("a", Some(Duration::from_millis(50))).await;

    assert_eq!(timeout(TIMEOUT, reply).await.unwrap(), Ok(PermissionReply::Expired));
    let steps = f.steps(task_id, |steps| !is_pending(steps)).await;
    assert_eq!(steps[0].status, StepStatus::Rejected);
    assert_eq!(permission_of(&steps[0]).decided_by, Some(DecidedBy::TimeLimit));
    let late = f.decide(task_id, &steps[0], PermissionDecision::Allow).await;
    assert!(matches!(late, Err(StoreError::PermissionExpired)));
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn waits_without_a_time_limit_and_does_not_count_the_wait() {
    let mut f = Fixture::with_time_limit(Duration::from_secs(4)).await;
    let (task_id, call, run) = f.start().await;

    let reply = call.ask("a", None).await;
    let pending = f.steps(task_id, is_pending).await;
    assert_eq!(permission_of(&pending[0]).expires_at, None);
    sleep(Duration::from_millis(4500)).await;
    f.decide(task_id, &pending[0], PermissionDecision::Allow).await.unwrap();

    assert_eq!(timeout(TIMEOUT, reply).await.unwrap(), Ok(allowed("y")));
    // The limit applies again.
    let ended = f.ended(task_id, run).await;
    assert_eq!(ended.task.error.unwrap().code, ErrorCode::Timeout);
    drop(call);
}

#[tokio::test]
async fn closes_a_permission_request_that_the_agent_withdraws() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let reply = call.ask("a", Some(TIMEOUT)).await;
    f.steps(task_id, is_pending).await;

    drop(reply);

    let steps = f.steps(task_id, |steps| !is_pending(steps)).await;
    assert_eq!(permission_of(&steps[0]).decided_by, Some(DecidedBy::Withdrawn));
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn stops_an_attempt_that_is_waiting_for_a_decision() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let reply = call.ask("a", Some(TIMEOUT)).await;
    f.steps(task_id, is_pending).await;

    let stopped = f.store().cancel_task(&f.user, f.session, task_id).await.unwrap();
    f.runner.relay.announce(stopped.hints);

    let ended = f.ended(task_id, run).await;
    assert_eq!((ended.task.status, ended.steps[0].status), (TaskStatus::Cancelled, StepStatus::Rejected));
    assert!(timeout(TIMEOUT, reply).await.unwrap().is_err(), "no decision was made");
}
