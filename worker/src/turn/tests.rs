//! Tests of one attempt with a scripted agent, a real store, and a real relay.

use std::time::Duration;

use banter_shared::{
    agents_file::AgentConfig,
    chat::{
        Content, DecidedBy, FinishReason, OnBusy, PermissionAnswer, PermissionDecision, PermissionDetail,
        PermissionKind, PermissionOption, ResumePoint, Step, StepDetail, StepKind, StepStatus, Task, TaskDetail,
        TaskStatus, UserRef,
    },
    clock::SystemClock,
    id::{SessionId, TaskId, WorkerId},
    relay::{EmbeddedRelay, WakeMode},
    store::{NewSession, PostMessage, StoreError, StoreOptions, TurnBound},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::{agents::StepUpdate, attempts};

/// Time limit for everything that is expected to happen; long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An agent that is controlled by the test.
struct Puppet {
    calls: mpsc::Sender<Call>,
}

/// One attempt, as seen by the agent.
struct Call {
    turn: Turn,
    updates: mpsc::Sender<Update>,
    end: oneshot::Sender<Result<Answer, AgentError>>,
}

#[async_trait::async_trait]
impl Agent for Puppet {
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        _: CancellationToken,
    ) -> Result<Answer, AgentError> {
        let (end, ended) = oneshot::channel();
        self.calls.send(Call { turn, updates, end }).await.map_err(|_| AgentError::stopped())?;
        ended.await.unwrap_or_else(|_| Err(AgentError::stopped()))
    }
}

impl Call {
    async fn tell(&self, update: Update) {
        self.updates.send(update).await.unwrap();
    }

    async fn step(&self, key: &str, kind: StepKind, status: StepStatus, title: &str) {
        let (key, title) = (key.to_owned(), title.to_owned());
        let detail = StepDetail::from_fields(kind, json!({})).unwrap();
        let step = StepUpdate { tool_call_id: Some(key.clone()), key, title, status, detail };
        self.tell(Update::Step(step)).await;
    }

    /// Requests permission. Returns the receiver of the decision.
    async fn ask(&self, call: &str, time_limit: Duration) -> oneshot::Receiver<PermissionReply> {
        let (reply, decision) = oneshot::channel();
        let options =
            vec![PermissionOption { option_id: "y".into(), name: "Yes".into(), kind: PermissionKind::AllowOnce }];
        let (tool_call_id, title) = (Some(call.to_owned()), "Run it".to_owned());
        self.tell(Update::Permission(PermissionRequest { tool_call_id, title, options, time_limit, reply })).await;
        decision
    }

    fn answer(self) {
        let _ = self.end.send(Ok(Answer { finish_reason: FinishReason::Stop, usage: None }));
    }

    fn crash(self) {
        let _ = self.end.send(Err(AgentError::new(ErrorCode::AgentCrashed, "gone")));
    }
}

