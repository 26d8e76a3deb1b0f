//! Waits for agents' supervisors to exit, and terminates them.

use std::{io, process::ExitStatus, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{process::Child, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{spawner::Spawner, tree};

/// How long an agent may take to exit after its stdin is closed.
const EXIT_LIMIT: Duration = Duration::from_secs(3);
/// How long the supervisor may take to exit after it is sent SIGTERM.
const TERM_LIMIT: Duration = Duration::from_secs(3);
/// The limit that replaces each of the two above while the worker is shutting down.
const SHUTDOWN_EXIT_LIMIT: Duration = Duration::from_millis(300);

/// Waits for a supervisor to exit, and terminates it on request or at shutdown.
pub(super) struct Watcher {
    pub child: Child,
    pub pid: u32,
    pub end: CancellationToken,
    pub shutting_down: CancellationToken,
    pub spawner: Spawner,
}

impl Watcher {
    /// Waits until the supervisor and its descendants have exited. Returns the supervisor's exit status.
    pub async fn watch(mut self) -> ExitStatus {
        let ended = tokio::select! {
            status = self.child.wait() => Some(status),
            () = self.end.cancelled() => None,
            () = self.shutting_down.cancelled() => None,
        };
        let status = match ended {
            Some(status) => status,
            None => self.stop().await,
        };
        // If the supervisor was killed, its descendants are now children of the worker.
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
        // Kill the agent first, because it would be harder to find without its supervisor.
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
