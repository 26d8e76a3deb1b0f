//! The driver against a real server on loopback that sends exactly the bytes it is told to.

mod answers;
mod failures;
mod requests;
mod server;

use std::{sync::Arc, time::Duration};

use banter_shared::{
    agents_file::OpenaiConfig,
    chat::Role,
    clock::SystemClock,
    id::{SessionId, TaskId},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::server::Server;
use super::*;

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
    let (updates, mut received) = mpsc::channel(4);
    let answer = agent.answer(turn("Hi"), updates, CancellationToken::new());
    let collect = async {
        let mut text = String::new();
        while let Some(Update::Text(more)) = received.recv().await {
            text.push_str(&more);
        }
        text
    };
    let (outcome, text) = tokio::join!(answer, collect);
    (text, outcome)
}

/// Asks a server that sends this body as an event stream and then hangs up.
async fn ask_stream(body: impl AsRef<[u8]>) -> (String, Result<Answer, AgentError>) {
    let server = Server::start([server::stream(body)]).await;
    ask(&agent(config(&server))).await
}
