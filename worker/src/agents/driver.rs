//! Drivers: how the agents of each kind are built and probed. A driver is implemented by its configuration.

use std::sync::Arc;

use async_trait::async_trait;
use banter_shared::agents_file::{Driver as DriverConfig, ProgramConfig};

use super::{
    Agent,
    process::{Launch, ProcessHost, Program},
};

/// What an agent is built with.
#[derive(Clone, Copy)]
pub struct BuildContext<'a> {
    /// The agent's key.
    pub key: &'a str,
    /// Looks up an environment variable. They hold the secrets.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Starts the agent's processes.
    pub host: &'a ProcessHost,
    /// Number of tasks that the worker runs at once.
    pub concurrency: usize,
}

/// The result of probing an agent.
#[derive(Debug)]
pub struct ProbeReport {
    /// Whether the agent can answer.
    pub is_usable: bool,
    /// What was found, one finding per line.
    pub lines: Vec<String>,
}

/// A kind of agent.
#[async_trait]
pub trait Driver: Sync {
    /// Builds an agent without starting anything.
    ///
    /// # Errors
    /// Fails with a readable sentence if the agent cannot run here.
    fn build(&self, context: &BuildContext<'_>) -> Result<Arc<dyn Agent>, String>;

    /// Returns the name or path of the program that must be installed for the agent, if it needs one.
    fn program(&self) -> Option<&str> {
        None
    }

    /// Tries the agent, as far as that is possible without a message to answer.
    async fn probe(&self, context: &BuildContext<'_>) -> ProbeReport;
}

/// Returns the driver of a configured agent.
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
    /// Returns how to start a program. Whether it is installed is checked at the start.
    ///
    /// # Errors
    /// Fails with a readable sentence if a secret is missing.
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
    /// Reports an agent that cannot answer.
    #[must_use]
    pub fn failed(line: String) -> Self {
        Self { is_usable: false, lines: vec![line] }
    }
}
