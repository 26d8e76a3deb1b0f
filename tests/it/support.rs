//! What tests of several areas arrange.

use banter_tests::{
    app::{Builder, TestApp},
    client::Client,
    fake_openai::{FakeOpenAi, Gate},
};
use serde_json::Value;

/// An installation with the agent `scripted`, which a fake model server drives.
pub struct Scripted {
    pub app: TestApp,
    pub model: FakeOpenAi,
    pub client: Client,
}

impl Scripted {
    /// One api, one worker.
    pub async fn start() -> Self {
        Self::start_with("", |builder| builder).await
    }

    /// More lines for the agent's table, and changes to the installation.
    pub async fn start_with(agent: &str, change: impl FnOnce(Builder) -> Builder) -> Self {
        let model = FakeOpenAi::start().await;
        let app = change(TestApp::builder().agents(&model.agent(agent))).start().await;
        let client = app.client();
        Self { app, model, client }
    }

    /// A new session with `scripted`.
    pub async fn session(&self) -> String {
        self.client.create_session("scripted").await
    }

    /// A session whose agent is held in the middle of the answer to `prompt`: (session, its task, the hand that holds).
    pub async fn held(&self, prompt: &str) -> (String, String, Gate) {
        let session = self.session().await;
        let mut gate = self.model.gate(prompt);
        let sent = self.client.send(&session, prompt).await;
        gate.arrived().await;
        (session, sent.task_id, gate)
    }

    /// Panics when any request to the model contains this text.
    pub fn assert_never_seen(&self, text: &str) {
        for request in self.model.requests() {
            assert!(!request.body.to_string().contains(text), "the agent has seen {text:?}: {}", request.body);
        }
    }
}

/// (role, content) pairs, for comparing whole transcripts.
pub fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(role, content)| ((*role).to_owned(), (*content).to_owned())).collect()
}

/// The names of an object's fields, sorted.
pub fn fields(object: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys().cloned().collect();
    names.sort();
    names
}

/// One field of each object.
pub fn column<'a>(items: &'a [Value], field: &str) -> Vec<&'a Value> {
    items.iter().map(|item| &item[field]).collect()
}
