//! The agents of an installation, as configured in `agents.toml` or through environment variables.

use std::path::Path;

use super::{
    AgentsFileError,
    config::{AgentConfig, DEMO_KEY, DriverConfig, OpenaiConfig},
    folder::FolderConfig,
    parse,
};

/// The key of the agent that is configured through environment variables if there is no file.
pub const OPENAI_KEY: &str = "openai";
/// The base URL for the `openai` agent if only its API key is set.
const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// The enabled agents of this installation, in display order, and the folders in which they can work.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentCatalog {
    agents: Vec<AgentConfig>,
    /// The keys of the disabled agents.
    off: Vec<String>,
    folders: Vec<FolderConfig>,
}

impl AgentCatalog {
    /// Reads the file at `path`. If `path` is `None`, builds the catalog from the environment: `demo`, preceded by
    /// `openai` if `OPENAI_BASE_URL` or `OPENAI_API_KEY` is set. A blank variable counts as unset.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is invalid, or, without a file, if `OPENAI_BASE_URL` is invalid.
    pub fn load(path: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Result<Self, AgentsFileError> {
        let Some(path) = path else { return Self::from_environment(env) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| AgentsFileError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Parses the text of a file. `path` is used only in errors.
    ///
    /// # Errors
    /// Returns an error if the text is invalid.
    pub fn parse(path: &Path, text: &str) -> Result<Self, AgentsFileError> {
        let parse::AgentsFile { agents: mut entries, folders } =
            parse::parse(text).map_err(|problem| problem.in_file(path))?;
        if !entries.iter().any(|entry| entry.config.key == DEMO_KEY) {
            entries.push(parse::AgentTable { config: AgentConfig::demo(), enabled: true });
        }
        let (on, off): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.enabled);
        Ok(Self {
            agents: on.into_iter().map(|entry| entry.config).collect(),
            off: off.into_iter().map(|entry| entry.config.key).collect(),
            folders,
        })
    }

    /// Returns the enabled agents, including those that cannot currently run.
    #[must_use]
    pub fn agents(&self) -> &[AgentConfig] {
        &self.agents
    }

    /// Returns the agent with this key, if it exists and is enabled.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&AgentConfig> {
        self.agents.iter().find(|agent| agent.key == key)
    }

    /// Returns the folders in which agents can work.
    #[must_use]
    pub fn folders(&self) -> &[FolderConfig] {
        &self.folders
    }

    /// Returns the folder with this key, if there is one.
    #[must_use]
    pub fn find_folder(&self, key: &str) -> Option<&FolderConfig> {
        self.folders.iter().find(|folder| folder.key == key)
    }

    /// Returns whether an agent with this key is configured, even if it is disabled, or whether an enabled ACP agent
    /// runs this program.
    #[must_use]
    pub fn mentions(&self, key: &str, command: &str) -> bool {
        let runs = |agent: &AgentConfig| match &agent.driver {
            DriverConfig::Acp(acp) => acp.program.command.rsplit('/').next() == Some(command),
            DriverConfig::Demo(_) | DriverConfig::Openai(_) | DriverConfig::Command(_) => false,
        };
        self.off.iter().any(|off| off == key) || self.agents.iter().any(|agent| agent.key == key || runs(agent))
    }

    fn from_environment(env: impl Fn(&str) -> Option<String>) -> Result<Self, AgentsFileError> {
        let variable = |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let base_url = variable("OPENAI_BASE_URL");
        let has_key = variable("OPENAI_API_KEY").is_some();
        if base_url.is_none() && !has_key {
            return Ok(Self { agents: vec![AgentConfig::demo()], off: Vec::new(), folders: Vec::new() });
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
            ..AgentConfig::new(OPENAI_KEY.to_owned(), DriverConfig::Openai(openai))
        };
        Ok(Self { agents: vec![openai, AgentConfig::demo()], off: Vec::new(), folders: Vec::new() })
    }
}
