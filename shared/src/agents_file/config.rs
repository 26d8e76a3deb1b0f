//! The configuration of one agent.

use std::time::Duration;

use super::{
    defaults::{DEFAULT_FIRST_BYTE_TIMEOUT, DEFAULT_HISTORY_BYTES, DEFAULT_IDLE_TIMEOUT, DEFAULT_TIMEOUT},
    program::{AcpConfig, AnswerFormat, CommandConfig, CommandInput},
};
use crate::chat::AcceptedFiles;

/// The key of the demo agent, which exists unless it is disabled.
pub const DEMO_KEY: &str = "demo";

/// The configuration of an agent, including how the agent appears to users, the limits for its turns, and its driver.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// The key that sessions refer to: `[a-z0-9][a-z0-9_-]{0,63}`, unique. Changing the key creates a different agent.
    pub key: String,
    /// The display name, 1 to 80 characters. Defaults to the key.
    pub name: String,
    /// A short description, at most 500 characters; may be empty.
    pub description: String,
    /// An emoji, a hexadecimal color (`#rgb` or `#rrggbb`), or a CSS color name. If `None`, the dashboard picks one.
    pub avatar: Option<String>,
    /// Example prompts for an empty chat, at most 12.
    pub starters: Vec<String>,
    /// The time limit for one attempt, 1 s to 24 h.
    pub timeout: Duration,
    /// The maximum number of attempts per turn, 1 to 20. If `None`, `TASK_MAX_ATTEMPTS` applies.
    pub max_attempts: Option<i64>,
    /// How the agent runs.
    pub driver: DriverConfig,
}

/// How an agent runs.
#[derive(Clone, Debug, PartialEq)]
pub enum DriverConfig {
    /// The built-in demo.
    Demo(DemoConfig),
    /// A server with OpenAI-compatible streaming chat completions.
    Openai(OpenaiConfig),
    /// A program that implements the Agent Client Protocol.
    Acp(AcpConfig),
    /// A program that reads a prompt and writes an answer.
    Command(CommandConfig),
}

/// The configuration of the demo, which has no settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DemoConfig;

/// A server with OpenAI-compatible streaming chat completions.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenaiConfig {
    /// The part of the URL before `/chat/completions`, usually ending in `/v1`. The scheme is `http` or `https`, and
    /// there are no trailing slashes or credentials.
    pub base_url: String,
    /// The model. If `None`, the first model that the server lists at `/models` is used.
    pub model: Option<String>,
    /// The name of the environment variable that contains the API key. If `None`, requests carry no key.
    pub api_key_env: Option<String>,
    /// The system message that precedes the conversation.
    pub system_prompt: Option<String>,
    /// The sampling temperature, 0 to 2. If `None`, the server's default applies.
    pub temperature: Option<f64>,
    /// The maximum length, in tokens, of an answer. If `None`, the server's default applies.
    pub max_tokens: Option<u32>,
    /// The seed, which makes answers reproducible if the server supports it.
    pub seed: Option<i64>,
    /// The maximum length, in bytes of text, of the conversation sent to the server. The oldest messages are omitted
    /// first.
    pub history_bytes: usize,
    /// Whether the model accepts images.
    pub images: bool,
    /// The maximum time from the request to the first byte of the response body.
    pub first_byte_timeout: Duration,
    /// The maximum time without data after the first byte.
    pub idle_timeout: Duration,
}

impl AgentConfig {
    /// Creates an agent with default settings.
    #[must_use]
    pub fn new(key: String, driver: DriverConfig) -> Self {
        Self {
            name: key.clone(),
            key,
            description: String::new(),
            avatar: None,
            starters: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            max_attempts: None,
            driver,
        }
    }

