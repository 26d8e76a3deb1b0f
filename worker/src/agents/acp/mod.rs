//! Driver `acp`: any program that speaks the Agent Client Protocol over its stdin and stdout.
//!
//! A conversation has a process of its own, which is kept for a while (`pool`). A new process goes on in the agent's
//! earlier session if it can, else it is told the conversation (`session`). A turn is one prompt (`turn`); it runs in
//! a task of its own, so that to stop it is not cut short when the worker has ended the answer already.

mod connection;
mod errors;
mod map;
mod pool;
mod session;
mod terminal;
mod transport;
mod turn;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use banter_shared::{
    agents_file::{AcpConfig, PermissionPolicy, ProgramConfig},
    chat::ErrorCode,
    id::SessionId,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use self::{
    connection::Connection,
    pool::{Lease, Limits, Pool},
    turn::{Ended, Left, Prompt},
};
use super::{
    Agent, AgentError, Answer, Resume, Turn, Update,
    process::{Launch, OWN_PROGRAM, ProcessHost},
    prompt,
};

pub(super) use errors::gone;

/// How long the demo's processes are kept without work. They start fast.
const DEMO_KEEP_WARM: Duration = Duration::from_mins(1);
/// Processes of the demo at once, unless the worker does more at once. They are small.
const DEMO_PROCESSES: usize = 64;

/// See the module.
#[derive(Clone)]
pub struct AcpAgent {
    inner: Arc<Inner>,
}

struct Inner {
    config: AcpConfig,
    launch: Launch,
    host: ProcessHost,
    pool: Arc<Pool>,
}

impl AcpAgent {
    /// An agent that is started so; nothing is started yet.
    #[must_use]
    pub fn new(config: AcpConfig, launch: Launch, host: ProcessHost) -> Self {
        let limits = Limits {
            keep_warm: config.keep_warm,
            processes: config.max_processes,
            memory_bytes: config.max_memory_mb.saturating_mul(1024 * 1024),
        };
        let pool = Pool::new(limits, &host);
        Self { inner: Arc::new(Inner { config, launch, host, pool }) }
    }

    /// The built-in demo: this very program as an agent, driven as any other. It asks before it pretends to run a tool.
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
            program: PathBuf::from(OWN_PROGRAM),
            args: vec!["demo-agent".into()],
            env: Vec::new(),
            secrets: Vec::new(),
        };
        Self::new(config, launch, host)
    }

    /// Starts the agent, lets it introduce itself and open a session, and ends it again.
    pub async fn probe(&self) -> Probe {
        let mut probe = Probe::default();
        let folder = SessionId::generate();
        let ended = match self.inner.start(folder).await {
            Ok(connection) => {
                probe.started_in = Some(probe.begun_at.elapsed());
                let about = &connection.about;
                probe.calls_itself = about.agent_info.as_ref().map(|info| format!("{} {}", info.name, info.version));
                probe.sign_in = about.auth_methods.iter().map(|method| method.name().to_owned()).collect();
                probe.failure = session::open(&connection, &self.inner.config, None).await.err();
                Some(connection.control().clone())
            }
            Err(error) => {
                probe.failure = Some(error);
                None
            }
        };
        if let Some(control) = ended {
            control.gone().await;
        }
        if let Err(error) = self.inner.host.folders().remove_work(folder) {
            tracing::warn!(%error, "cannot remove the folder of a trial");
        }
        probe
    }
}

/// What came of trying an agent.
#[derive(Debug)]
pub struct Probe {
    begun_at: Instant,
    /// How long it took until it had introduced itself; none: it did not.
    pub started_in: Option<Duration>,
    /// Its name and version.
    pub calls_itself: Option<String>,
    /// The ways to sign in that it names.
    pub sign_in: Vec<String>,
    /// Why no session could be opened; none: it could.
    pub failure: Option<AgentError>,
}

impl Default for Probe {
    fn default() -> Self {
        Self { begun_at: Instant::now(), started_in: None, calls_itself: None, sign_in: Vec::new(), failure: None }
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
        // Also when this future is dropped.
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
        let Some(mut lease) = stop.run_until_cancelled(self.pool.lease(turn.session_id)).await else { return };
        let result = self.answer(turn, &mut lease, updates, stop).await;
        // The next turn of the conversation finds its place free.
        drop(lease);
        let _ = reply.send(result);
    }

    async fn answer(
        &self,
        turn: Turn,
        lease: &mut Lease,
        updates: &mpsc::Sender<Update>,
        stop: &CancellationToken,
    ) -> Result<Answer, AgentError> {
        let stopped = || Err(AgentError::stopped());
        let Some(ready) = stop.run_until_cancelled(self.prepare(&turn, lease)).await else {
            // Half started.
            lease.discard();
            return stopped();
        };
        if let Err(error) = ready {
            lease.discard();
            return Err(error);
        }
        let Some(warm) = lease.warm.as_mut() else { return stopped() };
        let Some(known) = warm.session.take() else { return stopped() };
        if updates.send(Update::Resume(known.id.clone())).await.is_err() {
            return stopped();
        }
        let Ended { result, left } = Prompt {
            connection: &warm.connection,
            config: &self.config,
            session_id: &known.id,
            blocks: prompt::blocks(turn.history, known.seen, self.config.history_bytes),
            updates,
            stop,
            hurry: self.host.hurry(),
        }
        .run()
        .await;
        match left {
            Left::Session => warm.session = Some(session::Known { id: known.id, seen: Some(turn.turn) }),
            Left::Process => {}
            Left::Nothing => lease.discard(),
        }
        result
    }

    /// Sees to it that there is a process with a session that can be prompted.
    async fn prepare(&self, turn: &Turn, lease: &mut Lease) -> Result<(), AgentError> {
        // A session that has seen this turn already, or later ones, knows too much.
        let mut resume = turn.resume.as_ref().filter(|resume| resume.turn < turn.turn);
        if let Some(warm) = lease.warm.as_mut() {
            if !warm.connection.is_open() {
                lease.discard();
            } else if let Some(known) = &warm.session {
                let is_behind = resume.is_some_and(|resume| resume.id != known.id && Some(resume.turn) > known.seen);
                if known.seen < Some(turn.turn) && !is_behind {
                    return Ok(());
                }
                warm.session = None;
            }
        }
        loop {
            if lease.warm.is_none() {
                let room = lease.make_room().await;
                let connection = self.start(turn.session_id).await?;
                lease.put(connection, room);
            }
            let Some(warm) = lease.warm.as_mut() else { return Err(AgentError::stopped()) };
            match session::open(&warm.connection, &self.config, resume).await {
                Ok(known) => {
                    warm.session = Some(known);
                    return Ok(());
                }
                // An agent that breaks down over its earlier session gets a new one.
                Err(error) if resume.is_some() && !warm.connection.is_open() => {
                    tracing::warn!(%error, "the agent broke down over its earlier session");
                    resume = None::<&Resume>;
                    lease.discard();
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn start(&self, session: SessionId) -> Result<Connection, AgentError> {
        let process = self.host.start(&self.launch, session).await.map_err(|error| {
            tracing::error!(agent = self.launch.agent_key, %error, "cannot start an agent");
            AgentError::new(ErrorCode::AgentUnavailable, "The agent's process cannot be started on the worker.")
        })?;
        Connection::open(process, &self.host).await
    }
}
