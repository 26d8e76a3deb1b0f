//! Agents that are programs: what is spoken with them, how they fail, and that nothing of them is left.

mod acp;
mod command;
mod demo;
mod doctor;
mod failures;
mod memory;
mod permissions;
mod processes;

use banter_tests::{
    app::{Builder, TestApp},
    client::Client,
    fake_agent::FakeAgent,
};
use serde_json::Value;

/// An installation with the agent `fake`.
struct Faked {
    app: TestApp,
    fake: FakeAgent,
    client: Client,
}

impl Faked {
    /// With arguments of the agent's, more lines for its table, and changes to the installation.
    async fn start(arguments: &str, more: &str, change: impl FnOnce(Builder) -> Builder) -> Self {
        let fake = FakeAgent::new();
        let app = change(TestApp::builder().agents(&fake.agent("fake", arguments, more))).start().await;
        let client = app.client();
        Self { app, fake, client }
    }

    /// Asks in a new session; `{message, task, reply}`.
    async fn ask(&self, content: &str) -> Value {
        let session = self.client.create_session("fake").await;
        self.client.ask(&session, content).await
    }
}
