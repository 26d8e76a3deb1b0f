//! The driver `acp`: any program that implements the Agent Client Protocol over stdin and stdout.
//!
//! Each conversation has its own process, which is kept for a while (`pool`). A new process resumes the agent's earlier
//! session if it can, and otherwise receives the conversation (`session`). A turn is one prompt (`turn`); it runs in
//! its own task, so that its cancellation completes even if the worker has already dropped the answer.

mod agent_info;
mod bounded_json;
mod connection;
mod content;
mod errors;
mod lines;
mod mapper;
mod message;
mod peer;
mod permission;
mod pool;
mod prompt_result;
mod session;
mod settle;
mod terminal;
mod tool;
mod turn;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use banter_shared::{
    agents_file::{AcpConfig, PermissionPolicy, ProgramConfig},
    chat::{AgentSession, ErrorCode},
    id::SessionId,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use self::{
    connection::Connection,
    pool::{Pool, PoolLimits, SlotGuard},
    settle::SettlePolicy,
    turn::{Prompt, Reuse, TurnResult},
};
use super::{
    Agent, AgentError, Answer, Turn, Update,
    process::{AgentProcess, Launch, ProcessHost, Program, StartError},
    prompt,
};

pub(super) use errors::from_exit;

/// How long idle processes of the demo are kept; they start fast.
const DEMO_KEEP_WARM: Duration = Duration::from_mins(1);
/// Maximum number of the demo's processes, unless the worker runs more tasks at once; they are small.
const DEMO_PROCESSES: usize = 64;

/// An agent that implements the Agent Client Protocol.
#[derive(Clone)]
pub struct AcpAgent {
    inner: Arc<Inner>,
}

struct Inner {
    config: AcpConfig,
    launch: Launch,
    host: ProcessHost,
    pool: Arc<Pool>,
    settle_policy: Arc<SettlePolicy>,
}

impl AcpAgent {
    /// Creates the agent without starting anything.
    #[must_use]
    pub fn new(config: AcpConfig, launch: Launch, host: ProcessHost) -> Self {
        Self::with_settle_policy(config, launch, host, SettlePolicy::lenient())
    }

    fn with_settle_policy(config: AcpConfig, launch: Launch, host: ProcessHost, settle_policy: SettlePolicy) -> Self {
        let limits = PoolLimits {
            keep_warm: config.keep_warm,
            processes: config.max_processes,
            memory_bytes: config.max_memory_mb.saturating_mul(1024 * 1024),
        };
        let pool = Pool::new(limits, &host);
        Self { inner: Arc::new(Inner { config, launch, host, pool, settle_policy: Arc::new(settle_policy) }) }
    }

    /// Creates the built-in demo: this program as an agent, driven like any other. It requests permission before it
    /// pretends to run a tool.
    #[must_use]
    pub fn demo(key: String, concurrency: usize, host: ProcessHost) -> Self {
        let config = AcpConfig {
            permission: PermissionPolicy::Ask,
            keep_warm: DEMO_KEEP_WARM,
            max_processes: DEMO_PROCESSES.max(concurrency),
            max_memory_mb: u64::MAX,
            ..AcpConfig::new(ProgramConfig::default())
        };
        let launch = Launch {
            agent_key: key,
            program: Program::Own,
            args: vec!["demo-agent".into()],
            env: Vec::new(),
            secrets: Vec::new(),
        };
        Self::with_settle_policy(config, launch, host, SettlePolicy::strict())
    }

    /// Starts the agent, initializes it, opens a session, and ends it.
    pub async fn probe(&self) -> Probe {
        let mut probe = Probe::default();
        let folder = SessionId::generate();
        match self.inner.start(folder).await {
            Ok(process) => {
                let handle = process.handle.clone();
                probe.failure = self.introduce(process, &mut probe).await.err();
                handle.end();
                handle.exited().await;
                if probe.failure.is_some() {
                    probe.stderr = handle.final_stderr().await;
                }
            }
            Err(error) => probe.failure = Some(error.into()),
        }
        if let Err(error) = self.inner.host.folders().remove_work(folder) {
            tracing::warn!(%error, "failed to remove the folder of a probe");
        }
        probe
    }

    async fn introduce(&self, process: AgentProcess, probe: &mut Probe) -> Result<(), AgentError> {
        let opened = Connection::open(process, &self.inner.host, &self.inner.settle_policy).await;
        // Only now is it known whether the supervisor could start the program.
        probe.is_started = opened.as_ref().err().is_none_or(|error| error.code != ErrorCode::AgentUnavailable);
        let connection = opened?;
        probe.spoke_after = Some(probe.begun_at.elapsed());
        let agent_info = &connection.agent_info;
        probe.calls_itself.clone_from(&agent_info.display_name);
        probe.sign_in_methods.clone_from(&agent_info.sign_in_methods);
        session::open(&connection, &self.inner.config, None, None).await.map(drop)
    }
}

/// The result of trying an agent.
#[derive(Debug)]
pub struct Probe {
    begun_at: Instant,
    /// Whether the program was started.
    pub is_started: bool,
    /// Time until the agent was initialized; `None` if it was not.
    pub spoke_after: Option<Duration>,
    /// Its name and version.
    pub calls_itself: Option<String>,
    /// The names of its sign-in methods.
    pub sign_in_methods: Vec<String>,
    /// Why no session could be opened; `None` if one was.
    pub failure: Option<AgentError>,
    /// The end of its stderr if it failed, without secrets.
    pub stderr: String,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            begun_at: Instant::now(),
            is_started: false,
            spoke_after: None,
            calls_itself: None,
            sign_in_methods: Vec::new(),
            failure: None,
            stderr: String::new(),
        }
    }
}

