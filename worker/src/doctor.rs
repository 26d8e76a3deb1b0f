//! `worker doctor`: tries each agent and reports the result.

use std::{env, fmt::Write as _, sync::Arc};

use anyhow::Context as _;
use banter_shared::{
    agents_file::{AgentCatalog, AgentConfig, Driver},
    clock::SystemClock,
    config::Config,
};

use crate::agents::{
    acp::{AcpAgent, Probe},
    health,
    openai::OpenaiAgent,
    process::{ProcessHost, find_program},
    registry,
};

/// Number of lines from the end of an agent's stderr that are printed.
const SHOWN_LINES: usize = 5;

/// The result of trying an agent.
struct Diagnosis {
    is_usable: bool,
    lines: Vec<String>,
}

/// Tries all agents one after the other and prints the results. Returns whether every configured agent is usable.
///
/// # Errors
/// Fails if the configuration cannot be read.
pub async fn run(config: &Config) -> anyhow::Result<bool> {
    let env = |name: &str| env::var(name).ok();
    let catalog = AgentCatalog::load(config.agents_file.as_deref(), env)?;
    let host = ProcessHost::new(&config.data_dir).context("cannot create the agents' folders")?;
    let mut all_usable = true;
    for agent in catalog.agents() {
        let diagnosis = diagnose(agent, env, &host).await;
        all_usable &= diagnosis.is_usable;
        print(agent, if diagnosis.is_usable { "ok" } else { "failed" }, &diagnosis.lines);
    }
    for agent in health::detected(&catalog) {
        let mut lines: Vec<String> = found_at(agent).into_iter().collect();
        lines.push("to enable it, add it to agents.toml".to_owned());
        print(agent, "not enabled", &lines);
    }
    host.shut_down().await;
    Ok(all_usable)
}

fn print(agent: &AgentConfig, state: &str, lines: &[String]) {
    println!("{} ({}): {state}", agent.key, agent.driver.as_str());
    for line in lines {
        println!("  {line}");
    }
}

/// Returns the line that says where an agent's program is installed.
fn found_at(agent: &AgentConfig) -> Option<String> {
    let program = match &agent.driver {
        Driver::Acp(acp) => &acp.program,
        Driver::Command(command) => &command.program,
        Driver::Demo(_) | Driver::Openai(_) => return None,
    };
    find_program(&program.command).map(|path| format!("found: {}", path.display()))
}

async fn diagnose(agent: &AgentConfig, env: impl Fn(&str) -> Option<String> + Copy, host: &ProcessHost) -> Diagnosis {
    let mut lines: Vec<String> = found_at(agent).into_iter().collect();
    if let Some(reason) = health::unavailable_reason(agent, env) {
        lines.push(format!("missing: {reason}"));
        return Diagnosis { is_usable: false, lines };
    }
    let agent_result = match &agent.driver {
        Driver::Demo(_) => Ok(AcpAgent::demo(agent.key.clone(), 1, host.clone())),
        Driver::Acp(acp) => registry::launch(&agent.key, &acp.program, env)
            .map(|launch| AcpAgent::new(acp.clone(), launch, host.clone())),
        Driver::Command(_) => {
            lines.push("not started: a command agent runs only when it has a message to answer".to_owned());
            return Diagnosis { is_usable: true, lines };
        }
        Driver::Openai(openai) => {
            let agent =
                openai.api_key(env).and_then(|key| OpenaiAgent::new(openai.clone(), key, Arc::new(SystemClock)));
            let result = match agent {
                Ok(agent) => agent.probe().await.map_err(|error| error.to_string()),
                Err(reason) => Err(reason),
            };
            lines.push(match &result {
                Ok(count) => format!("connected: the server lists {count} models"),
                Err(reason) => format!("failed: {reason}"),
            });
            return Diagnosis { is_usable: result.is_ok(), lines };
        }
    };
    match agent_result {
        Ok(agent_result) => describe(agent_result.probe().await, lines),
        Err(reason) => {
            lines.push(format!("missing: {reason}"));
            Diagnosis { is_usable: false, lines }
        }
    }
}

fn describe(probe: Probe, mut lines: Vec<String>) -> Diagnosis {
    if probe.is_started {
        lines.push("started".to_owned());
    }
    if let Some(after) = probe.spoke_after {
        let mut line = format!("initialized in {} ms", after.as_millis());
        if let Some(name) = probe.calls_itself {
            let _ = write!(line, " as {name}");
        }
        lines.push(line);
    }
    let is_usable = probe.failure.is_none();
    lines.push(match probe.failure {
        None => "opened a session".to_owned(),
        Some(error) => format!("failed: {error}"),
    });
    if !is_usable && !probe.sign_in_methods.is_empty() {
        lines.push(format!("sign-in methods: {}", probe.sign_in_methods.join(", ")));
    }
    let wrote = probe.stderr.lines().filter(|line| !line.trim().is_empty());
    let last: Vec<&str> = wrote.collect();
    lines.extend(last[last.len().saturating_sub(SHOWN_LINES)..].iter().map(|line| format!("stderr: {line}")));
    Diagnosis { is_usable, lines }
}
