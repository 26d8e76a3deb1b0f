//! Setup code that is shared by several test modules.

use banter_tests::{
    app::{Builder, TestApp},
    client::Client,
    fake_openai::{FakeOpenAi, Gate},
};
use serde_json::Value;

/// An installation with the agent `scripted`, whose model server is a fake.
pub struct Scripted {
    pub app: TestApp,
    pub model: FakeOpenAi,
    pub client: Client,
}

impl Scripted {
    /// Starts an installation with one api and one worker.
    pub async fn start() -> Self {
        Self::start_with("", |builder| builder).await
    }

    /// Starts an installation. `agent` contains additional lines for the agent's table, and `change` configures the
    /// installation.
    pub async fn start_with(agent: &str, change: impl FnOnce(Builder) -> Builder) -> Self {
        let model = FakeOpenAi::start().await;
        let app = change(TestApp::builder().agents(&model.agent(agent))).start().await;
        let client = app.client();
        Self { app, model, client }
    }

    /// Creates a session with the agent `scripted`.
    pub async fn session(&self) -> String {
        self.client.create_session("scripted").await
    }

    /// Starts a turn in a new session, and waits until the agent has received `prompt`. The answer is held until the
    /// test sends it through the gate. Returns the session, the task, and the gate.
    pub async fn held(&self, prompt: &str) -> (String, String, Gate) {
        let session = self.session().await;
        let mut gate = self.model.gate(prompt);
        let sent = self.client.send(&session, prompt).await;
        gate.arrived().await;
        (session, sent.task_id, gate)
    }

    /// Panics if any request to the model contains this text.
    pub fn assert_never_seen(&self, text: &str) {
        for request in self.model.requests() {
            assert!(!request.body.to_string().contains(text), "the agent received {text:?}: {}", request.body);
        }
    }
}

/// Returns (role, content) pairs for comparing whole conversations.
pub fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(role, content)| ((*role).to_owned(), (*content).to_owned())).collect()
}

/// Returns the names of an object's fields in sorted order.
pub fn fields(object: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        object.as_object().unwrap_or_else(|| panic!("not an object: {object}")).keys().cloned().collect();
    names.sort();
    names
}

/// Returns this field of each object.
pub fn column<'a>(items: &'a [Value], field: &str) -> Vec<&'a Value> {
    items.iter().map(|item| &item[field]).collect()
}
