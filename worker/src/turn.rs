//! One attempt at a turn: from the claim to its outcome.
//!
//! Guarantees: the attempt ends with exactly one call of [`outcome::write`], or quietly because it was over already;
//! text is stored as it comes, in pieces that end where a delta ends.

use std::{sync::Arc, time::Duration};

use banter_shared::{
    chat::{ErrorCode, TaskError},
    relay::SharedRelay,
    shutdown::Shutdown,
    store::{Claim, Finish, PastMessage, Store},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    agents::{Agent, AgentError, Answer, HistoryMessage, Registry, Turn, UPDATE_BUFFER, Update},
    outcome,
    running::Running,
    text::{Moved, TextWriter},
};

/// How long an attempt may take whose agent has no limit of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(15);
/// Pause after a failed read of the conversation.
const READ_PAUSE: Duration = Duration::from_millis(200);

/// What turns are run with.
#[derive(Clone)]
pub struct TurnRunner {
    /// The store.
    pub store: Store,
    /// The relay.
    pub relay: SharedRelay,
    /// The agents.
    pub agents: Arc<Registry>,
    /// What runs in this process.
    pub running: Running,
    /// When to give up.
    pub shutdown: Shutdown,
}

/// Why an attempt ended.
enum End {
    Finished(Result<Answer, AgentError>),
    /// Somebody wants it to stop, or it is over in the store.
    Stopped,
    /// The process shuts down.
    HandedBack,
    TimedOut(Duration),
    /// The store says that the attempt is over.
    LeaseLost,
}

impl TurnRunner {
    /// Runs an attempt to its end.
    pub async fn run(&self, claim: Claim) {
        let guard = self.running.add(&claim);
        let _attend = self.relay.attend();
        tracing::info!(task_id = %claim.task_id, attempt = claim.attempt, agent = claim.agent_key, "attempt started");
        let Some(agent) = self.agents.find(&claim.agent_key) else {
            let message = format!("The agent “{}” is not configured on this worker.", claim.agent_key);
            let error = TaskError::new(ErrorCode::AgentUnavailable, message);
            let failed = Finish::Failed { text: String::new(), error, retry_after: None };
            return outcome::write(&self.store, &self.relay, &claim, failed).await;
        };
        let Some(turn) = self.read_turn(&claim, guard.stop()).await else {
            return outcome::write(&self.store, &self.relay, &claim, Finish::HandedBack).await;
        };
        let timeout = self.agents.timeout(&claim.agent_key).unwrap_or(DEFAULT_TIMEOUT);
        let mut text = TextWriter::new(&self.store, &self.relay, self.shutdown.tasks(), claim.clone());
        let finish = match self.drive(agent, turn, guard.stop(), timeout, &mut text).await {
            End::LeaseLost => return,
            End::Finished(Ok(answer)) => {
                Finish::Answered { text: text.into_text(), finish_reason: answer.finish_reason, usage: answer.usage }
            }
            End::Finished(Err(AgentError { code, message, retry_after })) => {
                Finish::Failed { text: text.into_text(), error: TaskError::new(code, message), retry_after }
            }
            End::Stopped => Finish::Stopped { text: text.into_text() },
            End::HandedBack => Finish::HandedBack,
            End::TimedOut(limit) => {
                let message = format!("The agent did not finish within {} s.", limit.as_secs());
                let error = TaskError::new(ErrorCode::Timeout, message);
                Finish::Failed { text: text.into_text(), error, retry_after: None }
            }
        };
        outcome::write(&self.store, &self.relay, &claim, finish).await;
    }

    /// Lets the agent answer, stores its text, and watches for everything that ends it early.
    async fn drive(
        &self,
        agent: Arc<dyn Agent>,
        turn: Turn,
        stop: &CancellationToken,
        limit: Duration,
        text: &mut TextWriter,
    ) -> End {
        let deadline = Instant::now() + limit;
        let (updates, mut received) = mpsc::channel(UPDATE_BUFFER);
        let agent_stop = CancellationToken::new();
        // The agent is told to stop whichever way this ends.
        let _stop_agent = agent_stop.clone().drop_guard();
        let mut answer = agent.answer(turn, updates, agent_stop);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stopped,
                () = self.shutdown.hard().cancelled() => return End::HandedBack,
                () = sleep_until(deadline) => return End::TimedOut(limit),
                moved = text.advance(), if text.has_something_to_do() => {
                    if moved == Moved::LeaseLost {
                        return End::LeaseLost;
                    }
                }
                Some(update) = received.recv() => take_in(update, text),
                result = &mut answer => {
                    while let Ok(update) = received.try_recv() {
                        take_in(update, text);
                    }
                    return End::Finished(result);
                }
            }
        }
    }

    /// Reads the conversation; `None` if the attempt is to end before that was possible.
    async fn read_turn(&self, claim: &Claim, stop: &CancellationToken) -> Option<Turn> {
        loop {
            match self.store.read_history(claim.session_id, claim.turn).await {
                Ok(history) => {
                    let history = history
                        .into_iter()
                        .map(|PastMessage { turn, role, content }| HistoryMessage { turn, role, content })
                        .collect();
                    return Some(Turn {
                        session_id: claim.session_id,
                        task_id: claim.task_id,
                        turn: claim.turn,
                        resume: None,
                        history,
                    });
                }
                Err(error) => tracing::warn!(%error, "cannot read the conversation yet"),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = self.shutdown.hard().cancelled() => return None,
                () = sleep(READ_PAUSE) => {}
            }
        }
    }
}

/// Takes in what the agent says. Text is all that is kept of it so far; a request that is dropped counts as cancelled.
fn take_in(update: Update, text: &mut TextWriter) {
    match update {
        Update::Text(more) => text.push(&more),
        Update::Step(_) | Update::Permission(_) | Update::Resume(_) => {}
    }
}
