//! Tests for steps.

mod retries;
mod revisions;

use serde_json::json;

use super::*;
use crate::{
    chat::{
        DecidedBy, MAX_STEP_DETAIL_BYTES, PermissionAnswer, PermissionDecision, PermissionDetail, PermissionKind,
        PermissionOption, PermissionOutcome, Step, StepDetail, StepKind, StepStatus, ToolDetail,
    },
    id::PermissionId,
};

pub(super) fn step(seq: i64, kind: StepKind, status: StepStatus) -> StepState {
    StepState {
        seq,
        tool_call_id: None,
        parent_tool_call_id: None,
        title: format!("Step {seq}"),
        status,
        text_offset: 0,
        started_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        ended_at: None,
        detail: StepDetail::from_fields(kind, json!({})).unwrap(),
    }
}

pub(super) fn tool(seq: i64, call: &str, status: StepStatus) -> StepState {
    StepState { tool_call_id: Some(call.into()), ..step(seq, StepKind::Tool, status) }
}

pub(super) fn permission(seq: i64, call: &str, id: PermissionId) -> StepState {
    let options =
        vec![PermissionOption { option_id: "once".into(), name: "Allow once".into(), kind: PermissionKind::AllowOnce }];
    let expires_at = Some("2026-01-31T12:01:00Z".parse().unwrap());
    let detail = PermissionDetail::pending(id, options, expires_at);
    StepState {
        tool_call_id: Some(call.into()),
        detail: StepDetail::Permission(detail),
        ..step(seq, StepKind::Notice, StepStatus::Pending)
    }
}

impl Fixture {
    pub(super) async fn write(&self, claim: &Claim, steps: &[StepState]) -> Result<(), StoreError> {
        self.store.write_steps(&self.user, claim.task_id, claim.attempt, steps).await.map(|_| ())
    }

    pub(super) async fn steps(&self, claim: &Claim) -> Vec<Step> {
        self.store.find_task(claim.session_id, claim.task_id).await.unwrap().unwrap().steps
    }

    /// Returns the kind and status of every step.
    pub(super) async fn statuses(&self, claim: &Claim) -> Vec<(StepKind, StepStatus)> {
        self.steps(claim).await.into_iter().map(|step| (step.kind(), step.status)).collect()
    }

    /// Starts an attempt in a new session.
    pub(super) async fn running(&self) -> Claim {
        let session = self.session().await;
        self.post(session, "Hello").await;
        self.claim().await
    }

    pub(super) async fn permit(
        &self,
        claim: &Claim,
        id: PermissionId,
        decision: PermissionDecision,
    ) -> Result<(), StoreError> {
        self.permit_with(claim, id, PermissionAnswer::Decision(decision)).await
    }

    pub(super) async fn permit_with(
        &self,
        claim: &Claim,
        id: PermissionId,
        answer: PermissionAnswer,
    ) -> Result<(), StoreError> {
        let answered = self.store.answer_permission(&self.user, claim.session_id, claim.task_id, id, &answer).await;
        answered.map(|changed| assert_eq!(changed.hints.decisions, [claim.task_id]))
    }
}

#[tokio::test]
async fn rejects_steps_from_a_worker_that_lost_its_lease() {
    let f = Fixture::new().await;
    let late = f.running().await;
    f.write(&late, &[step(1, StepKind::Thought, StepStatus::Running)]).await.unwrap();
    f.end(&late, AttemptEnd::WorkerLost).await;

    let again = f.claim().await;

    assert_eq!(f.steps(&again).await, []);
    let write = f.write(&late, &[step(1, StepKind::Thought, StepStatus::Succeeded)]).await;
    assert!(matches!(write, Err(StoreError::LeaseLost)));
    let finish = f.store.finish(late.task_id, late.attempt, answered("x"), &[tool(2, "a", StepStatus::Running)]).await;
    assert!(matches!(finish, Err(StoreError::LeaseLost)));
    assert_eq!(f.steps(&again).await, []);
}

#[tokio::test]
async fn limits_the_title_detail_and_tool_call_id_of_a_step() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let long = StepState {
        title: "a\0b\nc".repeat(500),
        tool_call_id: Some("x\0".repeat(2000)),
        detail: StepDetail::Tool(ToolDetail {
            output: Some("o\0".repeat(MAX_STEP_DETAIL_BYTES).into()),
            ..ToolDetail::default()
        }),
        ..step(1, StepKind::Tool, StepStatus::Rejected)
    };

    f.write(&claim, &[long]).await.unwrap();

    let kept = &f.steps(&claim).await[0];
    assert!(kept.title.starts_with("ab cab c") && kept.title.ends_with('…'), "{}", kept.title);
    assert!(kept.title.chars().count() <= 200);
    assert!(kept.tool_call_id.as_ref().unwrap().len() <= 512);
    let detail = kept.detail.to_value();
    assert_eq!(detail["is_truncated"], json!(true));
    assert!(detail.to_string().len() <= MAX_STEP_DETAIL_BYTES && !detail.to_string().contains("\\u0000"));
}

