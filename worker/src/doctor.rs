//! Implements `worker doctor`, which probes each agent and reports the result.

use std::env;

use anyhow::Context as _;
use banter_shared::{
    agents_file::{AgentCatalog, AgentConfig},
    config::Config,
    store::FolderReport,
};

use crate::{
    agents::{
        driver::{self, BuildContext, Driver, ProbeReport},
        health,
        process::{ProcessHost, find_program},
    },
    workplace::Workplace,
};

/// Probes all agents one after another, checks the folders, and prints the results. Returns whether every configured agent
/// and folder is usable.
///
/// # Errors
/// Fails if the agents file cannot be loaded, or if the agents' folders cannot be created.
pub async fn run(config: &Config) -> anyhow::Result<bool> {
    let env = |name: &str| env::var(name).ok();
    let catalog = AgentCatalog::load(config.agents_file.as_deref(), env)?;
    let host = ProcessHost::new(&config.data_dir).context("cannot create the agents' folders")?;
    let mut all_usable = true;
    for agent in catalog.agents() {
        let report = probe(agent, &BuildContext { key: &agent.key, env: &env, host: &host, concurrency: 1 }).await;
        all_usable &= report.is_usable;
        print(agent, if report.is_usable { "ok" } else { "failed" }, &report.lines);
    }
    for agent in health::detected(&catalog) {
        let mut lines: Vec<String> = installed_at(driver::of(&agent.driver)).into_iter().collect();
        lines.push("to enable it, add it to agents.toml".to_owned());
        print(agent, "not enabled", &lines);
    }
    for FolderReport { folder_key, reason, branch, .. } in Workplace::new(&catalog, &host).report().await {
        all_usable &= reason.is_none();
        println!("folder {folder_key}: {}", if reason.is_none() { "ok" } else { "failed" });
        for line in reason.into_iter().chain(branch.map(|branch| format!("git branch: {branch}"))) {
            println!("  {line}");
        }
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

/// Returns a line that says where an agent's program is installed.
fn installed_at(driver: &dyn Driver) -> Option<String> {
    find_program(driver.program()?).map(|path| format!("found: {}", path.display()))
}

async fn probe(agent: &AgentConfig, context: &BuildContext<'_>) -> ProbeReport {
    let driver = driver::of(&agent.driver);
    let mut lines: Vec<String> = installed_at(driver).into_iter().collect();
    if let Some(reason) = health::unavailable_reason(agent, context.env) {
        lines.push(format!("unavailable: {reason}"));
        return ProbeReport { is_usable: false, lines };
    }
    let report = driver.probe(context).await;
    lines.extend(report.lines);
    ProbeReport { lines, ..report }
}
