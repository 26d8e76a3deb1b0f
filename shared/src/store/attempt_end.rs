//! The ends of attempts.

use std::time::Duration;

use super::{Claim, StepState};
use crate::chat::{AgentSession, AttemptMilestones, FinishReason, TaskError, Usage};

/// How an attempt ended. Workers report all ends except [`AttemptEnd::WorkerLost`]. A stored stop request takes
/// precedence.
#[derive(Clone, Debug)]
pub enum AttemptEnd {
    /// The agent answered; the answer may be empty.
    Answered {
        /// The entire answer.
        text: String,
        /// `Stop`, `Length`, or `Refusal`.
        finish_reason: FinishReason,
        /// The usage that the agent reported.
        usage: Option<Usage>,
        /// The agent session that contains the conversation up to and including this turn, if the agent has one.
        resume: Option<AgentSession>,
    },
    /// The attempt was stopped.
    Stopped {
        /// The text so far.
        text: String,
        /// The agent session that contains the conversation up to and including this turn, if the agent has one.
        resume: Option<AgentSession>,
    },
    /// The attempt failed.
    Failed {
        /// The text so far.
        text: String,
        /// The error.
        error: TaskError,
        /// The wait that the agent requested, if any.
        retry_after: Option<Duration>,
    },
    /// The worker is shutting down. This does not count as a failure.
    HandedBack {
        /// The text so far. It is discarded if the task returns to the queue.
        text: String,
    },
    /// The worker stopped sending heartbeats or ignored a stop request.
    WorkerLost,
}

impl AttemptEnd {
    /// Returns the agent session that contains the complete turn, if there is one.
    pub(super) fn resume(&self) -> Option<&AgentSession> {
        match self {
            Self::Answered { resume, .. } | Self::Stopped { resume, .. } => resume.as_ref(),
            Self::Failed { .. } | Self::HandedBack { .. } | Self::WorkerLost => None,
        }
    }

    /// Returns the text reported by the worker; `None` if only the stored text is known.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Answered { text, .. }
            | Self::Stopped { text, .. }
            | Self::Failed { text, .. }
            | Self::HandedBack { text } => Some(text),
            Self::WorkerLost => None,
        }
    }
}

/// What a worker reports about an attempt that has ended.
#[derive(Clone, Debug)]
pub struct AttemptReport {
    /// How the attempt ended.
    pub end: AttemptEnd,
    /// The steps whose latest state has not been stored yet.
    pub steps: Vec<StepState>,
    /// When the attempt reached its milestones.
    pub milestones: AttemptMilestones,
}

impl AttemptReport {
    /// Creates a report without steps, for example for an attempt whose agent did not start.
    #[must_use]
    pub const fn of(claim: &Claim, end: AttemptEnd) -> Self {
        Self { end, steps: Vec::new(), milestones: AttemptMilestones::claimed(claim.claimed_at) }
    }
}