#[tokio::test]
async fn an_answer_closes_open_steps_in_the_same_transaction() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    f.write(
        &claim,
        &[
            step(1, StepKind::Thought, StepStatus::Running),
            tool(2, "a", StepStatus::Pending),
            permission(3, "b", PermissionId::generate()),
            tool(4, "b", StepStatus::Pending),
            step(5, StepKind::Plan, StepStatus::Failed),
        ],
    )
    .await
    .unwrap();

    let last = [tool(2, "a", StepStatus::Running), step(6, StepKind::Notice, StepStatus::Succeeded)];
    f.store.finish(claim.task_id, claim.attempt, answered("r"), &last).await.unwrap();

    assert_eq!(
        f.statuses(&claim).await,
        [
            (StepKind::Thought, StepStatus::Succeeded),
            (StepKind::Tool, StepStatus::Succeeded),
            (StepKind::Permission, StepStatus::Rejected),
            (StepKind::Tool, StepStatus::Rejected),
            (StepKind::Plan, StepStatus::Failed),
            (StepKind::Notice, StepStatus::Succeeded),
        ]
    );
    let StepDetail::Permission(detail) = &f.steps(&claim).await[2].detail else { panic!("no permission request") };
    assert_eq!(detail.outcome(), Some(PermissionOutcome::unanswered(DecidedBy::Withdrawn)));
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn open_steps_fail_or_are_rejected_if_an_attempt_ends_without_an_answer() {
    let f = Fixture::new().await;
    let stopped = AttemptEnd::Stopped { text: String::new(), resume: None };
    let handed_back = AttemptEnd::HandedBack { text: String::new() };
    for finish in [stopped, handed_back, AttemptEnd::WorkerLost, failed(ErrorCode::AgentRefused)] {
        let claim = f.running().await;
        let open = [
            step(1, StepKind::Thought, StepStatus::Running),
            step(2, StepKind::Plan, StepStatus::Pending),
            permission(3, "a", PermissionId::generate()),
        ];
        f.write(&claim, &open).await.unwrap();

        f.end(&claim, finish.clone()).await;

        assert_eq!(
            f.statuses(&claim).await,
            [
                (StepKind::Thought, StepStatus::Failed),
                (StepKind::Plan, StepStatus::Failed),
                (StepKind::Permission, StepStatus::Rejected),
            ],
            "{finish:?}"
        );
        f.store.delete_session(&f.user, claim.session_id).await.unwrap();
    }
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn open_and_reconnected_streams_receive_closed_steps() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    f.write(&claim, &[step(1, StepKind::Thought, StepStatus::Running)]).await.unwrap();
    let position = f.store.tail_position().await.unwrap();
    let log_id = f.store.start_replay(&f.user, None).await.unwrap().user_log_id;
    let state = f.store.read_log(log_id, 0, 1000, None, None).await.unwrap().state.unwrap();
    let running = &state.running[0];
    let part = f.store.read_running(running.task_id, running.attempt, None).await.unwrap().unwrap();
    assert_eq!((part.steps.len(), part.has_more, state.closed_steps.len()), (1, false, 0));

    f.end(&claim, answered("r")).await;

    let live = f.store.read_tail(position, TailScope::ALL, |_| true).await.unwrap();
    assert_eq!(live.steps[0].step.status, StepStatus::Succeeded);
    let again = f.store.read_log(log_id, 0, 1000, None, Some(state.step_revision)).await.unwrap().state.unwrap();
    assert_eq!(again.closed_steps, live.steps);
    let elsewhere = Some(SessionId::generate());
    let other = f.store.read_log(log_id, 0, 1000, elsewhere, Some(state.step_revision)).await.unwrap().state.unwrap();
    assert_eq!(other.closed_steps, []);
    assert!(f.store.read_running(claim.task_id, claim.attempt, None).await.unwrap().is_none(), "the attempt has ended");
}

#[tokio::test]
async fn the_check_reports_invalid_steps() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let id = PermissionId::generate();
    f.write(&claim, &[tool(1, "a", StepStatus::Rejected), permission(2, "a", id)]).await.unwrap();
    f.end(&claim, AttemptEnd::WorkerLost).await;
    assert_eq!(f.findings().await, [""; 0]);

    f.damage("UPDATE task_step SET status = 'running' WHERE seq = 1").await;
    f.damage("UPDATE task_step SET detail = '{}' WHERE seq = 2").await;
    f.damage("UPDATE task_step SET attempt = 9 WHERE seq = 2").await;
    f.damage("INSERT INTO agent_resume SELECT id, 'demo', 'x', 7, '' FROM chat_session").await;

    let mut findings = f.findings().await;
    findings.sort_unstable();
    assert_eq!(
        findings,
        [
            "a permission request is referenced by its step, and is decided if and only if the step is closed",
            "a step belongs to its task's latest attempt, and its revision is not higher than the last one assigned",
            "a task is not retried automatically after a tool call",
            "a task that is not running has no open steps",
            "an agent session refers to an existing turn",
        ]
    );
}
