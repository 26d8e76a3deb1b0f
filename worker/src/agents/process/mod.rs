//! Starts, watches, and ends the processes of agents. Independent of any protocol.
//!
//! Guarantees: an agent gets a cleared environment with little more than its own home and the secrets configured for
//! it; it works in the folder of its session, which no other agent's process uses at the same time; when it ends, for
//! whatever reason, nothing that it started is left running ([`crate::supervise`]).

mod folders;
mod spawner;
mod stderr;
pub mod tree;

use std::{
    borrow::Cow,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use banter_shared::id::SessionId;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{spawner::Spawner, stderr::StderrTail};
pub use folders::{AgentFolders, find_program};

/// This program, even if its file was replaced since the start.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How long an agent may take to exit after its stdin is closed.
const EXIT_LIMIT: Duration = Duration::from_secs(3);
/// How long the supervisor may take to exit after SIGTERM.
const TERM_LIMIT: Duration = Duration::from_secs(3);
/// Replaces both limits when the worker is about to exit.
const SHUTDOWN_EXIT_LIMIT: Duration = Duration::from_millis(300);
/// How long reading the rest of an agent's stderr may take after it has exited.
const STDERR_LIMIT: Duration = Duration::from_secs(1);
/// How long the worker waits at shutdown for all agents to exit.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(6);

/// The program of an agent.
#[derive(Clone, Debug)]
pub enum Program {
    /// This program.
    Own,
    /// A program that is looked up at each start, because it may be installed while the worker runs.
    Named(String),
}

/// Why an agent cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program was not found.
    #[error("The program `{0}` is not installed on the worker, or not on its PATH.")]
    NotInstalled(String),
    /// The folders could not be created or the supervisor could not be started.
    #[error("cannot start the agent's process")]
    System(#[from] io::Error),
}

/// How to start an agent.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The agent's key.
    pub agent_key: String,
    /// The program.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables in addition to the few that every agent gets.
    pub env: Vec<(String, String)>,
    /// Variables whose values are redacted from all output.
    pub secrets: Vec<(String, String)>,
}

/// Starts agents, and ends all of them at shutdown.
#[derive(Clone, Debug)]
pub struct ProcessHost {
    spawner: Spawner,
    folders: Arc<AgentFolders>,
    tasks: TaskTracker,
    shutting_down: CancellationToken,
}

/// A running agent.
#[derive(Debug)]
pub struct AgentProcess {
    /// The agent's standard input.
    pub stdin: ChildStdin,
    /// The agent's standard output.
    pub stdout: ChildStdout,
    /// The handle to watch and end it.
    pub handle: ProcessHandle,
}

/// Watches and ends an agent. Dropping the last clone ends the agent.
#[derive(Clone, Debug)]
pub struct ProcessHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pid: u32,
    exit: watch::Receiver<Option<ExitStatus>>,
    end: CancellationToken,
    stderr: StderrTail,
    folder: PathBuf,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl ProcessHost {
    /// Creates a host that keeps the agents' files in this folder. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Fails if the folder does not exist or no thread can be started.
    pub fn new(data_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            spawner: Spawner::new()?,
            folders: Arc::new(AgentFolders::new(data_dir)?),
            tasks: TaskTracker::new(),
            shutting_down: CancellationToken::new(),
        })
    }

    /// Returns the tracker for work of agents that continues after a turn. The shutdown waits for it.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Returns a token that is cancelled when the worker is shutting down and everything should end soon.
    #[must_use]
    pub fn shutting_down(&self) -> &CancellationToken {
        &self.shutting_down
    }

    /// Starts an agent in the work folder of a session.
    ///
    /// # Errors
    /// See [`StartError`]. If a program exists but cannot be started, the supervisor exits with an error code instead.
    pub async fn start(&self, launch: &Launch, session: SessionId) -> Result<AgentProcess, StartError> {
        let program = launch.program.find()?;
        let folder = self.folders.work(session)?;
        let mut command = Command::new(OWN_PROGRAM);
        command.arg0("worker").arg("supervise").arg("--parent").arg(std::process::id().to_string());
        command.arg("--lock").arg(self.folders.lock(session)).arg("--").arg(program.as_ref()).args(&launch.args);
        command.env_clear().envs(self.folders.environment(&launch.agent_key)?);
        command.envs(launch.env.iter().chain(&launch.secrets).map(|(name, value)| (name, value)));
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own process group, because Ctrl-C is meant for the worker, which then lets its turns finish.
        command.process_group(0);
        let mut child = self.spawner.start(command).await?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id());
        let (Some(stdin), Some(stdout), Some(errors), Some(pid)) = streams else {
            return Err(io::Error::other("a process without its streams").into());
        };
        let stderr = StderrTail::new(launch.secrets.iter().map(|(_, value)| value.trim().to_owned()).collect());
        self.tasks.spawn(stderr.clone().drain(errors));
        let (exit_sender, exit) = watch::channel(None);
        let end = CancellationToken::new();
        let watcher = Watcher {
            child,
            pid,
            end: end.clone(),
            shutting_down: self.shutting_down.clone(),
            spawner: self.spawner.clone(),
        };
        self.tasks.spawn(async move {
            exit_sender.send_replace(Some(watcher.watch().await));
        });
        let handle = ProcessHandle { inner: Arc::new(Inner { pid, exit, end, stderr, folder }) };
        Ok(AgentProcess { stdin, stdout, handle })
    }

    /// Returns the agents' folders.
    #[must_use]
    pub fn folders(&self) -> &Arc<AgentFolders> {
        &self.folders
    }

    /// Ends all remaining agents before the worker exits.
    pub async fn shut_down(&self) {
        self.shutting_down.cancel();
        self.tasks.close();
        if timeout(SHUTDOWN_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("agents still running; their supervisors kill them when the worker exits");
        }
    }
}

