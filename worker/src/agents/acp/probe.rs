//! Probes an agent for `worker doctor`.

use std::{fmt::Write as _, time::Duration};

use banter_shared::{chat::ErrorCode, id::SessionId};
use tokio::time::Instant;

use super::{AcpAgent, connection::Connection, session};
use crate::agents::{AgentError, driver::ProbeReport, process::AgentProcess};

/// Maximum number of lines reported from the end of an agent's stderr.
const REPORTED_LINES: usize = 5;

impl AcpAgent {
    /// Starts the agent, initializes it, opens a session, and terminates the process.
    pub(in crate::agents) async fn probe(&self) -> ProbeReport {
        let mut probe = Probe::default();
        let folder = SessionId::generate();
        match self.runner.start(folder, None).await {
            Ok(process) => {
                let handle = process.handle.clone();
                probe.failure = self.initialize(process, &mut probe).await.err();
                handle.end();
                handle.exited().await;
                if probe.failure.is_some() {
                    probe.stderr = handle.final_stderr().await;
                }
            }
            Err(error) => probe.failure = Some(error.into()),
        }
        if let Err(error) = self.runner.host.folders().remove_work(folder) {
            tracing::warn!(%error, "failed to remove a probe's folder");
        }
        probe.into_report()
    }

    async fn initialize(&self, process: AgentProcess, probe: &mut Probe) -> Result<(), AgentError> {
        let opened = Connection::open(process, &self.runner.host, &self.runner.settle_policy).await;
        // Only now do we know whether the supervisor was able to start the program.
        probe.is_started = opened.as_ref().err().is_none_or(|error| error.code != ErrorCode::AgentUnavailable);
        let connection = opened?;
        probe.initialized_after = Some(probe.begun_at.elapsed());
        let agent_info = &connection.agent_info;
        probe.name.clone_from(&agent_info.display_name);
        probe.sign_in_methods.clone_from(&agent_info.sign_in_methods);
        session::open(&connection, &self.runner.config, None, 0, None).await.map(drop)
    }
}

/// The progress of a probe.
#[derive(Debug)]
struct Probe {
    begun_at: Instant,
    /// Whether the program could be started.
    is_started: bool,
    /// Time until the agent was initialized, or `None` if it never was.
    initialized_after: Option<Duration>,
    /// The agent's name and, if reported, its version.
    name: Option<String>,
    /// The names of the agent's authentication methods, or the IDs of methods without a name.
    sign_in_methods: Vec<String>,
    /// Why no session could be opened, or `None` if one was opened.
    failure: Option<AgentError>,
    /// If the probe failed, the end of the agent's stderr, with secrets redacted.
    stderr: String,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            begun_at: Instant::now(),
            is_started: false,
            initialized_after: None,
            name: None,
            sign_in_methods: Vec::new(),
            failure: None,
            stderr: String::new(),
        }
    }
}

impl Probe {
    fn into_report(self) -> ProbeReport {
        let mut lines = Vec::new();
        if self.is_started {
            lines.push("started".to_owned());
        }
        if let Some(after) = self.initialized_after {
            let mut line = format!("initialized in {} ms", after.as_millis());
            if let Some(name) = self.name {
                let _ = write!(line, " ({name})");
            }
            lines.push(line);
        }
        let is_usable = self.failure.is_none();
        lines.push(match self.failure {
            None => "opened a session".to_owned(),
            Some(error) => format!("failed: {error}"),
        });
        if !is_usable && !self.sign_in_methods.is_empty() {
            lines.push(format!("sign-in methods: {}", self.sign_in_methods.join(", ")));
        }
        let stderr: Vec<&str> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = &stderr[stderr.len().saturating_sub(REPORTED_LINES)..];
        lines.extend(last.iter().map(|line| format!("stderr: {line}")));
        ProbeReport { is_usable, lines }
    }
}