struct Fixture {
    _folder: TempDir,
    runner: TurnRunner,
    worker: WorkerId,
    user: UserRef,
    session: SessionId,
    calls: mpsc::Receiver<Call>,
    end: CancellationToken,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            path: folder.path().join("chat.db"),
            durable_against_power_cut: false,
            busy_timeout: Duration::from_secs(5),
        };
        let store = Store::open(options, Arc::new(SystemClock)).await.unwrap();
        let relay: SharedRelay = Arc::new(EmbeddedRelay::start(store.path(), WakeMode::Auto).await.unwrap());
        let user = UserRef::local();
        store.ensure_user(&user).await.unwrap();
        let new = NewSession { agent_key: "demo".into(), title: None };
        let session = store.create_session(&user, new, None).await.unwrap().value.id;
        let (puppet, calls) = mpsc::channel(1);
        let mut agents = Registry::default();
        agents.insert(AgentConfig::demo(), Arc::new(Puppet { calls: puppet }));
        let (running, worker, end) = (RunningAttempts::default(), WorkerId::generate(), CancellationToken::new());
        let wake = Arc::new(Notify::new());
        let follow = attempts::follow(running.clone(), store.clone(), relay.clone(), worker.clone(), wake, end.clone());
        tokio::spawn(follow);
        let runner = TurnRunner { store, relay, agents: Arc::new(agents), running, shutdown: Shutdown::new() };
        Self { _folder: folder, runner, worker, user, session, calls, end }
    }

    fn store(&self) -> &Store {
        &self.runner.store
    }

    async fn post(&self) {
        let content = Content::parse("Hello".into()).unwrap();
        let post = PostMessage { content, on_busy: OnBusy::Queue, max_attempts: 3, key: None };
        self.store().post_message(&self.user, self.session, &post).await.unwrap();
    }

    /// Starts an attempt at the next task.
    async fn run(&mut self) -> (TaskId, Call, JoinHandle<()>) {
        let claim = self.store().claim(&self.worker).await.unwrap().value.expect("a task is due");
        let (task_id, runner) = (claim.task_id, self.runner.clone());
        let run = tokio::spawn(async move { runner.run(claim).await });
        let call = timeout(PATIENCE, self.calls.recv()).await.unwrap().unwrap();
        (task_id, call, run)
    }

    async fn start(&mut self) -> (TaskId, Call, JoinHandle<()>) {
        self.post().await;
        self.run().await
    }

    async fn ended(&self, task_id: TaskId, run: JoinHandle<()>) -> TaskDetail {
        timeout(PATIENCE, run).await.expect("the attempt did not end").unwrap();
        let findings = self.store().check().await.unwrap().findings;
        assert_eq!(findings, []);
        self.store().find_task(self.session, task_id).await.unwrap().unwrap()
    }

    /// Waits until the steps satisfy a condition.
    async fn steps(&self, task_id: TaskId, wanted: impl Fn(&[Step]) -> bool) -> Vec<Step> {
        let looks = async {
            loop {
                let steps = self.store().find_task(self.session, task_id).await.unwrap().unwrap().steps;
                if wanted(&steps) {
                    return steps;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, looks).await.expect("the steps never reached the expected state")
    }

    /// Answers the request of a step as the api does in another process: this one learns of it only through the relay.
    async fn decide(&self, task_id: TaskId, step: &Step, decision: PermissionDecision) -> Result<(), StoreError> {
        let id = permission_of(step).request_id;
        let answered = self
            .store()
            .answer_permission(&self.user, self.session, task_id, id, &PermissionAnswer::Decision(decision))
            .await?;
        self.runner.relay.announce(answered.hints);
        Ok(())
    }
}

fn allowed(option: &str) -> PermissionReply {
    PermissionReply::Answered { decision: PermissionDecision::Allow, chosen: Some(option.into()) }
}

fn rejected() -> PermissionReply {
    PermissionReply::Answered { decision: PermissionDecision::Reject, chosen: None }
}

fn permission_of(step: &Step) -> PermissionDetail {
    let StepDetail::Permission(detail) = &step.detail else { panic!("not a permission request: {step:?}") };
    detail.clone()
}

fn shown(steps: &[Step]) -> Vec<(i64, StepKind, StepStatus, &str)> {
    steps.iter().map(|step| (step.seq, step.kind(), step.status, step.title.as_str())).collect()
}

fn is_pending(steps: &[Step]) -> bool {
    steps.iter().any(|step| step.kind() == StepKind::Permission && step.status == StepStatus::Pending)
}

#[tokio::test]
async fn stores_steps_as_they_arrive_and_the_last_ones_with_the_outcome() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    call.step("plan", StepKind::Plan, StepStatus::Running, "A plan").await;
    call.step("a", StepKind::Tool, StepStatus::Running, "Read").await;
    f.steps(task_id, |steps| steps.len() == 2).await;
    call.step("a", StepKind::Tool, StepStatus::Succeeded, "Read").await;
    f.steps(task_id, |steps| steps[1].status == StepStatus::Succeeded).await;
    call.tell(Update::Text("Done.".into())).await;
    call.step("plan", StepKind::Plan, StepStatus::Running, "A better plan").await;
    call.step("b", StepKind::Notice, StepStatus::Succeeded, "Goodbye").await;
    call.answer();

    let TaskDetail { task, steps } = f.ended(task_id, run).await;
    assert_eq!(task.status, TaskStatus::Succeeded);
    assert_eq!(
        shown(&steps),
        [
            (1, StepKind::Plan, StepStatus::Succeeded, "A better plan"),
            (2, StepKind::Tool, StepStatus::Succeeded, "Read"),
            (3, StepKind::Notice, StepStatus::Succeeded, "Goodbye"),
        ]
    );
}

