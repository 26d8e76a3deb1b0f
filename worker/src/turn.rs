//! One attempt at a turn: from the claim to its outcome.
//!
//! Guarantees: the attempt ends with exactly one call of [`outcome::write`], or quietly because it was over already;
//! text is stored as it comes, in pieces that end where a delta ends.

use std::{sync::Arc, time::Duration};

use banter_shared::{
    chat::{ErrorCode, TaskError, sanitize_agent_text},
    relay::SharedRelay,
    shutdown::Shutdown,
    store::{Claim, Finish, Store, StoreError, StoredChunk},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    agents::{Agent, AgentError, Answer, HistoryMessage, Registry, Turn, UPDATE_BUFFER, Update},
    outcome,
    running::Running,
};

/// How long an attempt may take whose agent has no limit of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(15);
/// Pause after a piece of text could not be stored.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
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
        let _follow = self.relay.follow(&claim.user).await;
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
        let mut text = TextWriter::new(self, claim.clone());
        let finish = match self.drive(agent, turn, guard.stop(), timeout, &mut text).await {
            End::LeaseLost => return,
            End::Finished(Ok(answer)) => {
                Finish::Answered { text: text.all, finish_reason: answer.finish_reason, usage: answer.usage }
            }
            End::Finished(Err(AgentError { code, message, retry_after })) => {
                Finish::Failed { text: text.all, error: TaskError::new(code, message), retry_after }
            }
            End::Stopped => Finish::Stopped { text: text.all },
            End::HandedBack => Finish::HandedBack,
            End::TimedOut(limit) => {
                let message = format!("The agent did not finish within {} s.", limit.as_secs());
                let error = TaskError::new(ErrorCode::Timeout, message);
                Finish::Failed { text: text.all, error, retry_after: None }
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
                written = text.write(), if text.has_something_to_write() => {
                    if written == Written::LeaseLost {
                        return End::LeaseLost;
                    }
                }
                Some(update) = received.recv() => text.push(update),
                result = &mut answer => {
                    while let Ok(update) = received.try_recv() {
                        text.push(update);
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
                    let history = history.into_iter().map(|(role, content)| HistoryMessage { role, content }).collect();
                    return Some(Turn { session_id: claim.session_id, task_id: claim.task_id, history });
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

/// What became of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Stored,
    Later,
    LeaseLost,
}

/// Collects an answer's text and stores it piece by piece, at most one piece an interval.
struct TextWriter {
    store: Store,
    relay: SharedRelay,
    claim: Claim,
    /// All of it.
    all: String,
    /// Bytes of it that are stored.
    stored: usize,
    next_at: Instant,
    /// The write in progress, and where it will have brought us. A task of its own: a write that nobody polls would
    /// hold the process's only writer connection, for which the outcome waits.
    in_flight: Option<JoinHandle<(usize, Result<(), StoreError>)>>,
    tasks: TaskTracker,
}

impl TextWriter {
    fn new(runner: &TurnRunner, claim: Claim) -> Self {
        Self {
            store: runner.store.clone(),
            relay: runner.relay.clone(),
            claim,
            all: String::new(),
            stored: 0,
            next_at: Instant::now(),
            in_flight: None,
            tasks: runner.shutdown.tasks().clone(),
        }
    }

    fn push(&mut self, update: Update) {
        match update {
            Update::Text(text) => self.all.push_str(&sanitize_agent_text(&text)),
        }
    }

    fn has_something_to_write(&self) -> bool {
        self.in_flight.is_some() || self.all.len() > self.stored
    }

    /// Stores the next piece when it is due. Safe to drop and call again.
    async fn write(&mut self) -> Written {
        if self.in_flight.is_none() {
            sleep_until(self.next_at).await;
            self.next_at = Instant::now() + self.relay.chunk_interval();
            self.in_flight = Some(self.start_write());
        }
        let Some(write) = &mut self.in_flight else { return Written::Later };
        let joined = write.await;
        self.in_flight = None;
        let (end, result) = match joined {
            Ok(written) => written,
            Err(error) => {
                tracing::error!(task_id = %self.claim.task_id, %error, "storing text broke down");
                return Written::Later;
            }
        };
        match result {
            Ok(()) => {
                self.stored = end;
                Written::Stored
            }
            Err(StoreError::LeaseLost) => Written::LeaseLost,
            Err(error) => {
                tracing::warn!(task_id = %self.claim.task_id, %error, "cannot store text yet");
                self.next_at = Instant::now() + WRITE_PAUSE;
                Written::Later
            }
        }
    }

    fn start_write(&self) -> JoinHandle<(usize, Result<(), StoreError>)> {
        let (store, relay, claim) = (self.store.clone(), self.relay.clone(), self.claim.clone());
        let end = self.all.len();
        let chunk = StoredChunk {
            task_id: claim.task_id,
            attempt: claim.attempt,
            start_offset: i64::try_from(self.stored).unwrap_or(i64::MAX),
            text: self.all[self.stored..].to_owned(),
        };
        self.tasks.spawn(async move {
            let appended = store.append_chunk(&claim.user, &chunk).await;
            (end, appended.map(|changed| relay.announce(changed.hints)))
        })
    }
}
