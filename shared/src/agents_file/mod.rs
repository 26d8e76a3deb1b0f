//! `agents.toml`: which agents there are, and how each is reached.
//!
//! `api` reads it to list agents and to refuse messages that nobody could answer, `worker` to answer them; both must be
//! given the same file and the same environment. A file is either wholly understood or refused: every error says the
//! line, the field and what was expected there. Nothing here opens a connection.
//!
//! Next: [`AgentConfig`] is what comes out; the worker's `agents` module drives it.

mod config;
mod defaults;
mod detectable;
mod error;
mod parse;
mod parse_program;
mod program;
mod reader;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use config::{AgentConfig, DemoConfig, Driver, OpenaiConfig};
pub use defaults::{
    DEFAULT_FIRST_BYTE_TIMEOUT, DEFAULT_HISTORY_BYTES, DEFAULT_IDLE_TIMEOUT, DEFAULT_KEEP_WARM, DEFAULT_MAX_MEMORY_MB,
    DEFAULT_MAX_PROCESSES, DEFAULT_PERMISSION_TIMEOUT, DEFAULT_TIMEOUT,
};
pub use detectable::detectable;
pub use error::AgentsFileError;
pub use program::{AcpConfig, AnswerFormat, CommandConfig, CommandInput, PermissionPolicy, ProgramConfig};

/// Key of the agent that is always there unless it is switched off.
pub const DEMO_KEY: &str = "demo";
/// Key of the agent that the environment describes when there is no file.
pub const OPENAI_KEY: &str = "openai";
/// Where `openai` is when only a key is given.
const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// The agents of this installation that are switched on, in the order they are offered.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentCatalog {
    agents: Vec<AgentConfig>,
    /// Keys of those that are switched off.
    off: Vec<String>,
}

impl AgentCatalog {
    /// Reads the file, or without one makes the catalog from the environment: `demo`, and before it `openai` when
    /// `OPENAI_BASE_URL` or `OPENAI_API_KEY` is set. An empty variable counts as unset.
    ///
    /// # Errors
    /// When the file cannot be read or has anything that is not understood, or when `OPENAI_BASE_URL` is no address.
    pub fn load(path: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Result<Self, AgentsFileError> {
        let Some(path) = path else { return Self::from_environment(env) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| AgentsFileError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads the text of a file; `path` only names it in errors.
    ///
    /// # Errors
    /// When it has anything that is not understood.
    pub fn parse(path: &Path, text: &str) -> Result<Self, AgentsFileError> {
        let mut entries = parse::parse(text).map_err(|problem| problem.in_file(path))?;
        if !entries.iter().any(|entry| entry.config.key == DEMO_KEY) {
            entries.push(parse::Entry { config: AgentConfig::demo(), enabled: true });
        }
        let (on, off): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.enabled);
        Ok(Self {
            agents: on.into_iter().map(|entry| entry.config).collect(),
            off: off.into_iter().map(|entry| entry.config.key).collect(),
        })
    }

    /// The agents that are switched on. One that cannot run at the moment is among them.
    #[must_use]
    pub fn agents(&self) -> &[AgentConfig] {
        &self.agents
    }

    /// The agent of this key, if there is one and it is switched on.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&AgentConfig> {
        self.agents.iter().find(|agent| agent.key == key)
    }

    /// Whether the operator has written anything about an agent of this key, or about this program.
    #[must_use]
    pub fn mentions(&self, key: &str, command: &str) -> bool {
        let runs = |agent: &AgentConfig| match &agent.driver {
            Driver::Acp(acp) => acp.program.command.rsplit('/').next() == Some(command),
            Driver::Demo(_) | Driver::Openai(_) | Driver::Command(_) => false,
        };
        self.off.iter().any(|off| off == key) || self.agents.iter().any(|agent| agent.key == key || runs(agent))
    }

    fn from_environment(env: impl Fn(&str) -> Option<String>) -> Result<Self, AgentsFileError> {
        let variable = |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let base_url = variable("OPENAI_BASE_URL");
        let has_key = variable("OPENAI_API_KEY").is_some();
        if base_url.is_none() && !has_key {
            return Ok(Self { agents: vec![AgentConfig::demo()], off: Vec::new() });
        }
        let name = if base_url.is_none() { "OpenAI" } else { "OpenAI-compatible" };
        let base_url = parse::base_url(base_url.as_deref().unwrap_or(OPENAI_BASE_URL))
            .map_err(|problem| AgentsFileError::Variable { name: "OPENAI_BASE_URL", problem })?;
        let openai = OpenaiConfig {
            model: variable("OPENAI_MODEL"),
            api_key_env: has_key.then(|| "OPENAI_API_KEY".to_owned()),
            ..OpenaiConfig::at(base_url)
        };
        let description = openai.model.clone().unwrap_or_default();
        let openai = AgentConfig {
            name: name.to_owned(),
            description,
            ..AgentConfig::new(OPENAI_KEY.to_owned(), Driver::Openai(openai))
        };
        Ok(Self { agents: vec![openai, AgentConfig::demo()], off: Vec::new() })
    }
}
