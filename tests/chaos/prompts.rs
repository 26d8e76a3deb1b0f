//! The prompts that the agents received. Only the text is kept, to limit memory use in long runs.

use std::{sync::Arc, time::Duration};

use banter_tests::fake_openai::{FakeOpenAi, Recorded};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Interval at which requests to the model are collected.
const COLLECT_EVERY: Duration = Duration::from_millis(200);

/// A background task that collects the requests to the model.
pub struct PromptCollector {
    end: CancellationToken,
    task: JoinHandle<Vec<Vec<String>>>,
}

impl PromptCollector {
    /// Starts collecting.
    pub fn start(model: Arc<FakeOpenAi>) -> Self {
        let end = CancellationToken::new();
        let task = tokio::spawn(collect(model, end.clone()));
        Self { end, task }
    }

    /// Stops collecting. Returns one list per request, in order of arrival: the texts of the request's user messages.
    pub async fn finish(self) -> Vec<Vec<String>> {
        self.end.cancel();
        self.task.await.unwrap()
    }
}

async fn collect(model: Arc<FakeOpenAi>, end: CancellationToken) -> Vec<Vec<String>> {
    let mut asked = Vec::new();
    loop {
        let is_over = tokio::time::timeout(COLLECT_EVERY, end.cancelled()).await.is_ok();
        asked.extend(model.take_requests().iter().map(user_texts));
        if is_over {
            return asked;
        }
    }
}

fn user_texts(request: &Recorded) -> Vec<String> {
    let conversation = request.conversation();
    conversation.into_iter().filter(|(role, _)| role == "user").map(|(_, text)| text).collect()
}
