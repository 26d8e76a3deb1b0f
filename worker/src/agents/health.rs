//! Determines which agents can run on this machine, without starting any of them.

use banter_shared::{
    agents_file::{AgentCatalog, AgentConfig, detectable},
    store::AgentHealth,
};

use super::{
    driver,
    process::{StartError, find_program},
};

/// Returns the health of every enabled agent, and of every agent that is installed but missing from the configuration.
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
            "Installed but not enabled. To enable it, add it to agents.toml. Once enabled, it can run commands on the \
             worker."
                .to_owned(),
        ),
    });
    configured.chain(found).collect()
}

/// Returns why an agent cannot run on this machine, or `None` if no reason is found. Nothing is started, so the agent
/// may still fail.
#[must_use]
pub fn unavailable_reason(agent: &AgentConfig, env: impl Fn(&str) -> Option<String>) -> Option<String> {
    agent.unavailable_reason(env).or_else(|| driver::of(&agent.driver).program().and_then(missing))
}

/// Returns the agents that are installed on this machine but missing from the configuration.
pub fn detected(catalog: &AgentCatalog) -> impl Iterator<Item = &'static AgentConfig> {
    detectable().iter().filter(|agent| {
        driver::of(&agent.driver)
            .program()
            .is_some_and(|program| !catalog.mentions(&agent.key, program) && find_program(program).is_some())
    })
}

fn missing(program: &str) -> Option<String> {
    find_program(program).is_none().then(|| StartError::NotInstalled(program.to_owned()).to_string())
}
