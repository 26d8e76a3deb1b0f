//! Agents: protocols, failures, and the cleanup of agent processes.

mod acp;
mod changes;
mod command;
mod configured_folders;
mod context;
mod demo;
mod descendants;
mod doctor;
mod failures;
mod folders;
mod lifetimes;
mod limits;
mod openai;
mod permissions;
mod processes;
mod random_defects;
mod scripts;
mod session_replay;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use banter_tests::{
    app::{Builder, TestApp},
    client::Client,
    fake_agent::FakeAgent,
    process_table::processes_with,
};
use serde_json::Value;

/// Time limit for an agent to exit. Stopping takes at most 14 s; the rest is headroom for a machine that is busy with
/// other tests.
const GONE_WITHIN: Duration = Duration::from_secs(45);

/// Returns a sleep duration, in seconds, that no other process is using.
fn unique_seconds() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("86{:05}.{:03}", std::process::id() % 100_000, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns the process IDs of the supervisors of a session's agents.
fn supervisors(session: &str) -> Vec<u32> {
    processes_with(&format!("{session}.lock -- "))
}

/// An installation with the agent `fake`.
struct Faked {
    app: TestApp,
    fake: FakeAgent,
    client: Client,
}

impl Faked {
    /// Starts an installation. `arguments` are passed to the agent, `more` contains additional lines for the agent's
    /// table, and `change` configures the installation.
    async fn start(arguments: &str, more: &str, change: impl FnOnce(Builder) -> Builder) -> Self {
        let fake = FakeAgent::new();
        let app = change(TestApp::builder().agents(&fake.agent("fake", arguments, more))).start().await;
        let client = if app.apis() > 0 { app.client() } else { Client::new("nobody listens") };
        let client = client.patient();
        Self { app, fake, client }
    }

    /// Sends a message in a new session and waits until the message's task has ended. Returns `{message, task, reply}`.
    async fn ask(&self, content: &str) -> Value {
        let session = self.client.create_session("fake").await;
        self.client.ask(&session, content).await
    }
}
