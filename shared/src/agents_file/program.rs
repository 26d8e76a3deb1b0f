//! What is known about an agent that is a program: how it is started, and what it may do.

use std::{collections::BTreeMap, time::Duration};

use super::defaults::{
    DEFAULT_HISTORY_BYTES, DEFAULT_IDLE_TIMEOUT, DEFAULT_KEEP_WARM, DEFAULT_MAX_MEMORY_MB, DEFAULT_MAX_PROCESSES,
    DEFAULT_PERMISSION_TIMEOUT,
};

/// A program with its arguments and its environment. No shell is involved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramConfig {
    /// A path, or a name that is looked for on `PATH`.
    pub command: String,
    /// Its arguments, as they are.
    pub args: Vec<String>,
    /// Variables beside the few that every agent gets.
    pub env: BTreeMap<String, String>,
    /// Names of the worker's own variables that are passed on, such as API keys.
    pub secrets: Vec<String>,
}

/// An agent that speaks the Agent Client Protocol over its stdin and stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcpConfig {
    /// What is started.
    pub program: ProgramConfig,
    /// The mode that each session is put into; none: the agent's own choice.
    pub mode: Option<String>,
    /// The model, where the agent lets its client choose; none: the agent's own choice.
    pub model: Option<String>,
    /// What becomes of its requests to be allowed something.
    pub permission: PermissionPolicy,
    /// How long the user has to decide; then it is a no.
    pub permission_timeout: Duration,
    /// How much of a conversation is told to an agent that does not know it any more, in bytes of text.
    pub history_bytes: usize,
    /// Longest silence in mid-turn.
    pub idle_timeout: Duration,
    /// How long a process without work is kept for the next turn of its session.
    pub keep_warm: Duration,
    /// Processes at once in one worker, at least 1.
    pub max_processes: usize,
    /// Memory of all of them together, in MiB of resident pages.
    pub max_memory_mb: u64,
}

/// What becomes of an agent's requests to be allowed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PermissionPolicy {
    /// The user is asked.
    Ask,
    /// No.
    #[default]
    Reject,
    /// Yes, each single time.
    Allow,
}

/// A program that reads a prompt from its stdin and writes the answer to its stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandConfig {
    /// What is started, once an attempt.
    pub program: ProgramConfig,
    /// What it reads.
    pub input: CommandInput,
    /// How its answers are shown.
    pub format: AnswerFormat,
    /// How much of the conversation it reads, in bytes of text.
    pub history_bytes: usize,
    /// Longest silence.
    pub idle_timeout: Duration,
}

/// What a program of the driver `command` reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandInput {
    /// The conversation as text; just the message when there is nothing before it.
    #[default]
    Transcript,
    /// The user's new message and nothing else.
    Message,
    /// The conversation as JSON, a message a line: `{"role": "user", "content": "…"}`.
    Json,
}

/// How an agent's answers are to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFormat {
    /// As rendered Markdown.
    Markdown,
    /// As the output of a terminal: lines, spacing, and ANSI colors are kept.
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
    /// The values of the secrets by name.
    ///
    /// # Errors
    /// When a variable is unset or empty: a sentence for people that names it.
    pub fn secret_values(&self, env: impl Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, String> {
        let value = |name: &String| match env(name).filter(|value| !value.trim().is_empty()) {
            Some(value) => Ok((name.clone(), value)),
            None => Err(format!("The environment variable {name} is not set. The agent requires it.")),
        };
        self.secrets.iter().map(value).collect()
    }
}

impl AcpConfig {
    /// An agent started so; the rest is the default.
    #[must_use]
    pub fn new(program: ProgramConfig) -> Self {
        Self {
            program,
            mode: None,
            model: None,
            permission: PermissionPolicy::default(),
            permission_timeout: DEFAULT_PERMISSION_TIMEOUT,
            history_bytes: DEFAULT_HISTORY_BYTES,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            keep_warm: DEFAULT_KEEP_WARM,
            max_processes: DEFAULT_MAX_PROCESSES,
            max_memory_mb: DEFAULT_MAX_MEMORY_MB,
        }
    }
}

impl CommandConfig {
    /// A program started so; the rest is the default.
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
