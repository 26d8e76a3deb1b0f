//! A scripted agent, a real store, and a real relay.

use std::{path::Path, time::Duration};

use banter_shared::{
    agents_file::AgentConfig,
    attachments::StorageUrl,
    chat::{
        Content, FinishReason, PermissionAnswer, PermissionDecision, PermissionDetail, PermissionKind,
        PermissionOption, Step, StepDetail, StepKind, StepStatus, TaskDetail, UserRef,
    },
    clock::SystemClock,
    config::AttachmentLimits,
    id::{SessionId, TaskId, WorkerId},
    relay::{EmbeddedRelay, Identity, WakeMode},
    store::{DataFolder, Location, NewMessage, NewSession, StoreError, StoreOptions},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{agents::StepUpdate, attempts, turn::*};

/// Time limit for anything that is expected to happen. It is long enough for a busy machine.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// An agent controlled by the test.
pub(super) struct ScriptedAgent {
    calls: mpsc::Sender<Call>,
}

/// One attempt, from the agent's point of view.
pub(super) struct Call {
    pub(super) turn: Turn,
    pub(super) updates: mpsc::Sender<Update>,
    pub(super) end: oneshot::Sender<Result<Answer, AgentError>>,
}

#[async_trait::async_trait]
impl Agent for ScriptedAgent {
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
    pub(super) async fn send(&self, update: Update) {
        self.updates.send(update).await.unwrap();
    }

    pub(super) async fn step(&self, key: &str, kind: StepKind, status: StepStatus, title: &str) {
        let (key, title) = (key.to_owned(), title.to_owned());
        let detail = StepDetail::from_fields(kind, json!({})).unwrap();
        let step =
            StepUpdate { tool_call_id: Some(key.clone()), parent_tool_call_id: None, key, title, status, detail };
        self.send(Update::Step(Box::new(step))).await;
    }

    /// Requests permission and returns a receiver for the decision.
    pub(super) async fn ask(&self, call: &str, time_limit: Option<Duration>) -> oneshot::Receiver<PermissionReply> {
        let (reply, decision) = oneshot::channel();
        let options =
            vec![PermissionOption { option_id: "y".into(), name: "Yes".into(), kind: PermissionKind::AllowOnce }];
        let (tool_call_id, title) = (Some(call.to_owned()), "Run it".to_owned());
        self.send(Update::Permission(PermissionRequest { tool_call_id, title, options, time_limit, reply })).await;
        decision
    }

    pub(super) fn answer(self) {
        let _ = self.end.send(Ok(Answer { finish_reason: FinishReason::Stop, usage: None }));
    }

    pub(super) fn crash(self) {
        let _ = self.end.send(Err(AgentError::new(ErrorCode::AgentCrashed, "gone")));
    }
}

pub(super) struct Fixture {
    folder: TempDir,
    pub(super) runner: TurnRunner,
    pub(super) worker: WorkerId,
    pub(super) user: UserRef,
    pub(super) session: SessionId,
    pub(super) calls: mpsc::Receiver<Call>,
    pub(super) end: CancellationToken,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with_busy_timeout(Duration::from_secs(5)).await
    }

    /// Creates a fixture whose writes wait at most this long for the write lock.
    pub(super) async fn with_busy_timeout(busy_timeout: Duration) -> Self {
        Self::with(busy_timeout, AgentConfig::demo()).await
    }

    /// Creates a fixture whose attempts have this time limit.
    pub(super) async fn with_time_limit(limit: Duration) -> Self {
        Self::with(Duration::from_secs(5), AgentConfig { timeout: limit, ..AgentConfig::demo() }).await
    }

    async fn with(busy_timeout: Duration, agent: AgentConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            location: Location::File(folder.path().join("chat.db")),
            durable_against_power_cut: false,
            busy_timeout,
            work_folder_wait: Duration::from_mins(1),
        };
        let store = Store::open(options, Arc::new(SystemClock)).await.unwrap();
        let identity = Identity { installation: "test".into(), key: [7; 32].into() };
        let relay: SharedRelay =
            Arc::new(EmbeddedRelay::start(store.location().file().unwrap(), WakeMode::Auto, &identity).await.unwrap());
        let user = UserRef::local();
        store.ensure_user(&user).await.unwrap();
        let new = NewSession { agent_key: "demo".into(), title: None, folder: None };
        let session = store.create_session(&user, new, None).await.unwrap().value.id;
        let (call_sender, calls) = mpsc::channel(1);
        let mut agents = Registry::default();
        agents.insert(agent, Arc::new(ScriptedAgent { calls: call_sender }));
        let (running, worker, end) = (RunningAttempts::default(), WorkerId::generate(), CancellationToken::new());
        let wake = Arc::new(Notify::new());
        let follow = attempts::follow(running.clone(), store.clone(), relay.clone(), worker.clone(), wake, end.clone());
        tokio::spawn(follow);
        let (agents, shutdown) = (Arc::new(agents), Shutdown::new());
        let storage = Storage::open(StorageUrl::Folder(folder.path().join("attachments"))).unwrap();
        let data_folder = DataFolder { id: "here".into(), host: "this".into() };
        let runner = TurnRunner {
            store,
            storage,
            attachment_limits: AttachmentLimits { file_bytes: 1000, user_bytes: None },
            relay,
            agents,
            workplace: None,
            running,
            worker: worker.clone(),
            data_folder,
            concurrency: 1,
            shutdown,
        };
        Self { folder, runner, worker, user, session, calls, end }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn store(&self) -> &Store {
        &self.runner.store
    }

    pub(super) async fn post(&self) {
        let content = Content::parse("Hello".into()).unwrap();
        let post = NewMessage::new(content, 3);
        self.store().post_message(&self.user, self.session, &post).await.unwrap();
    }

    /// Claims the next task and starts an attempt at it.
    pub(super) async fn run(&mut self) -> (TaskId, Call, JoinHandle<()>) {
        let claim = self.store().claim(&self.worker, 1).await.unwrap().value.pop().expect("a task is due");
        let (task_id, runner) = (claim.task_id, self.runner.clone());
        let run = tokio::spawn(async move { drop(runner.run(claim, false).await) });
        let call = timeout(TIMEOUT, self.calls.recv()).await.unwrap().unwrap();
        (task_id, call, run)
    }

    pub(super) async fn start(&mut self) -> (TaskId, Call, JoinHandle<()>) {
        self.post().await;
        self.run().await
    }

    pub(super) async fn ended(&self, task_id: TaskId, run: JoinHandle<()>) -> TaskDetail {
        timeout(TIMEOUT, run).await.expect("the attempt did not end").unwrap();
        let findings = self.store().check().await.unwrap().findings;
        assert_eq!(findings, []);
        self.store().find_task(self.session, task_id).await.unwrap().unwrap()
    }

    /// Waits until the steps satisfy a condition.
    pub(super) async fn steps(&self, task_id: TaskId, expected: impl Fn(&[Step]) -> bool) -> Vec<Step> {
        let poll = async {
            loop {
                let steps = self.store().find_task(self.session, task_id).await.unwrap().unwrap().steps;
                if expected(&steps) {
                    return steps;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(TIMEOUT, poll).await.expect("the steps never reached the expected state")
    }

    /// Answers a step's permission request just as the api does in another process. The worker learns of the answer
    /// only through the relay.
    pub(super) async fn decide(
        &self,
        task_id: TaskId,
        step: &Step,
        decision: PermissionDecision,
    ) -> Result<(), StoreError> {
        let id = permission_of(step).request_id;
        let answered = self
            .store()
            .answer_permission(&self.user, self.session, task_id, id, &PermissionAnswer::Decision(decision))
            .await?;
        self.runner.relay.announce(answered.hints);
        Ok(())
    }
}

pub(super) fn allowed(option: &str) -> PermissionReply {
    PermissionReply::Answered { decision: PermissionDecision::Allow, chosen: Some(option.into()) }
}

pub(super) fn rejected() -> PermissionReply {
    PermissionReply::Answered { decision: PermissionDecision::Reject, chosen: None }
}

pub(super) fn permission_of(step: &Step) -> PermissionDetail {
    let StepDetail::Permission(detail) = &step.detail else { panic!("not a permission request: {step:?}") };
    detail.clone()
}

pub(super) fn shown(steps: &[Step]) -> Vec<(i64, StepKind, StepStatus, &str)> {
    steps.iter().map(|step| (step.seq, step.kind(), step.status, step.title.as_str())).collect()
}

pub(super) fn is_pending(steps: &[Step]) -> bool {
    steps.iter().any(|step| step.kind() == StepKind::Permission && step.status == StepStatus::Pending)
}

/// Waits until the next attempt is due.
pub(super) async fn wait_until_due(f: &Fixture) {
    let poll = async {
        while !f.store().has_due_job(&f.worker).await.unwrap() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, poll).await.expect("the task was not due again in time");
}