#[tokio::test]
async fn limits_the_writes_of_a_frequently_changing_step() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let begin = Instant::now();

    for count in 1..=2000 {
        call.step("t", StepKind::Thought, StepStatus::Running, &format!("Thought {count}")).await;
    }
    let steps = f.steps(task_id, |steps| steps.iter().any(|step| step.title == "Thought 2000")).await;

    let writes = u128::try_from(steps[0].revision).unwrap();
    assert!(writes <= begin.elapsed().as_millis() / 150 + 3, "{writes} writes in {:?}", begin.elapsed());
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn delivers_the_users_decision_to_the_agent() {
    let mut f = Fixture::new().await;
    for (decision, expected, status) in [
        (PermissionDecision::Allow, allowed("y"), StepStatus::Succeeded),
        (PermissionDecision::Reject, rejected(), StepStatus::Rejected),
    ] {
        let (task_id, call, run) = f.start().await;
        let reply = call.ask("a", PATIENCE).await;
        let asked = f.steps(task_id, is_pending).await;
        assert_eq!(permission_of(&asked[0]).options[0].name, "Yes");

        f.decide(task_id, &asked[0], decision).await.unwrap();

        assert_eq!(timeout(PATIENCE, reply).await.unwrap(), Ok(expected));
        assert!(matches!(f.decide(task_id, &asked[0], decision).await, Err(StoreError::PermissionAnswered)));
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
    let replies = [call.ask("a", PATIENCE).await, call.ask("b", PATIENCE).await];
    let asked = f.steps(task_id, |steps| steps.len() == 2).await;

    f.decide(task_id, &asked[1], PermissionDecision::Allow).await.unwrap();
    f.decide(task_id, &asked[0], PermissionDecision::Reject).await.unwrap();

    let [a, b] = replies;
    assert_eq!(timeout(PATIENCE, a).await.unwrap(), Ok(rejected()));
    assert_eq!(timeout(PATIENCE, b).await.unwrap(), Ok(allowed("y")));
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn expires_an_unanswered_permission_request() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    let reply = call.ask("a", Duration::from_millis(50)).await;

    assert_eq!(timeout(PATIENCE, reply).await.unwrap(), Ok(PermissionReply::Expired));
    let steps = f.steps(task_id, |steps| !is_pending(steps)).await;
    assert_eq!(steps[0].status, StepStatus::Rejected);
    assert_eq!(permission_of(&steps[0]).decided_by, Some(DecidedBy::TimeLimit));
    let late = f.decide(task_id, &steps[0], PermissionDecision::Allow).await;
    assert!(matches!(late, Err(StoreError::PermissionExpired)));
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn closes_a_permission_request_that_the_agent_withdraws() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let reply = call.ask("a", PATIENCE).await;
    f.steps(task_id, is_pending).await;

    drop(reply);

    let steps = f.steps(task_id, |steps| !is_pending(steps)).await;
    assert_eq!(permission_of(&steps[0]).decided_by, Some(DecidedBy::Withdrawn));
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn stops_an_attempt_that_waits_for_a_decision() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let reply = call.ask("a", PATIENCE).await;
    f.steps(task_id, is_pending).await;

    let stopped = f.store().cancel_task(&f.user, f.session, task_id).await.unwrap();
    f.runner.relay.announce(stopped.hints);

    let ended = f.ended(task_id, run).await;
    assert_eq!((ended.task.status, ended.steps[0].status), (TaskStatus::Cancelled, StepStatus::Rejected));
    assert!(timeout(PATIENCE, reply).await.unwrap().is_err(), "no decision was made");
}

#[tokio::test]
async fn retries_a_crashed_agent_only_before_the_first_tool_call() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    call.step("t", StepKind::Thought, StepStatus::Running, "Hm").await;
    call.step("a", StepKind::Tool, StepStatus::Pending, "Run").await;
    let _reply = call.ask("a", PATIENCE).await;
    call.crash();
    assert_eq!(f.ended(task_id, run).await.task.status, TaskStatus::Queued);
    sleep_until_due(&f).await;

    let (again, call, run) = f.run().await;
    assert_eq!(again, task_id);
    call.tell(Update::Text("So far".into())).await;
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

/// Waits until the next attempt is due.
async fn sleep_until_due(f: &Fixture) {
    let looks = async {
        while !f.store().has_due_job().await.unwrap() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, looks).await.expect("the task was not due again in time");
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

/// An update with the agent's own session.
fn own(id: &str) -> Update {
    Update::Resume(AgentSession { id: id.into(), provider: "maker".into() })
}

#[tokio::test]
async fn resumes_the_agents_own_session_in_the_next_turn() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    assert_eq!((call.turn.turn, call.turn.resume.clone()), (1, None));
    call.tell(own("early")).await;
    call.tell(own("own-1")).await;
    call.answer();
    f.ended(task_id, run).await;

    let (task_id, call, run) = f.start().await;

    assert_eq!(
        call.turn.resume,
        Some(ResumePoint { session: AgentSession { id: "own-1".into(), provider: "maker".into() }, turn: 1 })
    );
    assert_eq!(call.turn.history.iter().map(|message| message.turn).collect::<Vec<_>>(), [1, 1, 2]);
    call.tell(own("own-2")).await;
    call.crash();
    f.ended(task_id, run).await;
    sleep_until_due(&f).await;
    let (task_id, call, run) = f.run().await;
    assert_eq!(call.turn.resume, None, "the session already contains the message");
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn limits_the_steps_and_details_of_an_attempt() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let step = |key: String, kind: StepKind, status: StepStatus, bytes: usize| {
        let (title, text) = (format!("Step {key}"), "x".repeat(bytes));
        let fields = if kind == StepKind::Tool { json!({"input": text}) } else { json!({"text": text}) };
        let detail = StepDetail::from_fields(kind, fields).unwrap();
        Update::Step(StepUpdate { tool_call_id: Some(key.clone()), key, title, status, detail })
    };

    call.tell(step("small".into(), StepKind::Tool, StepStatus::Running, 1000)).await;
    for number in 0..150 {
        call.tell(step(format!("large {number}"), StepKind::Thought, StepStatus::Succeeded, 60_000)).await;
    }
    call.tell(step("small".into(), StepKind::Tool, StepStatus::Succeeded, 60_000)).await;
    for number in 0..3000 {
        call.tell(step(format!("many {number}"), StepKind::Notice, StepStatus::Succeeded, 10)).await;
    }
    call.tell(step("late".into(), StepKind::Tool, StepStatus::Running, 60_000)).await;
    call.answer();

    let steps = f.ended(task_id, run).await.steps;
    let bytes: usize = steps.iter().map(|step| step.detail.json_bytes()).sum();
    assert!(
        steps.len() <= 2000 && (3 << 20..=4 << 20).contains(&(bytes - 20 * steps.len())),
        "{} {bytes}",
        steps.len()
    );
    let notices: Vec<&Step> = steps.iter().filter(|step| step.title.starts_with("Some steps were omitted")).collect();
    assert_eq!(notices.len(), 1, "there is exactly one notice");
    assert_eq!(notices[0].detail, StepDetail::notice("warning", ""));
    let of = |title: &str| steps.iter().find(|step| step.title == title).unwrap();
    let (small, large, late) = (of("Step small"), of("Step large 149"), of("Step late"));
    assert_eq!(
        (small.status, large.status, late.status),
        (StepStatus::Succeeded, StepStatus::Succeeded, StepStatus::Succeeded)
    );
    let kept = json!({"input": "x".repeat(1000), "is_truncated": true});
    assert_eq!(small.detail.to_value(), kept, "the earlier detail is kept");
    assert_eq!([large, late].map(|step| step.detail.to_value()), [(); 2].map(|()| json!({"is_truncated": true})));
    assert_eq!(
        steps.iter().map(|step| step.seq).collect::<Vec<_>>(),
        (1..=i64::try_from(steps.len()).unwrap()).collect::<Vec<_>>()
    );
}
