//! The configuration of agents that run as programs.

use std::{collections::BTreeMap, time::Duration};

use super::defaults::{
    DEFAULT_HISTORY_BYTES, DEFAULT_IDLE_TIMEOUT, DEFAULT_KEEP_WARM, DEFAULT_MAX_MEMORY_MB, DEFAULT_MAX_PROCESSES,
};

/// A program with its arguments and environment. The program is not run through a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramConfig {
    /// A path, or a name to look up on `PATH`.
    pub command: String,
    /// The arguments, passed verbatim.
    pub args: Vec<String>,
    /// Variables in addition to those that every agent receives.
    pub env: BTreeMap<String, String>,
    /// The names of the variables to pass on from the worker's environment, such as those that contain API keys.
    pub secrets: Vec<String>,
}

/// An agent that implements the Agent Client Protocol over stdin and stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcpConfig {
    /// The program to start.
    pub program: ProgramConfig,
    /// The mode to set in each session. If `None`, the agent's default applies.
    pub mode: Option<String>,
    /// The model to set if the agent supports it. If `None`, the agent's default applies.
    pub model: Option<String>,
    /// How permission requests are handled.
    pub permission: PermissionPolicy,
    /// The time limit for the user's answer to a permission request, after which the request is rejected; `None` if
    /// there is no limit.
    pub permission_timeout: Option<Duration>,
    /// The maximum length, in bytes of text, of the messages sent in one prompt.
    pub history_bytes: usize,
    /// The maximum time without output during a turn.
    pub idle_timeout: Duration,
    /// How long an idle process is kept for the next turn of its session.
    pub keep_warm: Duration,
    /// The maximum number of the agent's processes per worker, at least 1.
    pub max_processes: usize,
    /// The maximum total resident memory of the agent's processes per worker, in MiB.
    pub max_memory_mb: u64,
}

/// How an agent's permission requests are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PermissionPolicy {
    /// The user decides.
    Ask,
    /// Rejects every request.
    #[default]
    Reject,
    /// Allows a request once if exactly one option represents this and the kinds of all options are known. Otherwise,
    /// the user decides.
    Allow,
}

/// A program that reads a prompt from stdin and writes its answer to stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandConfig {
    /// The program to start, once per attempt.
    pub program: ProgramConfig,
    /// What the program receives on stdin.
    pub input: CommandInput,
    /// How the program's answers are displayed.
    pub format: AnswerFormat,
    /// The maximum length, in bytes of text, of the conversation in the input.
    pub history_bytes: usize,
    /// The maximum time without output.
    pub idle_timeout: Duration,
}

/// What a program of the `command` driver receives on stdin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandInput {
    /// The conversation as text, or only the user's new message if there are no earlier messages to include.
    #[default]
    Transcript,
    /// Only the user's new message.
    Message,
    /// The conversation as JSON Lines: `{"role": "user", "content": "…"}`.
    Json,
}

/// How an agent's answers are displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFormat {
    /// As rendered Markdown.
    Markdown,
    /// As terminal output: lines, spacing, and ANSI colors are preserved.
    Text,
}

impl AnswerFormat {
    /// Returns the name used in `agents.toml` and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Text => "text",
        }
    }
}

impl ProgramConfig {
    /// Returns the name and value of each secret.
    ///
    /// # Errors
    /// If a variable is unset or blank, returns a sentence for users that names the variable.
    pub fn secret_values(&self, env: impl Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, String> {
        let value = |name: &String| match env(name).filter(|value| !value.trim().is_empty()) {
            Some(value) => Ok((name.clone(), value)),
            None => Err(format!("The environment variable {name} is not set. The agent requires it.")),
        };
        self.secrets.iter().map(value).collect()
    }
}

impl AcpConfig {
    /// Creates the configuration for an ACP agent, with default settings.
    #[must_use]
    pub fn new(program: ProgramConfig) -> Self {
        Self {
            program,
            mode: None,
            model: None,
            permission: PermissionPolicy::default(),
            permission_timeout: None,
            history_bytes: DEFAULT_HISTORY_BYTES,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            keep_warm: DEFAULT_KEEP_WARM,
            max_processes: DEFAULT_MAX_PROCESSES,
            max_memory_mb: DEFAULT_MAX_MEMORY_MB,
        }
    }
}

impl CommandConfig {
    /// Creates the configuration for a command, with default settings.
    #[must_use]
    pub fn new(program: ProgramConfig) -> Self {
        Self {
            program,
            input: CommandInput::default(),
            format: AnswerFormat::Text,
            history_bytes: DEFAULT_HISTORY_BYTES,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
        }
    }
}