impl Program {
    fn find(&self) -> Result<Cow<'static, Path>, StartError> {
        match self {
            Self::Own => Ok(Path::new(OWN_PROGRAM).into()),
            Self::Named(name) => {
                find_program(name).map(Cow::Owned).ok_or_else(|| StartError::NotInstalled(name.clone()))
            }
        }
    }
}

impl ProcessHandle {
    /// Creates a handle to a process that is already running and is not ended.
    #[cfg(test)]
    pub(in crate::agents) fn for_pid(pid: u32) -> (Self, watch::Sender<Option<ExitStatus>>) {
        let (exit_sender, exit) = watch::channel(None);
        let (end, stderr) = (CancellationToken::new(), StderrTail::new(Vec::new()));
        (Self { inner: Arc::new(Inner { pid, exit, end, stderr, folder: PathBuf::new() }) }, exit_sender)
    }

    /// Ends the agent in the background. The owner of its stdin should have closed it.
    pub fn end(&self) {
        self.inner.end.cancel();
    }

    /// Waits until the agent and its descendants have exited. Returns the exit status if it is known.
    pub async fn exited(&self) -> Option<ExitStatus> {
        let mut exit = self.inner.exit.clone();
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Like [`ProcessHandle::exited`], but does not keep the agent alive while waiting.
    pub fn exit_signal(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut exit = self.inner.exit.clone();
        async move {
            let _ = exit.wait_for(Option::is_some).await;
        }
    }

    /// Returns whether the agent is running and not being ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.exit.borrow().is_none() && !self.inner.end.is_cancelled()
    }

    /// Returns the end of the agent's stderr, without secrets.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.inner.stderr.text()
    }

    /// Waits for the rest of the stderr of an agent that has exited, and returns its end.
    pub async fn final_stderr(&self) -> String {
        let _ = timeout(STDERR_LIMIT, self.inner.stderr.drained()).await;
        self.stderr()
    }

    /// Replaces every secret in a text.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.inner.stderr.redact(text)
    }

    /// Returns the agent's work folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Returns the process id of the agent's supervisor if the agent is running.
    #[must_use]
    pub fn running_pid(&self) -> Option<u32> {
        self.is_running().then_some(self.inner.pid)
    }
}

/// Waits for a supervisor to exit, or ends it.
struct Watcher {
    child: Child,
    pid: u32,
    end: CancellationToken,
    shutting_down: CancellationToken,
    spawner: Spawner,
}

impl Watcher {
    async fn watch(mut self) -> ExitStatus {
        let ended = tokio::select! {
            status = self.child.wait() => Some(status),
            () = self.end.cancelled() => None,
            () = self.shutting_down.cancelled() => None,
        };
        let status = match ended {
            Some(status) => status,
            None => self.stop().await,
        };
        // If the supervisor was killed, its descendants are now the worker's children.
        self.spawner.sweep(self.pid).await;
        status.unwrap_or_default()
    }

    async fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.wait(EXIT_LIMIT).await {
            return status;
        }
        if let Ok(pid) = i32::try_from(self.pid) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if let Some(status) = self.wait(TERM_LIMIT).await {
            return status;
        }
        tracing::warn!(pid = self.pid, "agent supervisor did not exit; killing it");
        // The agent first: without its supervisor, it would be harder to find.
        tree::descendants(self.pid).into_iter().for_each(tree::kill);
        self.child.start_kill()?;
        self.child.wait().await
    }

    async fn wait(&mut self, limit: Duration) -> Option<io::Result<ExitStatus>> {
        let shutdown_limit = async {
            self.shutting_down.cancelled().await;
            sleep(SHUTDOWN_EXIT_LIMIT).await;
        };
        tokio::select! {
            status = self.child.wait() => Some(status),
            () = sleep(limit) => None,
            () = shutdown_limit => None,
        }
    }
}
