//! A handle to an agent process.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::stderr::StderrTail;

/// Time limit for reading the rest of an agent's stderr after the agent has exited.
const STDERR_LIMIT: Duration = Duration::from_secs(1);

/// Watches an agent process and can terminate it. Dropping the last clone terminates the process.
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
    folders: HandleFolders,
}

/// The folders of an agent process.
#[derive(Clone, Debug, Default)]
pub(super) struct HandleFolders {
    /// The folder in which the agent works.
    pub folder: PathBuf,
    /// The session's work folder, in which attachments are placed.
    pub work_folder: PathBuf,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl ProcessHandle {
    /// Creates a handle to a supervisor. `exit` receives the supervisor's exit status, and cancelling `end` terminates
    /// the supervisor.
    pub(super) fn new(
        pid: u32,
        exit: watch::Receiver<Option<ExitStatus>>,
        end: CancellationToken,
        stderr: StderrTail,
        folders: HandleFolders,
    ) -> Self {
        Self { inner: Arc::new(Inner { pid, exit, end, stderr, folders }) }
    }

    /// Creates a handle to an already running process, which is never terminated.
    #[cfg(test)]
    pub(in crate::agents) fn for_pid(pid: u32) -> (Self, watch::Sender<Option<ExitStatus>>) {
        let (exit_sender, exit) = watch::channel(None);
        let (end, stderr) = (CancellationToken::new(), StderrTail::new(Vec::new()));
        (Self::new(pid, exit, end, stderr, HandleFolders::default()), exit_sender)
    }

    /// Terminates the agent in the background. The caller should also close the agent's stdin, so that the agent can
    /// exit on its own before it is sent a signal.
    pub fn end(&self) {
        self.inner.end.cancel();
    }

    /// Waits until the agent and its descendants have exited. Returns the exit status, if known.
    pub async fn exited(&self) -> Option<ExitStatus> {
        let mut exit = self.inner.exit.clone();
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Like [`ProcessHandle::exited`], but returns no status and does not keep the agent alive while waiting.
    pub fn exit_signal(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut exit = self.inner.exit.clone();
        async move {
            let _ = exit.wait_for(Option::is_some).await;
        }
    }

    /// Returns whether the agent is running and is not being terminated.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.exit.borrow().is_none() && !self.inner.end.is_cancelled()
    }

    /// Returns the end of the agent's stderr so far, with secrets redacted.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.inner.stderr.text()
    }

    /// Like [`ProcessHandle::stderr`], but first waits briefly for the rest of an exited agent's stderr.
    pub async fn final_stderr(&self) -> String {
        let _ = timeout(STDERR_LIMIT, self.inner.stderr.drained()).await;
        self.stderr()
    }

    /// Redacts every secret in the text.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.inner.stderr.redact(text)
    }

    /// Returns the folder in which the agent works.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folders.folder
    }

    /// Returns the session's work folder, which is not the folder in which the agent works if the user chose another
    /// one.
    #[must_use]
    pub fn work_folder(&self) -> &Path {
        &self.inner.folders.work_folder
    }

    /// Returns the process ID of the agent's supervisor, if the agent is running.
    #[must_use]
    pub fn running_pid(&self) -> Option<u32> {
        self.is_running().then_some(self.inner.pid)
    }
}
