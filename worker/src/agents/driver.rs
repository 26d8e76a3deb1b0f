//! Drivers, each of which builds and probes agents of one kind. The agents' configuration types implement [`Driver`].

use std::sync::Arc;

use async_trait::async_trait;
use banter_shared::agents_file::{DriverConfig, ProgramConfig};

use super::{
    Agent,
    process::{Launch, ProcessHost, Program},
};

/// The inputs for building an agent.
#[derive(Clone, Copy)]
pub struct BuildContext<'a> {
    /// The agent's key.
    pub key: &'a str,
    /// Looks up an environment variable. Secrets are read from environment variables.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The host for the agent's processes.
    pub host: &'a ProcessHost,
    /// Maximum number of tasks that the worker runs at once.
    pub concurrency: usize,
}

/// The result of probing an agent.
#[derive(Debug)]
pub struct ProbeReport {
    /// Whether no problem was found.
    pub is_usable: bool,
    /// The findings, one per line.
    pub lines: Vec<String>,
}

/// Builds and probes agents of one kind.
#[async_trait]
pub trait Driver: Sync {
    /// Builds an agent without starting a process.
    ///
    /// # Errors
    /// Fails with a readable message if the agent cannot be built, for example because a secret is missing.
    fn build(&self, context: &BuildContext<'_>) -> Result<Arc<dyn Agent>, String>;

    /// Returns the name or path of the program that must be installed for the agent, if there is one.
    fn program(&self) -> Option<&str> {
        None
    }

    /// Probes the agent as far as possible without sending a message.
    async fn probe(&self, context: &BuildContext<'_>) -> ProbeReport;
}

/// Returns the driver for a configured agent.
#[must_use]
pub fn of(config: &DriverConfig) -> &dyn Driver {
    match config {
        DriverConfig::Demo(demo) => demo,
        DriverConfig::Openai(openai) => openai,
        DriverConfig::Acp(acp) => acp,
        DriverConfig::Command(command) => command,
    }
}

impl BuildContext<'_> {
    /// Returns the launch settings for a program, which does not have to be installed yet.
    ///
    /// # Errors
    /// Fails with a readable message if a secret is unset or blank.
    pub fn launch(&self, program: &ProgramConfig) -> Result<Launch, String> {
        Ok(Launch {
            agent_key: self.key.to_owned(),
            secrets: program.secret_values(self.env)?,
            program: Program::Named(program.command.clone()),
            args: program.args.iter().map(Into::into).collect(),
            env: program.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    }
}

impl ProbeReport {
    /// Creates a report for a failed probe with a single finding.
    #[must_use]
    pub fn failed(line: String) -> Self {
        Self { is_usable: false, lines: vec![line] }
    }
}
