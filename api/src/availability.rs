//! The availability of agents and folders, determined from the configuration and the workers' reports.

use std::collections::HashMap;

use banter_shared::{
    agents_file::{AgentConfig, FolderConfig, detectable},
    chat::AcceptedFiles,
    store::{AgentHealth, FolderReport, StoreError},
};

use crate::state::AppState;

/// Whether an agent is available.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Not known to be failing.
    Available,
    /// Unavailable, with the reason as a sentence for the user.
    Unavailable(String),
}

/// An agent and its availability.
#[derive(Clone, Debug)]
pub struct KnownAgent<'a> {
    /// The agent's configuration.
    pub config: &'a AgentConfig,
    /// The agent's availability.
    pub availability: Availability,
}

/// A folder and its availability.
#[derive(Clone, Debug)]
pub struct KnownFolder<'a> {
    /// The folder's configuration.
    pub config: &'a FolderConfig,
    /// The keys of the agents that can work in the folder.
    pub agents: Vec<&'a str>,
    /// The current git branch, if there is one.
    pub branch: Option<String>,
    /// Why no worker can use the folder; `None` if one can, or if none is running.
    pub unavailable_reason: Option<String>,
}

impl AppState {
    /// Lists the configured folders.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_folders(&self) -> Result<Vec<KnownFolder<'_>>, StoreError> {
        if self.catalog.folders().is_empty() {
            return Ok(Vec::new());
        }
        let reports = self.store.list_folder_reports().await?;
        Ok(self.catalog.folders().iter().map(|config| self.known_folder(config, &reports)).collect())
    }

    /// Returns the folder with this key, if it is configured.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_folder(&self, key: &str) -> Result<Option<KnownFolder<'_>>, StoreError> {
        let Some(config) = self.catalog.find_folder(key) else { return Ok(None) };
        let reports = self.store.list_folder_reports().await?;
        Ok(Some(self.known_folder(config, &reports)))
    }

    /// Returns whether an agent can work in a folder.
    #[must_use]
    pub fn works_in(&self, agent_key: &str, folder: &FolderConfig) -> bool {
        let agent = self.catalog.find(agent_key);
        folder.allows(agent_key) && agent.is_some_and(|agent| agent.driver.works_in_folders())
    }

    fn known_folder<'a>(&'a self, config: &'a FolderConfig, reports: &[FolderReport]) -> KnownFolder<'a> {
        let agents = self.catalog.agents().iter().map(|agent| agent.key.as_str());
        let report = reports.iter().find(|report| report.folder_key == config.key);
        KnownFolder {
            config,
            agents: agents.filter(|key| self.works_in(key, config)).collect(),
            branch: report.and_then(|report| report.branch.clone()),
            unavailable_reason: match report {
                // Without a report, no worker is running. Tasks wait for one.
                None => None,
                Some(report) if report.is_available => None,
                Some(report) => report.reason.clone(),
            },
        }
    }

    /// Lists the configured agents, followed by those that are installed on a worker but not enabled.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_agents(&self) -> Result<Vec<KnownAgent<'_>>, StoreError> {
        let health: HashMap<_, _> = {
            let reports = self.store.list_agent_health().await?;
            reports.into_iter().map(|report| (report.agent_key.clone(), report)).collect()
        };
        let known = |config| KnownAgent { config, availability: availability(config, health.get(&config.key)) };
        let found = detectable()
            .iter()
            .filter(|agent| self.catalog.find(&agent.key).is_none() && health.contains_key(&agent.key));
        Ok(self.catalog.agents().iter().chain(found).map(known).collect())
    }

    /// Returns an agent's availability; `None` if the agent is unknown.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_agent(&self, key: &str) -> Result<Option<Availability>, StoreError> {
        let detectable = detectable().iter().find(|agent| agent.key == key);
        let Some(config) = self.catalog.find(key).or(detectable) else { return Ok(None) };
        let reports = self.store.list_agent_health().await?;
        let report = reports.iter().find(|report| report.agent_key == key);
        if report.is_none() && self.catalog.find(key).is_none() {
            return Ok(None);
        }
        Ok(Some(availability(config, report)))
    }

    /// Returns which files users can send to this agent.
    #[must_use]
    pub fn accepted_files(&self, agent_key: &str) -> AcceptedFiles {
        self.catalog.find(agent_key).map_or(AcceptedFiles::NONE, |agent| agent.driver.accepted_files())
    }

    /// Returns the maximum number of attempts for each of this agent's tasks.
    #[must_use]
    pub fn max_attempts(&self, agent_key: &str) -> i64 {
        let own = self.catalog.find(agent_key).and_then(|agent| agent.max_attempts);
        own.unwrap_or_else(|| i64::from(self.task_max_attempts))
    }
}

/// Returns an agent's availability. A worker's report takes precedence, because agents run on workers. If there is no
/// report, availability depends on the configuration.
fn availability(config: &AgentConfig, report: Option<&AgentHealth>) -> Availability {
    let reason = match report {
        Some(report) if report.is_available => None,
        Some(report) => {
            Some(report.reason.clone().unwrap_or_else(|| "The workers report this agent as unavailable.".into()))
        }
        None => config.unavailable_reason(|name| std::env::var(name).ok()),
    };
    reason.map_or(Availability::Available, Availability::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(is_available: bool, reason: Option<&str>) -> AgentHealth {
        AgentHealth { agent_key: "demo".into(), is_available, reason: reason.map(str::to_owned) }
    }

    #[test]
    fn an_agent_is_available_unless_a_worker_reports_otherwise() {
        let demo = AgentConfig::demo();

        assert_eq!(availability(&demo, None), Availability::Available);
        assert_eq!(availability(&demo, Some(&report(true, None))), Availability::Available);
        let unavailable = availability(&demo, Some(&report(false, Some("It is not installed."))));
        assert_eq!(unavailable, Availability::Unavailable("It is not installed.".into()));
        assert!(matches!(availability(&demo, Some(&report(false, None))), Availability::Unavailable(_)));
    }
}
