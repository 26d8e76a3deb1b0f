//! Processes of agents: how they are started, watched and ended. Knows no protocol.
//!
//! Guarantees: an agent gets a cleared environment with little more than a home of its own, and the secrets named for it;
//! it works in a folder of its session that no other agent's process has open at the same time; nothing that it
//! started is left when it was ended, however it ends ([`crate::supervise`]).

mod environment;
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
pub use environment::{Folders, find_program};

/// This very program, also when its file was replaced since it was started.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How long an agent may take to end once its stdin is closed.
const CLOSED_PATIENCE: Duration = Duration::from_secs(3);
/// How long the supervisor may take after SIGTERM.
const TERM_PATIENCE: Duration = Duration::from_secs(3);
/// The same two when the worker is about to end.
const HURRIED_PATIENCE: Duration = Duration::from_millis(300);
/// How long the last that an agent wrote to its stderr may take to be read once it is gone.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(1);
/// How long the worker waits for all of them at its end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(6);

/// The program of an agent.
#[derive(Clone, Debug)]
pub enum Program {
    /// This very program.
    Own,
    /// One that is looked for at each start: it may be installed while the worker runs.
    Named(String),
}

/// Why an agent cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its program is not there.
    #[error("The program `{0}` is not installed on the worker, or not on its PATH.")]
    NotInstalled(String),
    /// Its folders cannot be made, or the supervisor cannot be started.
    #[error("cannot start the agent's process")]
    System(#[from] io::Error),
}

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The agent.
    pub agent_key: String,
    /// What is started.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables beside the few that every agent gets.
    pub env: Vec<(String, String)>,
    /// Variables that are never shown.
    pub secrets: Vec<(String, String)>,
}

/// Starts agents, and ends all of them with the worker.
#[derive(Clone, Debug)]
pub struct ProcessHost {
    spawner: Spawner,
    folders: Arc<Folders>,
    tasks: TaskTracker,
    hurry: CancellationToken,
}

/// A running agent.
#[derive(Debug)]
pub struct AgentProcess {
    /// Where it reads.
    pub stdin: ChildStdin,
    /// Where it writes.
    pub stdout: ChildStdout,
    /// The rest.
    pub control: Control,
}

