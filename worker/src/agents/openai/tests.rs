//! The driver against a real server on loopback that sends exactly the bytes it is told to.

mod answers;
mod failures;
mod requests;
mod server;

use std::{sync::Arc, time::Duration};

use banter_shared::{
    agents_file::OpenaiConfig,
    chat::{Role, StepKind, StepStatus},
    clock::SystemClock,
    id::{SessionId, TaskId},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::server::Server;
use super::*;
use crate::agents::StepUpdate;

/// Long enough for a busy machine, short enough to wait for when silence is what is tested.
const PATIENCE: Duration = Duration::from_secs(1);

fn config(server: &Server) -> OpenaiConfig {
    OpenaiConfig { model: Some("m".into()), ..OpenaiConfig::at(server.base_url()) }
}

fn agent(config: OpenaiConfig) -> OpenaiAgent {
    OpenaiAgent::new(config, Some("sk-test".into()), Arc::new(SystemClock)).unwrap()
}

fn turn(content: &str) -> Turn {
    let history = vec![HistoryMessage { turn: 1, role: Role::User, content: content.into() }];
    Turn { session_id: SessionId::generate(), task_id: TaskId::generate(), turn: 1, resume: None, history }
}

/// Asks once and collects the text.
async fn ask(agent: &OpenaiAgent) -> (String, Result<Answer, AgentError>) {
    let (text, _, outcome) = ask_all(agent).await;
    (text, outcome)
}

/// Asks once and collects the text, and status and text of the steps.
async fn ask_all(agent: &OpenaiAgent) -> (String, Vec<(String, StepStatus, String)>, Result<Answer, AgentError>) {
    let (updates, mut received) = mpsc::channel(4);
    let answer = agent.answer(turn("Hi"), updates, CancellationToken::new());
    let collect = async {
        let (mut text, mut steps) = (String::new(), Vec::new());
        while let Some(update) = received.recv().await {
            match update {
                Update::Text(more) => text.push_str(&more),
                Update::Step(StepUpdate { key, kind, status, detail, .. }) => {
                    assert_eq!(kind, StepKind::Thought);
                    steps.push((key, status, detail["text"].as_str().unwrap().to_owned()));
                }
                Update::Permission(_) | Update::Resume { .. } => panic!("a server that thinks and speaks: {update:?}"),
            }
        }
        (text, steps)
    };
    let (outcome, (text, steps)) = tokio::join!(answer, collect);
    (text, steps, outcome)
}

/// Asks a server that sends this body as an event stream and then hangs up.
async fn ask_stream(body: impl AsRef<[u8]>) -> (String, Result<Answer, AgentError>) {
    let server = Server::start([server::stream(body)]).await;
    ask(&agent(config(&server))).await
}