    /// Returns the demo agent, which exists even if the file has no table for it.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            name: "Demo".to_owned(),
            description: "A scripted demo, not an AI. No API key or network access required.".to_owned(),
            avatar: Some("🎭".to_owned()),
            starters: ["Hello! Who are you?", "My name is Ada.", "/markdown", "/slow 10", "/help"]
                .map(str::to_owned)
                .to_vec(),
            ..Self::new(DEMO_KEY.to_owned(), DriverConfig::Demo(DemoConfig))
        }
    }

    /// Returns a sentence that explains to users why the agent cannot run. Checks only the configuration and the
    /// environment variables; `None` does not mean that the agent works.
    #[must_use]
    pub fn unavailable_reason(&self, env: impl Fn(&str) -> Option<String>) -> Option<String> {
        match &self.driver {
            DriverConfig::Demo(_) => None,
            DriverConfig::Openai(openai) => openai.api_key(env).err(),
            DriverConfig::Acp(acp) => acp.program.secret_values(env).err(),
            DriverConfig::Command(command) => command.program.secret_values(env).err(),
        }
    }
}

impl DriverConfig {
    /// Returns how the agent's answers are displayed.
    #[must_use]
    pub const fn answer_format(&self) -> AnswerFormat {
        match self {
            Self::Demo(_) | Self::Openai(_) | Self::Acp(_) => AnswerFormat::Markdown,
            Self::Command(command) => command.format,
        }
    }

    /// Returns whether the agent works in a folder of its session, whose files matter in later turns.
    #[must_use]
    pub const fn uses_work_folder(&self) -> bool {
        matches!(self, Self::Acp(_) | Self::Command(_))
    }

    /// Returns whether the agent can work in the folders of the operator's choice.
    #[must_use]
    pub const fn works_in_folders(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Acp(_) | Self::Command(_))
    }

    /// Returns which files users can send to the agent.
    #[must_use]
    pub const fn accepted_files(&self) -> AcceptedFiles {
        match self {
            Self::Demo(_) | Self::Acp(_) => AcceptedFiles::ANY,
            Self::Openai(openai) => AcceptedFiles { images: openai.images, text: true, other: false },
            Self::Command(command) => match command.input {
                CommandInput::Json => AcceptedFiles::ANY,
                CommandInput::Message | CommandInput::Transcript => AcceptedFiles::NONE,
            },
        }
    }

    /// Returns the maximum length, in bytes of text, of the conversation that the agent receives.
    #[must_use]
    pub const fn history_bytes(&self) -> usize {
        match self {
            Self::Demo(_) => DEFAULT_HISTORY_BYTES,
            Self::Openai(openai) => openai.history_bytes,
            Self::Acp(acp) => acp.history_bytes,
            Self::Command(command) => command.history_bytes,
        }
    }

    /// Returns the name used in `agents.toml` and in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Openai(_) => "openai",
            Self::Acp(_) => "acp",
            Self::Command(_) => "command",
        }
    }
}

impl OpenaiConfig {
    /// Creates the configuration for a server, with default settings.
    #[must_use]
    pub fn at(base_url: String) -> Self {
        Self {
            base_url,
            model: None,
            api_key_env: None,
            system_prompt: None,
            temperature: None,
            max_tokens: None,
            seed: None,
            history_bytes: DEFAULT_HISTORY_BYTES,
            images: false,
            first_byte_timeout: DEFAULT_FIRST_BYTE_TIMEOUT,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
        }
    }

    /// Returns the API key with surrounding whitespace removed; `None` if no key is configured.
    ///
    /// # Errors
    /// Returns an error if the configured variable is unset or blank, or if its value contains characters that are not
    /// allowed in a key. The message never contains the value.
    pub fn api_key(&self, env: impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
        let Some(name) = &self.api_key_env else { return Ok(None) };
        let key = env(name).map(|value| value.trim().to_owned()).unwrap_or_default();
        if key.is_empty() {
            return Err(format!("Set the environment variable {name} to the API key."));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "The environment variable {name} contains characters that are not allowed in an API key."
            ));
        }
        Ok(Some(key))
    }
}