/// Watches and ends an agent. When the last copy is dropped, the agent is ended.
#[derive(Clone, Debug)]
pub struct Control {
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
    /// A host that keeps the agents' files in this folder. Within a tokio runtime.
    ///
    /// # Errors
    /// When the folder is not there or the system has no thread to spare.
    pub fn new(data_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            spawner: Spawner::new()?,
            folders: Arc::new(Folders::new(data_dir)?),
            tasks: TaskTracker::new(),
            hurry: CancellationToken::new(),
        })
    }

    /// Where work of the agents belongs that goes on after a turn; awaited at the end.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Cancelled when the worker ends and everything is to be over soon.
    #[must_use]
    pub fn hurry(&self) -> &CancellationToken {
        &self.hurry
    }

    /// Starts an agent in the work folder of a session.
    ///
    /// # Errors
    /// See [`StartError`]. A program that is there and cannot be started shows in the supervisor's exit code.
    pub async fn start(&self, launch: &Launch, session: SessionId) -> Result<AgentProcess, StartError> {
        let program = launch.program.find()?;
        let folder = self.folders.work(session)?;
        let mut command = Command::new(OWN_PROGRAM);
        command.arg0("worker").arg("supervise").arg("--parent").arg(std::process::id().to_string());
        command.arg("--lock").arg(self.folders.lock(session)).arg("--").arg(program.as_ref()).args(&launch.args);
        command.env_clear().envs(self.folders.environment(&launch.agent_key)?);
        command.envs(launch.env.iter().chain(&launch.secrets).map(|(name, value)| (name, value)));
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Not in the worker's group: Ctrl-C is for the worker, which then lets its turns finish.
        command.process_group(0);
        let mut child = self.spawner.start(command).await?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id());
        let (Some(stdin), Some(stdout), Some(errors), Some(pid)) = streams else {
            return Err(io::Error::other("a process without its streams").into());
        };
        let stderr = StderrTail::new(launch.secrets.iter().map(|(_, value)| value.trim().to_owned()).collect());
        self.tasks.spawn(stderr.clone().drain(errors));
        let (exited, exit) = watch::channel(None);
        let end = CancellationToken::new();
        let keeper = Keeper { child, pid, end: end.clone(), hurry: self.hurry.clone(), spawner: self.spawner.clone() };
        self.tasks.spawn(async move {
            exited.send_replace(Some(keeper.keep().await));
        });
        let control = Control { inner: Arc::new(Inner { pid, exit, end, stderr, folder }) };
        Ok(AgentProcess { stdin, stdout, control })
    }

    /// The agents' files.
    #[must_use]
    pub fn folders(&self) -> &Arc<Folders> {
        &self.folders
    }

    /// Ends everything that is left, in time for the end of the worker.
    pub async fn shut_down(&self) {
        self.hurry.cancel();
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

impl Control {
    /// Stands for a process that runs already, which is not ended.
    #[cfg(test)]
    pub(in crate::agents) fn of(pid: u32) -> (Self, watch::Sender<Option<ExitStatus>>) {
        let (exited, exit) = watch::channel(None);
        let (end, stderr) = (CancellationToken::new(), StderrTail::new(Vec::new()));
        (Self { inner: Arc::new(Inner { pid, exit, end, stderr, folder: PathBuf::new() }) }, exited)
    }

    /// Ends the agent in the background: whoever has its stdin should have closed it.
    pub fn end(&self) {
        self.inner.end.cancel();
    }

    /// Waits until it is gone with all that it started. How it ended, if that is known.
    pub async fn gone(&self) -> Option<ExitStatus> {
        let mut exit = self.inner.exit.clone();
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// The same for somebody who does not keep it alive: whoever waits so holds no copy of this.
    pub fn when_gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut exit = self.inner.exit.clone();
        async move {
            let _ = exit.wait_for(Option::is_some).await;
        }
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.exit.borrow().is_none() && !self.inner.end.is_cancelled()
    }

    /// What it wrote to its stderr at last, without secrets.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.inner.stderr.text()
    }

    /// The same once it is gone, with the very last of it.
    pub async fn last_words(&self) -> String {
        let _ = timeout(LAST_WORDS_LIMIT, self.inner.stderr.ended()).await;
        self.stderr()
    }

    /// A text of the agent's with every secret crossed out.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.inner.stderr.redact(text)
    }

    /// The folder that it works in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// The process above it and its tools, if it still runs.
    #[must_use]
    pub fn running_pid(&self) -> Option<u32> {
        self.is_running().then_some(self.inner.pid)
    }
}

/// Waits for the end of a supervisor, or brings it about.
struct Keeper {
    child: Child,
    pid: u32,
    end: CancellationToken,
    hurry: CancellationToken,
    spawner: Spawner,
}

impl Keeper {
    async fn keep(mut self) -> ExitStatus {
        let ended = tokio::select! {
            status = self.child.wait() => Some(status),
            () = self.end.cancelled() => None,
            () = self.hurry.cancelled() => None,
        };
        let status = match ended {
            Some(status) => status,
            None => self.stop().await,
        };
        // A supervisor that was killed leaves its agent to us.
        self.spawner.sweep(self.pid).await;
        status.unwrap_or_default()
    }

    async fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.wait(CLOSED_PATIENCE).await {
            return status;
        }
        if let Ok(pid) = i32::try_from(self.pid) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if let Some(status) = self.wait(TERM_PATIENCE).await {
            return status;
        }
        tracing::warn!(pid = self.pid, "agent supervisor did not exit; killing it");
        // The agent first: without its supervisor it would be harder to find.
        tree::descendants(self.pid).into_iter().for_each(tree::kill);
        self.child.start_kill()?;
        self.child.wait().await
    }

    async fn wait(&mut self, patience: Duration) -> Option<io::Result<ExitStatus>> {
        let hurried = async {
            self.hurry.cancelled().await;
            sleep(HURRIED_PATIENCE).await;
        };
        tokio::select! {
            status = self.child.wait() => Some(status),
            () = sleep(patience) => None,
            () = hurried => None,
        }
    }
}
