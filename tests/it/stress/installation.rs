//! The installation for the stress tests, with a model server that clients script while they chat.

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
    /// One client per api. The clients retry requests while the store is busy.
    pub clients: Vec<Client>,
}

/// Returns whether the processes use Redis.
pub fn has_redis() -> bool {
    env::var("RELAY").map_or(true, |relay| relay != "without_redis")
}

impl Installation {
    /// Starts two apis on reserved ports and two workers, unless `change` configures otherwise. Turns are allowed more
    /// attempts than a series of faults can use up.
    pub async fn start(change: impl FnOnce(Builder) -> Builder) -> Self {
        Self::start_with(FakeOpenAi::start().await, change).await
    }

    /// Like [`Self::start`], with this model server.
    pub async fn start_with(model: FakeOpenAi, change: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = TestApp::builder().apis(2).workers(2).agents(&model.agent("max_attempts = 9"));
        let builder = builder.env("SHUTDOWN_GRACE_SECONDS", "1");
        let builder = if has_redis() { builder.redis() } else { builder };
        let app = change(builder).start().await;
        let clients = (0..app.apis()).map(|index| app.client_of(index).patient()).collect();
        Self { app, model: Arc::new(model), clients }
    }

    /// Starts an installation with a lease of 4 s, which makes takeovers quick. The store is considered busy after 2 s.
    pub async fn start_with_short_lease(change: impl FnOnce(Builder) -> Builder) -> Self {
        Self::start(|builder| change(builder.env("TASK_LEASE_SECONDS", "4"))).await
    }

    /// Creates a session.
    pub async fn session(&self) -> String {
        self.clients[0].create_session("scripted").await
    }

    /// Panics if any request to the model contains one of these texts as a message.
    pub fn assert_never_sent(&self, texts: &[String]) {
        let texts: HashSet<&String> = texts.iter().collect();
        for request in self.model.requests() {
            for (_, content) in request.conversation() {
                assert!(!texts.contains(&content), "the agent received {content:?}, which was unsent");
            }
        }
    }
}
