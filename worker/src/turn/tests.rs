//! Tests for a single attempt, with a scripted agent, a real store, and a real relay.

mod files;
mod fixture;
mod hand_back;
mod permissions;
mod steps;

use banter_shared::{
    chat::{FinishReason, ResumePoint, StepKind, StepStatus, Task, TaskDetail, TaskStatus},
    store::TurnBound,
};

use self::fixture::*;
use super::*;

#[tokio::test]
async fn retries_a_crashed_agent_only_before_the_first_tool_call() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    call.step("t", StepKind::Thought, StepStatus::Running, "Hm").await;
    call.step("a", StepKind::Tool, StepStatus::Pending, "Run").await;
    let _reply = call.ask("a", Some(TIMEOUT)).await;
    call.crash();
    assert_eq!(f.ended(task_id, run).await.task.status, TaskStatus::Queued);
    wait_until_due(&f).await;

    let (again, call, run) = f.run().await;
    assert_eq!(again, task_id);
    call.send(Update::Text("So far".into())).await;
    call.step("a", StepKind::Tool, StepStatus::Running, "Run").await;
    call.crash();

    let TaskDetail { task, steps } = f.ended(task_id, run).await;
    let Task { status, error, attempt, .. } = task;
    assert_eq!((status, error.unwrap().code, attempt), (TaskStatus::Interrupted, ErrorCode::AgentCrashed, 2));
    assert_eq!(shown(&steps), [(1, StepKind::Tool, StepStatus::Failed, "Run")]);
    let page = f.store().list_messages(&f.user, f.session, TurnBound::Newest, 10).await.unwrap();
    assert_eq!(page.items[1].content, "So far");
    assert_eq!(page.items[1].finish_reason, Some(FinishReason::Interrupted));
}

#[tokio::test]
async fn hands_back_at_shutdown_unless_a_tool_call_has_started() {
    for (kind, expected) in [(StepKind::Thought, TaskStatus::Queued), (StepKind::Tool, TaskStatus::Interrupted)] {
        let mut f = Fixture::new().await;
        let (task_id, call, run) = f.start().await;
        call.step("a", kind, StepStatus::Running, "At it").await;
        f.steps(task_id, |steps| steps.len() == 1).await;

        f.runner.shutdown.hard().cancel();

        let ended = f.ended(task_id, run).await;
        assert_eq!((ended.task.status, ended.task.failures), (expected, 0));
        assert_eq!(ended.steps[0].status, StepStatus::Failed);
    }
}

/// Returns an update that reports the agent's session.
fn own_session(id: &str) -> Update {
    Update::Resume(AgentSession { id: id.into(), provider: "maker".into() })
}

#[tokio::test]
async fn resumes_the_agents_own_session_in_the_next_turn() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    assert_eq!((call.turn.turn, call.turn.resume.clone()), (1, None));
    call.send(own_session("early")).await;
    call.send(own_session("own-1")).await;
    call.answer();
    f.ended(task_id, run).await;

    let (task_id, call, run) = f.start().await;

    assert_eq!(
        call.turn.resume,
        Some(ResumePoint { session: AgentSession { id: "own-1".into(), provider: "maker".into() }, turn: 1 })
    );
    assert_eq!(call.turn.history.iter().map(|message| message.turn).collect::<Vec<_>>(), [1, 1, 2]);
    call.send(own_session("own-2")).await;
    call.crash();
    f.ended(task_id, run).await;
    wait_until_due(&f).await;
    let (task_id, call, run) = f.run().await;
    assert_eq!(call.turn.resume, None, "the session already contains the message");
    call.answer();
    f.ended(task_id, run).await;
}
