//! Which agents can run on this machine, determined without starting any.

use banter_shared::{
    agents_file::{AgentCatalog, AgentConfig, Driver, detectable},
    store::AgentHealth,
};

use super::process::{StartError, find_program};

/// Returns the health of every configured agent, and of those that are found on `PATH` but not enabled.
#[must_use]
pub fn check(catalog: &AgentCatalog, env: impl Fn(&str) -> Option<String>) -> Vec<AgentHealth> {
    let configured = catalog.agents().iter().map(|agent| {
        let reason = unavailable_reason(agent, &env);
        AgentHealth { agent_key: agent.key.clone(), is_available: reason.is_none(), reason }
    });
    let found = detected(catalog).map(|agent| AgentHealth {
        agent_key: agent.key.clone(),
        is_available: false,
        reason: Some(
            "Installed but not enabled. To enable it, add it to agents.toml. It can run commands on the worker."
                .to_owned(),
        ),
    });
    configured.chain(found).collect()
}

/// Returns why an agent cannot run here. `None` is no guarantee, because nothing is started.
#[must_use]
pub fn unavailable_reason(agent: &AgentConfig, env: impl Fn(&str) -> Option<String>) -> Option<String> {
    agent.unavailable_reason(env).or_else(|| match &agent.driver {
        Driver::Acp(acp) => missing(&acp.program.command),
        Driver::Command(command) => missing(&command.program.command),
        Driver::Demo(_) | Driver::Openai(_) => None,
    })
}

/// Returns the agents that are installed here but not mentioned in the configuration.
pub fn detected(catalog: &AgentCatalog) -> impl Iterator<Item = &'static AgentConfig> {
    detectable().iter().filter(|agent| match &agent.driver {
        Driver::Acp(acp) => {
            !catalog.mentions(&agent.key, &acp.program.command) && find_program(&acp.program.command).is_some()
        }
        Driver::Demo(_) | Driver::Openai(_) | Driver::Command(_) => false,
    })
}

fn missing(command: &str) -> Option<String> {
    find_program(command).is_none().then(|| StartError::NotInstalled(command.to_owned()).to_string())
}
