//! Tests of the driver against a local server that sends scripted bytes.

mod answers;
mod dialects;
mod failures;
mod loading;
pub(super) mod properties;
mod quirks;
mod requests;
mod server;

use std::{sync::Arc, time::Duration};

use banter_shared::{
    agents_file::OpenaiConfig,
    chat::{HistoryMessage, Role, StepKind, StepStatus},
    clock::SystemClock,
    id::{SessionId, TaskId},
};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::server::Server;
use super::*;
use crate::agents::files::tests::MemoryFiles;

/// A time limit that is long enough for a busy machine, but short enough for tests in which the server is silent.
const TIMEOUT: Duration = Duration::from_secs(1);

fn config(server: &Server) -> OpenaiConfig {
    OpenaiConfig { model: Some("m".into()), ..OpenaiConfig::at(server.base_url()) }
}

fn agent(config: OpenaiConfig) -> OpenaiAgent {
    OpenaiAgent::new(config, Some("sk-test".into()), Arc::new(SystemClock)).unwrap()
}

fn turn(content: &str) -> Turn {
    let history = vec![HistoryMessage { turn: 1, role: Role::User, content: content.into(), attachments: Vec::new() }];
    Turn {
        session_id: SessionId::generate(),
        task_id: TaskId::generate(),
        folder: None,
        turn: 1,
        resume: None,
        path_revision: 0,
        history,
        files: Arc::new(MemoryFiles::default()),
    }
}

/// Runs a turn and collects the text.
async fn ask(agent: &OpenaiAgent) -> (String, Result<Answer, AgentError>) {
    let (updates, outcome) = ask_for_updates(agent).await;
    (text_of(&updates), outcome)
}

/// Runs a turn and collects the updates.
async fn ask_for_updates(agent: &OpenaiAgent) -> (Vec<Update>, Result<Answer, AgentError>) {
    ask_about(agent, turn("Hi")).await
}

async fn ask_about(agent: &OpenaiAgent, turn: Turn) -> (Vec<Update>, Result<Answer, AgentError>) {
    let (updates, mut received) = mpsc::channel(4);
    let answer = agent.answer(turn, updates, CancellationToken::new());
    let collect = async {
        let mut updates = Vec::new();
        while let Some(update) = received.recv().await {
            updates.push(update);
        }
        updates
    };
    let (outcome, updates) = tokio::join!(answer, collect);
    (updates, outcome)
}

/// Returns the text that results from these updates.
fn text_of(updates: &[Update]) -> String {
    let mut text = String::new();
    for update in updates {
        match update {
            Update::Text(more) => text.push_str(more),
            Update::Retract => text.clear(),
            Update::File(_) | Update::Step(_) | Update::Permission(_) | Update::Resume(_) => {}
        }
    }
    text
}

/// Returns the titles and statuses of notices.
fn notices(updates: &[Update]) -> Vec<(&str, StepStatus)> {
    let steps = updates.iter().filter_map(|update| match update {
        Update::Step(step) => Some(step),
        Update::Text(_) | Update::Retract | Update::File(_) | Update::Permission(_) | Update::Resume(_) => None,
    });
    let notices = steps.filter(|step| step.detail.kind() == StepKind::Notice);
    notices.map(|step| (step.title.as_str(), step.status)).collect()
}

/// Runs a turn with a server that responds with this event stream and then closes the connection.
async fn ask_stream(body: impl AsRef<[u8]>) -> (String, Result<Answer, AgentError>) {
    let server = Server::start([server::stream(body)]).await;
    ask(&agent(config(&server))).await
}
