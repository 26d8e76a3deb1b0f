//! An installation with a third-party agent, a model server for it, and one session.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use banter_tests::{app::TestApp, chat::has_ended, client::Client, wait::within};
use serde_json::{Value, json};

use crate::{agents::RealAgent, model::ModelServer};

/// Default time limit for waits; long, because the programs are large and the machine may be busy.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// Polls until `probe` returns a value, with a long time limit.
pub async fn soon<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe).await
}

/// A test installation.
pub struct Stage {
    pub app: TestApp,
    pub client: Client,
    pub model: ModelServer,
    pub agent: RealAgent,
    pub session: String,
}

/// A finished turn.
#[derive(Clone, Debug)]
pub struct Turn {
    pub task: Value,
    /// The text of the answer; empty if there is no answer.
    pub content: String,
    /// The finish reason.
    pub finish_reason: String,
}

impl Turn {
    /// Returns the status of the task.
    pub fn status(&self) -> &str {
        self.task["status"].as_str().unwrap()
    }

    /// Returns the steps of the given kind.
    pub fn steps(&self, kind: &str) -> Vec<&Value> {
        self.task["steps"].as_array().unwrap().iter().filter(|step| step["kind"] == kind).collect()
    }
}

impl Stage {
    /// Starts an installation with the tool-calling model server. `more` contains additional lines for the agent's
    /// table.
    pub async fn start(agent: RealAgent, more: &str) -> Self {
        let model = ModelServer::start().await;
        let address = model.address.clone();
        Self::with_model(agent, more, model, &address).await
    }

    /// Starts an installation whose agent uses the model server at `address`, which may differ from `model`.
    pub async fn with_model(agent: RealAgent, more: &str, model: ModelServer, address: &str) -> Self {
        let path = std::env::join_paths(
            [agent.folder()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut builder = TestApp::builder()
            .env("TASK_LEASE_SECONDS", "3")
            .env("PATH", path.unwrap().to_str().unwrap())
            .agents(&agent.table(address, more));
        if let Some(secret) = agent.secret {
            builder = builder.env(secret, "none");
        }
        let app = builder.start().await;
        if let Some((file, text)) = &agent.settings {
            let file = app.folder().join("data/agents").join(agent.key).join("home").join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text(address, agent.model)).unwrap();
        }
        let client = app.client();
        let session = client.create_session(agent.key).await;
        Self { app, client, model, agent, session }
    }

    /// Sends a message and returns the ID of its task.
    pub async fn send(&self, content: &str) -> String {
        self.client.send(&self.session, content).await.task_id
    }

    /// Sends a message and waits until its turn has ended.
    pub async fn ask(&self, content: &str) -> Turn {
        let task = self.send(content).await;
        self.end_of(&task).await
    }

    /// Sends a message, waits for a permission request, answers it, and waits until the turn has ended.
    pub async fn ask_and_decide(&self, content: &str, decision: &str) -> Turn {
        let task = self.send(content).await;
        self.decide(&task, decision).await;
        self.end_of(&task).await
    }

    /// Returns a task with its steps.
    pub async fn task(&self, task: &str) -> Value {
        self.client.task(&self.session, task).await
    }

    /// Waits until a turn has ended.
    pub async fn end_of(&self, task: &str) -> Turn {
        let ended = soon("the end of the turn", async || Some(self.task(task).await).filter(has_ended)).await;
        let answer = self.client.answer_of(&self.session, task).await.unwrap_or_default();
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        Turn { task: ended, content: text("content"), finish_reason: text("finish_reason") }
    }

    /// Waits for a permission request and returns the step that contains it.
    pub async fn permission(&self, task: &str) -> Value {
        soon("a permission request", async || {
            let now = self.task(task).await;
            let steps = now["steps"].as_array().unwrap();
            let wanted = steps.iter().find(|step| step["kind"] == "permission" && step["status"] == "pending").cloned();
            assert!(wanted.is_some() || !has_ended(&now), "ended without a permission request: {now}");
            wanted
        })
        .await
    }

    /// Waits for a permission request and answers it. Returns the step as it was before the decision.
    pub async fn decide(&self, task: &str, decision: &str) -> Value {
        let step = self.permission(task).await;
        let request = step["detail"]["request_id"].as_str().unwrap();
        let path = format!("/v1/chat/{}/tasks/{task}/permissions/{request}", self.session);
        self.client.post(&path, &json!({"decision": decision})).await.ok_status(204);
        step
    }

    /// Returns the agent's working directory.
    pub fn work(&self) -> PathBuf {
        self.app.folder().join("data/work").join(&self.session)
    }

    /// Prints an observation.
    pub fn saw(&self, what: &str) {
        println!("SEEN {}: {what}", self.agent.key);
    }
}

/// Returns a sleep duration, in seconds, that no other process is using.
pub fn unique_seconds() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("87{:05}.{:03}", std::process::id() % 100_000, NEXT.fetch_add(1, Ordering::Relaxed))
}
