//! What the rounds run on: some processes, and a model server that people can script while they chat.

use std::{collections::HashSet, env, sync::Arc};

use banter_tests::{
    app::{Builder, TestApp},
    client::Client,
    fake_openai::FakeOpenAi,
};

/// An installation with the agent `scripted`.
pub struct Installation {
    pub app: TestApp,
    pub model: Arc<FakeOpenAi>,
    /// A client of each api, who does not mind that the store is busy.
    pub clients: Vec<Client>,
}

/// Whether Redis is between the processes.
pub fn has_redis() -> bool {
    env::var("RELAY").map_or(true, |relay| relay != "without_redis")
}

impl Installation {
    /// Two apis on ports that last and two workers, and more attempts than a run of bad luck uses up, unless `change`
    /// says otherwise.
    pub async fn start(change: impl FnOnce(Builder) -> Builder) -> Self {
        let model = FakeOpenAi::start().await;
        let builder = TestApp::builder().apis(2).workers(2).lasting_ports().agents(&model.agent("max_attempts = 9"));
        let builder = builder.env("SHUTDOWN_GRACE_SECONDS", "1");
        let builder = if has_redis() { builder.redis() } else { builder };
        let app = change(builder).start().await;
        let clients = (0..app.apis()).map(|index| app.client_of(index).patient()).collect();
        Self { app, model: Arc::new(model), clients }
    }

    /// The same with a lease of 4 s, so that takeovers come soon; and so the store counts as busy after 2 s.
    pub async fn start_with_short_lease(change: impl FnOnce(Builder) -> Builder) -> Self {
        Self::start(|builder| change(builder.env("TASK_LEASE_SECONDS", "4"))).await
    }

    /// A new session.
    pub async fn session(&self) -> String {
        self.clients[0].create_session("scripted").await
    }

    /// Panics when any request to the model holds one of these texts as a message.
    pub fn assert_never_seen(&self, texts: &[String]) {
        let texts: HashSet<&String> = texts.iter().collect();
        for request in self.model.requests() {
            for (_, content) in request.conversation() {
                assert!(!texts.contains(&content), "the agent has seen {content:?}, which was taken back");
            }
        }
    }
}
