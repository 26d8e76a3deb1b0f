//! Starts, watches, and terminates agent processes, independently of any protocol.
//!
//! Guarantees:
//! - An agent's environment contains only a few basic variables and the variables and secrets configured for it.
//! - An agent runs in the folder of its session. No other agent process runs for the session at the same time.
//! - When an agent exits, for whatever reason, nothing that it started keeps running ([`crate::supervise`]).

mod folders;
mod handle;
mod spawner;
mod stderr;
mod tool;
pub mod tree;
mod watcher;

use std::{borrow::Cow, ffi::OsString, io, path::Path, process::Stdio, sync::Arc, time::Duration};

use banter_shared::id::SessionId;
use tokio::{
    process::{ChildStdin, ChildStdout, Command},
    sync::watch,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    folders::{AgentFolders, find_program},
    handle::ProcessHandle,
    tool::{ToolLimits, ToolOutput},
};
use self::{handle::HandleFolders, spawner::Spawner, stderr::StderrTail, watcher::Watcher};

/// The path to this program, which remains valid even if the file is replaced while the worker is running.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How long the worker waits at shutdown for all agents to exit.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(6);

/// An agent's program.
#[derive(Clone, Debug)]
pub enum Program {
    /// This program.
    Own,
    /// A program that is looked up every time it is started, because the program may be installed while the worker
    /// runs.
    Named(String),
}

/// The reason why an agent cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No program with this name was found.
    #[error("The program `{0}` is not installed on the worker, or is not on its PATH.")]
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
    /// The program's arguments.
    pub args: Vec<OsString>,
    /// Environment variables to add to those that every agent receives.
    pub env: Vec<(String, String)>,
    /// Additional environment variables, whose values are redacted from stderr and error messages.
    pub secrets: Vec<(String, String)>,
}

/// Starts agents, and terminates all of them at shutdown.
#[derive(Clone, Debug)]
pub struct ProcessHost {
    spawner: Spawner,
    folders: Arc<AgentFolders>,
    tasks: TaskTracker,
    shutting_down: CancellationToken,
}

/// A running agent process.
#[derive(Debug)]
pub struct AgentProcess {
    /// The agent's stdin.
    pub stdin: ChildStdin,
    /// The agent's stdout.
    pub stdout: ChildStdout,
    /// The handle for watching and terminating the agent.
    pub handle: ProcessHandle,
}

impl ProcessHost {
    /// Creates a host that keeps the agents' files in this folder. Must be called from within a tokio runtime.
    ///
    /// # Errors
    /// Fails if the folder does not exist, a thread cannot be started, or the system is not Linux.
    pub fn new(data_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            spawner: Spawner::new()?,
            folders: Arc::new(AgentFolders::new(data_dir)?),
            tasks: TaskTracker::new(),
            shutting_down: CancellationToken::new(),
        })
    }

    /// Returns the tracker for tokio tasks that continue after a turn. Shutdown waits for these tasks.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Returns a token that is cancelled when the worker is about to exit. All tracked tasks should then end soon.
    #[must_use]
    pub fn shutting_down(&self) -> &CancellationToken {
        &self.shutting_down
    }

    /// Starts an agent in this folder, or in its session's work folder if `folder` is `None`.
    ///
    /// # Errors
    /// See [`StartError`]. If the program exists but cannot be started, this function succeeds, and the supervisor
    /// exits with an error code.
    pub async fn start(
        &self,
        launch: &Launch,
        session: SessionId,
        folder: Option<&Path>,
    ) -> Result<AgentProcess, StartError> {
        let program = launch.program.find()?;
        let work_folder = self.folders.work(session)?;
        let folder = folder.map_or_else(|| work_folder.clone(), Path::to_owned);
        let mut command = Command::new(OWN_PROGRAM);
        command.arg0("worker").arg("supervise").arg("--parent").arg(std::process::id().to_string());
        command.arg("--lock").arg(self.folders.lock(session)).arg("--").arg(program.as_ref()).args(&launch.args);
        command.env_clear().envs(self.folders.environment(&launch.agent_key)?);
        command.envs(launch.env.iter().chain(&launch.secrets).map(|(name, value)| (name, value)));
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Use a separate process group, because Ctrl-C is meant only for the worker, which then lets its turns finish.
        command.process_group(0);
        let mut child = self.spawner.start(command).await?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id());
        let (Some(stdin), Some(stdout), Some(errors), Some(pid)) = streams else {
            return Err(io::Error::other("the process has no standard streams").into());
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
        let handle = ProcessHandle::new(pid, exit, end, stderr, HandleFolders { folder, work_folder });
        Ok(AgentProcess { stdin, stdout, handle })
    }

    /// Returns the agents' folders.
    #[must_use]
    pub fn folders(&self) -> &Arc<AgentFolders> {
        &self.folders
    }

    /// Terminates all remaining agents before the worker exits.
    pub async fn shut_down(&self) {
        self.shutting_down.cancel();
        self.tasks.close();
        if timeout(SHUTDOWN_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("agents still running; their supervisors will kill them when the worker exits");
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
