//! Shutdown in two phases: drain, then abort.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The two phases of a shutdown, and the background tasks to wait for.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Creates a shutdown that has not started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the token that is cancelled when no new work may be started.
    #[must_use]
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Returns the token that is cancelled when running work must be aborted.
    #[must_use]
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Returns the tracker for the process's background tasks.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Handles SIGTERM and SIGINT. The first signal starts draining; a second one, or the end of `grace`, aborts.
    ///
    /// # Errors
    /// Returns an error if the signal handlers cannot be installed.
    pub fn listen(&self, grace: Duration) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // A write that exceeds the file size limit (`RLIMIT_FSIZE`) must fail like a write to a full disk. Without a
        // handler, the signal would kill the process (signal(7)).
        drop(signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?);
        let (soft, hard) = (self.soft.clone(), self.hard.clone());
        tokio::spawn(async move {
            let mut next =
                async || tokio::select! { _ = terminate.recv() => "SIGTERM", _ = interrupt.recv() => "SIGINT" };
            let name = next().await;
            tracing::info!(signal = name, grace_seconds = grace.as_secs(), "draining");
            soft.cancel();
            tokio::select! {
                _ = next() => tracing::warn!("received second signal; aborting"),
                () = tokio::time::sleep(grace) => tracing::info!("grace period expired; aborting"),
                () = hard.cancelled() => {}
            }
            hard.cancel();
        });
        Ok(())
    }
}
