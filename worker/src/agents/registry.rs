//! This worker's agents, by key.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use banter_shared::{
    agents_file::{AgentCatalog, AgentConfig},
    chat::ErrorCode,
    id::SessionId,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Agent, AgentError, Answer, Turn, Update,
    driver::{self, BuildContext},
    process::ProcessHost,
};

/// All enabled agents. If an agent could not be built, its turns fail with the reason.
#[derive(Clone, Default)]
pub struct Registry {
    entries: HashMap<String, RegisteredAgent>,
}

#[derive(Clone)]
struct RegisteredAgent {
    config: AgentConfig,
    agent: Arc<dyn Agent>,
}

impl Registry {
    /// Creates the agents in the catalog, with secrets from `env`. `concurrency` is the maximum number of tasks that
    /// the worker runs at once.
    #[must_use]
    pub fn from_catalog(
        catalog: &AgentCatalog,
        env: impl Fn(&str) -> Option<String> + Sync,
        host: &ProcessHost,
        concurrency: usize,
    ) -> Self {
        let mut registry = Self::default();
        for config in catalog.agents() {
            let context = BuildContext { key: &config.key, env: &env, host, concurrency };
            let agent = driver::of(&config.driver).build(&context).unwrap_or_else(|reason| {
                tracing::warn!(agent = config.key, reason, "agent unavailable");
                Arc::new(Unavailable { reason })
            });
            registry.insert(config.clone(), agent);
        }
        registry
    }

    /// Adds an agent, replacing any agent with the same key.
    pub fn insert(&mut self, config: AgentConfig, agent: Arc<dyn Agent>) {
        self.entries.insert(config.key.clone(), RegisteredAgent { config, agent });
    }

    /// Returns the agent with this key, or `None` if no enabled agent has this key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Arc<dyn Agent>> {
        self.entries.get(key).map(|entry| Arc::clone(&entry.agent))
    }

    /// Notifies every agent that a session has been permanently deleted.
    pub fn forget(&self, session: SessionId) {
        self.entries.values().for_each(|entry| entry.agent.forget(session));
    }

    /// Returns the configuration of the agent with this key.
    #[must_use]
    pub fn config(&self, key: &str) -> Option<&AgentConfig> {
        self.entries.get(key).map(|entry| &entry.config)
    }

    /// Returns the time limit for one attempt by this agent.
    #[must_use]
    pub fn timeout(&self, key: &str) -> Option<Duration> {
        self.config(key).map(|config| config.timeout)
    }

    /// Returns the size limit for the conversation that this agent receives, in bytes of text.
    #[must_use]
    pub fn history_bytes(&self, key: &str) -> Option<usize> {
        self.config(key).map(|config| config.driver.history_bytes())
    }
}

/// The placeholder for an agent that could not be built.
struct Unavailable {
    reason: String,
}

#[async_trait]
impl Agent for Unavailable {
    async fn answer(&self, _: Turn, _: mpsc::Sender<Update>, _: CancellationToken) -> Result<Answer, AgentError> {
        Err(AgentError::new(ErrorCode::AgentUnavailable, self.reason.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use banter_shared::id::TaskId;

    use super::*;
    use crate::agents::files::tests::MemoryFiles;

    const FILE: &str = r#"
        [[agents]]
        key = "keyless"
        driver = "openai"
        base_url = "http://127.0.0.1:9/v1"
        api_key_env = "NO_SUCH_KEY"

        [[agents]]
        key = "off"
        driver = "demo"
        enabled = false

        [[agents]]
        key = "demo"
        timeout_s = 7
    "#;

    fn host() -> ProcessHost {
        ProcessHost::new(&std::env::temp_dir()).unwrap()
    }

    #[tokio::test]
    async fn an_unavailable_agent_fails_with_the_reason() {
        let catalog = AgentCatalog::parse(Path::new("agents.toml"), FILE).unwrap();
        let registry = Registry::from_catalog(&catalog, |_| None, &host(), 1);
        let turn = Turn {
            session_id: SessionId::generate(),
            task_id: TaskId::generate(),
            folder: None,
            turn: 1,
            resume: None,
            path_revision: 0,
            history: Vec::new(),
            files: Arc::new(MemoryFiles::default()),
        };
        let (updates, _) = mpsc::channel(1);

        let error =
            registry.find("keyless").unwrap().answer(turn, updates, CancellationToken::new()).await.unwrap_err();

        assert_eq!(error.code, ErrorCode::AgentUnavailable);
        assert!(error.message.contains("NO_SUCH_KEY"), "{error}");
    }

    #[tokio::test]
    async fn finds_only_enabled_agents() {
        let catalog = AgentCatalog::parse(Path::new("agents.toml"), FILE).unwrap();
        let registry = Registry::from_catalog(&catalog, |_| None, &host(), 1);

        assert!(registry.find("demo").is_some());
        assert_eq!(registry.timeout("demo"), Some(Duration::from_secs(7)));
        assert_eq!(registry.config("demo"), catalog.find("demo"));
        assert!(registry.find("off").is_none());
        assert_eq!(registry.timeout("unknown"), None);
    }
}
