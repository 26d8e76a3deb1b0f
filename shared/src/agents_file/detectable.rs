//! Agents that workers look for on `PATH` and suggest to the operator.

use std::sync::LazyLock;

use super::{
    config::{AgentConfig, DriverConfig},
    program::{AcpConfig, ProgramConfig},
};

/// The key, name, program, and arguments of each agent.
const PROGRAMS: [(&str, &str, &str, &[&str]); 4] = [
    ("opencode", "opencode", "opencode", &["acp"]),
    ("claude", "Claude", "claude-agent-acp", &[]),
    ("codex", "Codex", "codex-acp", &[]),
    ("gemini", "Gemini CLI", "gemini", &["--acp"]),
];

/// Returns the default configurations of all detectable agents. An agent is listed if a worker finds its program.
/// However, users cannot use the agent until the operator adds a table for it to `agents.toml`, because such agents run
/// commands on the worker's machine.
#[must_use]
pub fn detectable() -> &'static [AgentConfig] {
    static AGENTS: LazyLock<Vec<AgentConfig>> = LazyLock::new(|| {
        let agent = |(key, name, command, args): &(&str, &str, &str, &[&str])| {
            let program = ProgramConfig {
                command: (*command).to_owned(),
                args: args.iter().map(|argument| (*argument).to_owned()).collect(),
                ..ProgramConfig::default()
            };
            AgentConfig {
                name: (*name).to_owned(),
                ..AgentConfig::new((*key).to_owned(), DriverConfig::Acp(AcpConfig::new(program)))
            }
        };
        PROGRAMS.iter().map(agent).collect()
    });
    &AGENTS
}
