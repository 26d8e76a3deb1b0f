//! Tasks, each of which is the agent's work on one turn, in one or more attempts.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use super::{ChangeCounts, Step};
use crate::{
    clock::Timestamp,
    id::{SessionId, TaskId},
    text_column::{text_column, text_enum},
};

/// The maximum pause between automatic attempts, unless the agent requests a longer pause.
pub const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The maximum wait that an agent may request (`Retry-After`). If the agent requests a longer wait, the task is not
/// retried.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The status of a task.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TaskStatus {
    /// Waiting for its first or next attempt.
    Queued,
    /// An agent is working on it.
    Running,
    /// Ended with an answer.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Stopped by the user, or because the session was archived.
    Cancelled,
    /// Stopped by a newer message, or by a retryable error or a shutdown after a tool call.
    Interrupted,
}

text_enum!(TaskStatus);

impl TaskStatus {
    /// Returns whether the task has an outcome.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Interrupted => true,
        }
    }
}

/// Why a running task is being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum StopReason {
    /// The user stopped the task, which ends as `cancelled`.
    Cancel,
    /// A newer message was sent with `on_busy=interrupt`; the task ends as `interrupted`.
    Interrupt,
}

text_enum!(StopReason);

impl StopReason {
    /// Returns the status with which the task ends.
    #[must_use]
    pub const fn task_status(self) -> TaskStatus {
        match self {
            Self::Cancel => TaskStatus::Cancelled,
            Self::Interrupt => TaskStatus::Interrupted,
        }
    }
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $retryable:literal;)*) => {
        /// The kind of error that ended an attempt or a task.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// Returns the name used in JSON and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns whether another attempt may succeed.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }
        }

        impl FromStr for ErrorCode {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($text => Ok(Self::$variant),)* other => Err(format!("unknown error code `{other}`")) }
            }
        }
    };
}

error_codes! {
    /// The agent could not be reached, or the connection was lost.
    AgentNetwork = "agent_network", true;
    /// The agent is overloaded.
    AgentOverloaded = "agent_overloaded", true;
    /// The agent is rate-limiting requests.
    AgentRateLimited = "agent_rate_limited", true;
    /// The agent, its server, or the worker hit an internal error.
    AgentError = "agent_error", true;
    /// The agent's process exited unexpectedly.
    AgentCrashed = "agent_crashed", true;
    /// The agent stopped responding or took too long.
    Timeout = "timeout", true;
    /// The worker running the attempt stopped responding or shut down.
    WorkerLost = "worker_lost", true;
    /// The agent is not configured on the worker or cannot be run.
    AgentUnavailable = "agent_unavailable", false;
    /// The agent's credentials are missing or were rejected.
    AgentAuth = "agent_auth", false;
    /// The agent rejected the request.
    AgentRefused = "agent_refused", false;
    /// The conversation does not fit into the model's context.
    ContextOverflow = "context_overflow", false;
    /// The agent sent an invalid response.
    AgentProtocol = "agent_protocol", false;
    /// The session was archived while the task was queued.
    SessionArchived = "session_archived", false;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

text_column!(ErrorCode);

/// An error that ended an attempt or a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskError {
    /// The machine-readable code.
    pub code: ErrorCode,
    /// A human-readable explanation.
    pub message: String,
    /// Whether another attempt may succeed.
    pub retryable: bool,
}

impl TaskError {
    /// Creates an error; the code determines whether it is retryable.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: code.is_retryable() }
    }
}

/// The token usage of an answer, as reported by the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// The number of input tokens.
    pub input_tokens: i64,
    /// The number of output tokens.
    pub output_tokens: i64,
}

/// The agent's work on one turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// The ID of the task.
    pub id: TaskId,
    /// The ID of the session.
    pub chat_session_id: SessionId,
    /// The status of the task.
    pub status: TaskStatus,
    /// The number of times the task has been started. Never decreases; 0 means that no agent has seen it.
    pub attempt: i64,
    /// The number of failed attempts since the last manual retry.
    pub failures: i64,
    /// The number of failures after which the task fails permanently.
    pub max_attempts: i64,
    /// When the next attempt is due; null if none is scheduled, or if it is due immediately.
    #[schema(required)]
    pub next_attempt_at: Option<Timestamp>,
    /// The error that ended the latest attempt or the task; null if there was none.
    #[schema(required)]
    pub error: Option<TaskError>,
    /// The token usage reported by the agent; null if the agent reported none.
    #[schema(required)]
    pub usage: Option<Usage>,
    /// When the message was sent.
    pub created_at: Timestamp,
    /// When the latest attempt started; null until the first attempt starts. A manual retry resets it to null.
    #[schema(required)]
    pub started_at: Option<Timestamp>,
    /// When the task ended; null until then.
    #[schema(required)]
    pub finished_at: Option<Timestamp>,
    /// The number of files and lines that the agent has changed; null if it has changed none, or if this is unknown.
    #[schema(required)]
    pub changes: Option<ChangeCounts>,
}

/// A task with its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskDetail {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// The steps of the latest attempt, in order.
    pub steps: Vec<Step>,
}

/// Returns the pause before the next attempt. After the n-th failure, the pause is `jitter` times the shorter of 1 s ×
/// 2ⁿ⁻¹ and [`MAX_BACKOFF`], but at least `retry_after`, the wait that the agent requested. There is no pause if the
/// worker was lost.
///
/// `jitter` is a random number from 0 to 1.
#[must_use]
pub fn backoff(code: ErrorCode, failures: i64, retry_after: Option<Duration>, jitter: f64) -> Duration {
    if code == ErrorCode::WorkerLost {
        return Duration::ZERO;
    }
    let doublings = u32::try_from((failures - 1).clamp(0, 10)).unwrap_or(0);
    let ceiling = Duration::from_secs(1 << doublings).min(MAX_BACKOFF);
    ceiling.mul_f64(jitter.clamp(0.0, 1.0)).max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_the_backoff_up_to_the_maximum() {
        let full = |failures| backoff(ErrorCode::AgentError, failures, None, 1.0).as_secs();

        assert_eq!([full(1), full(2), full(3), full(6), full(60)], [1, 2, 4, 30, 30]);
        assert_eq!(backoff(ErrorCode::AgentError, 3, None, 0.0), Duration::ZERO);
    }

    #[test]
    fn waits_at_least_as_long_as_the_agent_requests() {
        let asked = |secs| backoff(ErrorCode::AgentRateLimited, 1, Some(Duration::from_secs(secs)), 0.5);

        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(3600), Duration::from_hours(1));
    }

    #[test]
    fn retries_without_a_pause_after_a_lost_worker() {
        assert_eq!(backoff(ErrorCode::WorkerLost, 2, None, 1.0), Duration::ZERO);
    }

    #[test]
    fn error_codes_have_the_same_name_in_json_and_in_the_store() {
        for code in [ErrorCode::AgentNetwork, ErrorCode::WorkerLost, ErrorCode::SessionArchived, ErrorCode::Timeout] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(code.as_str().parse::<ErrorCode>().unwrap(), code);
        }
    }
}