#[async_trait]
impl Agent for AcpAgent {
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError> {
        let stop = stop.child_token();
        // Also stops the turn if this future is dropped.
        let _stop_turn = stop.clone().drop_guard();
        let (reply, answer) = oneshot::channel();
        let inner = Arc::clone(&self.inner);
        self.inner.host.tasks().spawn(async move { inner.run(turn, &updates, &stop, reply).await });
        answer.await.unwrap_or_else(|_| Err(AgentError::stopped()))
    }

    fn forget(&self, session: SessionId) {
        self.inner.pool.forget(session);
    }
}

impl Inner {
    async fn run(
        &self,
        turn: Turn,
        updates: &mpsc::Sender<Update>,
        stop: &CancellationToken,
        reply: oneshot::Sender<Result<Answer, AgentError>>,
    ) {
        let Some(mut slot) = stop.run_until_cancelled(self.pool.acquire(turn.session_id)).await else { return };
        let (result, cleanup) = self.answer(turn, &mut slot, updates, stop).await;
        let _ = reply.send(result);
        // The next turn of the conversation waits for this, so that nothing of this turn is mistaken for a part of it.
        if let Some(cleanup) = cleanup
            && let Some(warm) = slot.warm.as_ref()
            && !cleanup.run(&warm.connection, &self.settle_policy).await
        {
            slot.discard();
        }
    }

    /// Returns the answer, and if the agent was prompted, what has to be cleaned up.
    async fn answer(
        &self,
        turn: Turn,
        slot: &mut SlotGuard,
        updates: &mpsc::Sender<Update>,
        stop: &CancellationToken,
    ) -> (Result<Answer, AgentError>, Option<turn::Cleanup>) {
        let stopped = || (Err(AgentError::stopped()), None);
        let Some(ready) = stop.run_until_cancelled(self.prepare(&turn, slot)).await else {
            // The process may be partially set up.
            slot.discard();
            return stopped();
        };
        if let Err(error) = ready {
            slot.discard();
            return (Err(error), None);
        }
        let Some(warm) = slot.warm.as_mut() else { return stopped() };
        let Some(known) = warm.session.take() else { return stopped() };
        let own = AgentSession { id: known.id.clone(), provider: self.provider(&warm.connection) };
        if updates.send(Update::Resume(own)).await.is_err() {
            return stopped();
        }
        let TurnResult { result, reuse, cleanup } = Prompt {
            connection: &warm.connection,
            config: &self.config,
            session_id: &known.id,
            blocks: prompt::blocks(turn.history, known.last_turn, self.config.history_bytes),
            updates,
            stop,
            shutting_down: self.host.shutting_down(),
            settle_policy: &self.settle_policy,
        }
        .run()
        .await;
        match reuse {
            Reuse::Session => warm.session = Some(session::OpenSession { id: known.id, last_turn: Some(turn.turn) }),
            Reuse::Process => {}
            Reuse::Nothing => slot.discard(),
        }
        (result, Some(cleanup))
    }

    /// Ensures that there is a process with a session that can be prompted.
    async fn prepare(&self, turn: &Turn, slot: &mut SlotGuard) -> Result<(), AgentError> {
        // A session that has already seen this turn, or later ones, cannot be resumed.
        let mut resume = turn.resume.as_ref().filter(|resume| resume.turn < turn.turn);
        if let Some(warm) = slot.warm.as_mut() {
            if !warm.connection.is_open() {
                slot.discard();
            } else if let Some(known) = &warm.session {
                let is_behind =
                    resume.is_some_and(|resume| resume.session.id != known.id && Some(resume.turn) > known.last_turn);
                if known.last_turn < Some(turn.turn) && !is_behind {
                    return Ok(());
                }
                warm.session = None;
            }
        }
        loop {
            if slot.warm.is_none() {
                let permit = slot.acquire_permit().await;
                let process = self.start(turn.session_id).await?;
                let permit = slot.attach_permit(permit, &process.handle);
                slot.put(Connection::open(process, &self.host, &self.settle_policy).await?, permit);
            }
            let Some(warm) = slot.warm.as_mut() else { return Err(AgentError::stopped()) };
            // Another program cannot use the session id, or would take it for a different session.
            let provider = self.provider(&warm.connection);
            resume = resume.filter(|resume| resume.session.provider == provider);
            match session::open(&warm.connection, &self.config, resume, self.settle_policy.after_replay()).await {
                Ok(known) => {
                    warm.session = Some(known);
                    return Ok(());
                }
                // An agent that crashes while restoring its session gets a new one.
                Err(error) if resume.is_some() && !warm.connection.is_open() => {
                    tracing::warn!(%error, "agent crashed while restoring its session; starting a new one");
                    resume = None;
                    slot.discard();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the program that the agent's sessions belong to: the name that it reports, or that of the started
    /// program.
    fn provider(&self, connection: &Connection) -> String {
        let started = match &self.launch.program {
            Program::Named(name) => name.as_str(),
            Program::Own => "",
        };
        connection.agent_info.name.as_deref().unwrap_or(started).to_owned()
    }

    async fn start(&self, session: SessionId) -> Result<AgentProcess, StartError> {
        self.host.start(&self.launch, session).await
    }
}
