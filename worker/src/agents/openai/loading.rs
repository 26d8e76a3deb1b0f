//! Limits the wait for a server that is still loading its model.

use std::time::Duration;

use banter_shared::chat::{StepDetail, StepStatus};
use tokio::{sync::mpsc, time::Instant};

use crate::agents::{AgentError, StepUpdate, Update};

/// Limits on waiting for a server that is still loading its model.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadingLimits {
    /// How long to keep retrying, measured from the first response that says the model is loading.
    pub timeout: Duration,
    /// Pause before each retry.
    pub pause: Duration,
}

impl Default for LoadingLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_mins(4), pause: Duration::from_secs(2) }
    }
}

/// Tracks the wait for a server that is still loading its model, and shows the user a notice.
#[derive(Debug)]
pub(super) struct LoadingWait {
    limits: LoadingLimits,
    since: Option<Instant>,
}

impl LoadingWait {
    pub fn new(limits: LoadingLimits) -> Self {
        Self { limits, since: None }
    }

    /// Returns whether to keep waiting. Shows a notice on the first call.
    pub async fn keep_waiting(&mut self, updates: &mpsc::Sender<Update>) -> Result<bool, AgentError> {
        if let Some(since) = self.since {
            return Ok(since.elapsed() < self.limits.timeout);
        }
        self.since = Some(Instant::now());
        send_step(updates, loading_step(StepStatus::Running)).await?;
        Ok(true)
    }

    /// Marks the notice, if there is one, as complete.
    pub async fn end(&self, updates: &mpsc::Sender<Update>) -> Result<(), AgentError> {
        match self.since {
            Some(_) => send_step(updates, loading_step(StepStatus::Succeeded)).await,
            None => Ok(()),
        }
    }
}

fn loading_step(status: StepStatus) -> StepUpdate {
    StepUpdate {
        key: "loading".to_owned(),
        tool_call_id: None,
        parent_tool_call_id: None,
        title: "The model is loading.".to_owned(),
        status,
        detail: StepDetail::notice("info", ""),
    }
}

async fn send_step(updates: &mpsc::Sender<Update>, step: StepUpdate) -> Result<(), AgentError> {
    updates.send(Update::Step(Box::new(step))).await.map_err(|_| AgentError::stopped())
}
