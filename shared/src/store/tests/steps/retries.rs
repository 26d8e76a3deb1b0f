//! Tests for retries after tool calls.

use super::*;

#[tokio::test]
async fn does_not_retry_automatically_after_a_tool_call() {
    let f = Fixture::new().await;
    let handed_back = AttemptEnd::HandedBack { text: "so far".into() };
    for (finish, code) in [
        (AttemptEnd::WorkerLost, ErrorCode::WorkerLost),
        (handed_back, ErrorCode::WorkerLost),
        (failed(ErrorCode::AgentCrashed), ErrorCode::AgentCrashed),
        (failed(ErrorCode::Timeout), ErrorCode::Timeout),
    ] {
        for status in [StepStatus::Pending, StepStatus::Running, StepStatus::Succeeded, StepStatus::Failed] {
            let claim = f.running().await;
            f.store_text(&claim, 0, "so far").await.unwrap();
            f.write(&claim, &[tool(1, "a", status)]).await.unwrap();

            assert_eq!(f.end(&claim, finish.clone()).await, TaskStatus::Interrupted, "{finish:?} {status:?}");

            let task = f.task(claim.session_id, claim.task_id).await;
            assert_eq!(task.error.unwrap().code, code);
            let page = f.store.list_messages(&f.user, claim.session_id, TurnBound::Newest, 10).await.unwrap();
            assert_eq!(page.items[1].content, "so far");
            assert_eq!(page.items[1].finish_reason, Some(FinishReason::Interrupted));
            f.store.retry_task(&f.user, claim.session_id, claim.task_id).await.unwrap();
            assert_eq!(f.steps(&claim).await, []);
            let again = f.claim().await;
            assert_eq!(again.attempt, 2);
            f.end(&again, answered("r")).await;
        }
    }
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn retries_automatically_if_no_tool_call_was_permitted() {
    let f = Fixture::new().await;
    for answer in [None, Some(PermissionDecision::Reject)] {
        for finish in [AttemptEnd::WorkerLost, failed(ErrorCode::AgentCrashed)] {
            let claim = f.running().await;
            let id = PermissionId::generate();
            let rejected = tool(3, "b", StepStatus::Rejected);
            f.write(&claim, &[tool(1, "a", StepStatus::Pending), permission(2, "a", id), rejected]).await.unwrap();
            if let Some(decision) = answer {
                f.permit(&claim, id, decision).await.unwrap();
            }

            assert_eq!(f.end(&claim, finish).await, TaskStatus::Queued);

            assert!(f.statuses(&claim).await.iter().all(|(_, status)| *status == StepStatus::Rejected));
            f.store.delete_session(&f.user, claim.session_id).await.unwrap();
        }
    }
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn does_not_retry_automatically_after_a_permitted_tool_call() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let id = PermissionId::generate();
    f.write(&claim, &[permission(1, "a", id)]).await.unwrap();
    f.permit(&claim, id, PermissionDecision::Allow).await.unwrap();

    assert_eq!(f.end(&claim, AttemptEnd::WorkerLost).await, TaskStatus::Interrupted);
}

#[tokio::test]
async fn a_permanent_error_after_a_tool_call_fails_the_task() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    f.write(&claim, &[tool(1, "a", StepStatus::Running)]).await.unwrap();

    assert_eq!(f.end(&claim, failed(ErrorCode::AgentRefused)).await, TaskStatus::Failed);
}

#[tokio::test]
async fn a_crash_after_a_tool_call_also_interrupts_the_last_attempt() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    f.damage("UPDATE agent_task SET failures = max_attempts - 1").await;
    f.write(&claim, &[tool(1, "a", StepStatus::Running)]).await.unwrap();

    assert_eq!(f.end(&claim, failed(ErrorCode::AgentCrashed)).await, TaskStatus::Interrupted);
}
