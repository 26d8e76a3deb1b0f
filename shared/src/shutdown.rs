//! Shutting down in two steps: first finish, then stop.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The two steps of a shutdown, and the tasks that have to end before the process does.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Nothing is asked to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when no new work is to be started.
    #[must_use]
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when running work is to be given up.
    #[must_use]
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Background tasks of the process.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Starts to listen to SIGTERM and SIGINT: the first begins to drain, the second or `grace` later gives up.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn listen(&self, grace: Duration) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // A write over the limit for files (`RLIMIT_FSIZE`) is to fail like one to a full disk. Without a handler, it would kill
        // the process (signal(7)).
        drop(signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?);
        let (soft, hard) = (self.soft.clone(), self.hard.clone());
        tokio::spawn(async move {
            let mut next =
                async || tokio::select! { _ = terminate.recv() => "SIGTERM", _ = interrupt.recv() => "SIGINT" };
            let name = next().await;
            tracing::info!(signal = name, grace_seconds = grace.as_secs(), "draining");
            soft.cancel();
            tokio::select! {
                _ = next() => tracing::warn!("second signal; aborting"),
                () = tokio::time::sleep(grace) => tracing::info!("grace period over; aborting"),
                () = hard.cancelled() => {}
            }
            hard.cancel();
        });
        Ok(())
    }
}
