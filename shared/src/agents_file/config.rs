//! What is known about one agent.

use std::time::Duration;

use super::{
    DEMO_KEY,
    defaults::{DEFAULT_FIRST_BYTE_TIMEOUT, DEFAULT_HISTORY_BYTES, DEFAULT_IDLE_TIMEOUT, DEFAULT_TIMEOUT},
    program::{AcpConfig, AnswerFormat, CommandConfig},
};

/// One agent: what people see of it, the limits of its turns, and its driver.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// What sessions refer to: `[a-z0-9][a-z0-9_-]{0,63}`, unique. To change it is to make another agent.
    pub key: String,
    /// What people call it, 1 to 80 characters; the key unless set.
    pub name: String,
    /// A sentence about it, at most 500 characters; may be empty.
    pub description: String,
    /// An emoji, a colour (`#rgb`, `#rrggbb`) or the CSS name of one; none: the dashboard picks something.
    pub avatar: Option<String>,
    /// Prompts that an empty chat offers, at most 12.
    pub starters: Vec<String>,
    /// How long one attempt at a turn may take, 1 s to 24 h.
    pub timeout: Duration,
    /// How often a turn is tried, 1 to 20; none: the installation's `TASK_MAX_ATTEMPTS`.
    pub max_attempts: Option<i64>,
    /// How it is reached.
    pub driver: Driver,
}

/// How an agent is reached.
#[derive(Clone, Debug, PartialEq)]
pub enum Driver {
    /// The built-in demo.
    Demo(DemoConfig),
    /// A server with OpenAI-compatible streaming chat completions.
    Openai(OpenaiConfig),
    /// A program that speaks the Agent Client Protocol.
    Acp(AcpConfig),
    /// A program that reads a prompt and writes an answer.
    Command(CommandConfig),
}

/// The demo has nothing to configure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DemoConfig;

/// A server with OpenAI-compatible streaming chat completions.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenaiConfig {
    /// The address before `/chat/completions`, usually ending in `/v1`; `http` or `https`, without a slash at the end
    /// and without credentials.
    pub base_url: String,
    /// The model; none: the first that the server lists at `/models`.
    pub model: Option<String>,
    /// Name of the environment variable with the key; none: requests carry no key.
    pub api_key_env: Option<String>,
    /// Sent before the conversation as the system's message.
    pub system_prompt: Option<String>,
    /// Randomness, 0 to 2; none: the server's choice, as with the next two.
    pub temperature: Option<f64>,
    /// Longest answer, in tokens.
    pub max_tokens: Option<u32>,
    /// Makes answers repeatable where the server supports it.
    pub seed: Option<i64>,
    /// How much of the conversation is sent, in bytes of text; the oldest messages are left out first.
    pub history_bytes: usize,
    /// From the request to the first byte of the answer's body.
    pub first_byte_timeout: Duration,
    /// Longest silence after that.
    pub idle_timeout: Duration,
}

impl AgentConfig {
    /// An agent with only a key and a driver; the rest is the default.
    #[must_use]
    pub fn new(key: String, driver: Driver) -> Self {
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

    /// The demo as it is without a table of its own.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            name: "Demo".to_owned(),
            description: "A demo, not an AI: small talk from fixed rules. Needs no key and no network.".to_owned(),
            avatar: Some("🎭".to_owned()),
            starters: ["Hello! Who are you?", "My name is Ada.", "/markdown", "/slow 10", "/help"]
                .map(str::to_owned)
                .to_vec(),
            ..Self::new(DEMO_KEY.to_owned(), Driver::Demo(DemoConfig))
        }
    }

    /// Why the agent cannot run here, as far as the configuration tells; a sentence for people. `None` is no promise:
    /// nothing is tried.
    #[must_use]
    pub fn unavailable_reason(&self, env: impl Fn(&str) -> Option<String>) -> Option<String> {
        match &self.driver {
            Driver::Demo(_) => None,
            Driver::Openai(openai) => openai.api_key(env).err(),
            Driver::Acp(acp) => acp.program.secret_values(env).err(),
            Driver::Command(command) => command.program.secret_values(env).err(),
        }
    }
}

impl Driver {
    /// Returns how the agent's answers are to be shown.
    #[must_use]
    pub const fn answer_format(&self) -> AnswerFormat {
        match self {
            Self::Demo(_) | Self::Openai(_) | Self::Acp(_) => AnswerFormat::Markdown,
            Self::Command(command) => command.format,
        }
    }

    /// The name in `agents.toml` and in JSON.
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
    /// A server at this address; the rest is the default.
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
            first_byte_timeout: DEFAULT_FIRST_BYTE_TIMEOUT,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
        }
    }

    /// The key to send, without the white space around it; `None` when no key is configured.
    ///
    /// # Errors
    /// When a variable is named that is unset or empty, or that holds what cannot be a key. The sentence has no secret.
    pub fn api_key(&self, env: impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
        let Some(name) = &self.api_key_env else { return Ok(None) };
        let key = env(name).map(|value| value.trim().to_owned()).unwrap_or_default();
        if key.is_empty() {
            return Err(format!("The environment variable {name} is not set. It must contain the API key."));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "The environment variable {name} contains characters that are not allowed in an API key."
            ));
        }
        Ok(Some(key))
    }
}
