//! One prompt, from the request to the end of the turn.
//!
//! Guarantees:
//! - Unless a turn is cancelled, everything that the agent sends before its result, or soon after it, is emitted before
//!   the turn ends.
//! - Stopping a turn cancels it in the agent's session, unless the agent has already sent its result. The agent's
//!   process is kept only if the agent complies in time and leaves none of the turn's processes running.
//! - [`Cleanup`] kills any detached processes that a turn leaves running.

mod cleanup;
mod pending;
mod processes;
mod settling;

use std::{mem, pin::pin, time::Duration};

use agent_client_protocol::v1::schema::{ContentBlock, PromptRequest};
use banter_shared::{
    agents_file::AcpConfig,
    chat::{ErrorCode, FinishReason},
    count::seconds,
};
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

pub(super) use self::cleanup::Cleanup;
use self::{
    pending::{PendingPermission, PendingPermissions},
    settling::SettlingTurn,
};
use super::{
    connection::{Connection, QueuedEvent, TurnEvent},
    mapper::{Flow, UpdateMapper},
    peer::RequestError,
    permission::{self, PolicyDecision},
    prompt_result,
    settle::SettlePolicy,
    tool::DEFAULT_TITLE,
};
use crate::agents::{AgentError, Answer, PermissionRequest, Update, process::tree};

/// How long an agent may take to end a cancelled turn.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);
/// Maximum number of events processed at once. Processing events together merges many small events into few updates.
const BATCH: usize = 1024;
/// How long thoughts are buffered before they are emitted.
const FLUSH_PAUSE: Duration = Duration::from_millis(150);

/// The outcome of a prompt.
pub(super) struct TurnResult {
    /// The answer, or the reason why there is none.
    pub result: Result<Answer, AgentError>,
    /// How much of the agent can be reused.
    pub reuse: Reuse,
    pub cleanup: Cleanup,
}

/// How much of an agent can be reused after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// The process and its session.
    Session,
    /// Only the process. It needs a new session, because it is unknown how much of this turn the old session contains.
    Process,
    /// Nothing. The process has exited or must be terminated.
    Nothing,
}

/// A prompt and its context.
pub(super) struct Prompt<'a> {
    pub connection: &'a Connection,
    pub config: &'a AcpConfig,
    pub session_id: &'a str,
    /// The blocks of the prompt; the last ones are the user's message.
    pub blocks: Vec<ContentBlock>,
    pub updates: &'a mpsc::Sender<Update>,
    pub stop: &'a CancellationToken,
    /// Cancelled when the worker is about to exit.
    pub shutting_down: &'a CancellationToken,
    /// How long to wait for the agent's late updates.
    pub settle_policy: &'a SettlePolicy,
}

/// The reason for leaving the event loop.
enum LoopExit {
    /// The agent has sent its result or has exited.
    Done(Result<Value, RequestError>, Flow),
    /// The turn must be cancelled.
    Cancel(Result<Answer, AgentError>),
}

impl Prompt<'_> {
    /// Sends the prompt and forwards updates until the turn ends.
    pub async fn run(mut self) -> TurnResult {
        let started_at = tree::moment();
        let mut subscription = self.connection.subscribe(self.session_id);
        let request = PromptRequest::new(self.session_id.to_owned(), mem::take(&mut self.blocks));
        let mut response = pin!(self.connection.request("session/prompt", request));
        let mut mapper = UpdateMapper::new(self.connection.handle().folder());
        let mut pending = PendingPermissions::default();
        let exit = self.follow(&mut subscription.events, &mut response, &mut mapper, &mut pending).await;
        match exit {
            LoopExit::Done(result, flow) => {
                pending.cancel();
                subscription.is_complete = true;
                let is_unsettled = self.stop.is_cancelled() || flow == Flow::TooLong;
                let (result, reuse) = match result {
                    Ok(_) if flow == Flow::TooLong => (Ok(too_long()), Reuse::Session),
                    Ok(result) => {
                        let handle = self.connection.handle();
                        (prompt_result::to_answer(&result, &mapper, |words| handle.redact(words)), Reuse::Session)
                    }
                    Err(error) => {
                        let error = self.connection.explain(&error).await;
                        (Err(error), if self.connection.is_open() { Reuse::Process } else { Reuse::Nothing })
                    }
                };
                let mut out = Vec::new();
                mapper.finish(result.is_ok(), &mut out);
                self.emit(out).await;
                TurnResult { result, reuse, cleanup: Cleanup { started_at, is_unsettled } }
            }
            LoopExit::Cancel(result) => {
                self.connection.cancel(self.session_id);
                pending.cancel();
                // Further events are read and discarded so that the agent is not blocked.
                let drain = async {
                    while let Some(received) = subscription.events.recv().await {
                        if let TurnEvent::Permission(_, responder) = received.event {
                            responder.respond(Ok(permission::cancelled()));
                        }
                    }
                };
                let limit = async {
                    tokio::select! { () = sleep(CANCEL_LIMIT) => {}, () = self.shutting_down.cancelled() => {} }
                };
                let is_cancelled = tokio::select! {
                    Ok(_) = response => true,
                    () = drain => false,
                    () = limit => false,
                };
                let reuse = if is_cancelled
                    && processes::wait_until_exited(self.connection.handle(), started_at, self.shutting_down).await
                {
                    Reuse::Session
                } else {
                    Reuse::Nothing
                };
                TurnResult { result, reuse, cleanup: Cleanup { started_at, is_unsettled: true } }
            }
        }
    }

    async fn follow(
        &self,
        events: &mut mpsc::Receiver<QueuedEvent>,
        response: &mut (impl Future<Output = Result<Value, RequestError>> + Unpin),
        mapper: &mut UpdateMapper,
        pending: &mut PendingPermissions,
    ) -> LoopExit {
        let mut silent_since = Instant::now();
        let mut flush_at = Instant::now();
        // Set once the result has arrived. From then on, only late updates are awaited.
        let mut settling: Option<SettlingTurn> = None;
        loop {
            let mut out = Vec::new();
            let mut flow = Flow::Continue;
            let settled_at = settling.as_ref().map_or(silent_since, |turn| turn.settled_at(mapper.has_content()));
            tokio::select! {
                biased;
                () = self.stop.cancelled() => match settling {
                    Some(turn) => return LoopExit::Done(turn.result, flow),
                    None => return LoopExit::Cancel(Err(AgentError::stopped())),
                },
                Some(received) = events.recv() => {
                    silent_since = Instant::now();
                    if !mapper.has_something_to_flush() {
                        flush_at = silent_since + FLUSH_PAUSE;
                    }
                    let queued = std::iter::from_fn(|| events.try_recv().ok());
                    for received in std::iter::once(received).chain(queued).take(BATCH) {
                        match &mut settling {
                            Some(turn) => {
                                let Some(event) = turn.accept(received.event, self.settle_policy) else { continue };
                                flow = self.accept(event, mapper, pending, &mut out);
                            }
                            None => flow = self.accept(received.event, mapper, pending, &mut out),
                        }
                        if flow == Flow::TooLong {
                            break;
                        }
                    }
                }
                result = &mut *response, if settling.is_none() => {
                    pending.cancel();
                    match self.settle_policy.after_turn() {
                        // An agent that has exited sends nothing more than what is already queued.
                        Some(window) if result != Err(RequestError::Closed) => settling = Some(SettlingTurn::new(result, window)),
                        Some(_) | None => {
                            while flow == Flow::Continue && let Ok(received) = events.try_recv() {
                                flow = self.accept(received.event, mapper, pending, &mut out);
                            }
                            self.emit(out).await;
                            return LoopExit::Done(result, flow);
                        }
                    }
                }
                () = sleep_until(settled_at), if settling.is_some() => {
                    if let Some(turn) = settling {
                        return LoopExit::Done(turn.result, flow);
                    }
                }
                Some((number, decision)) = pending.next() => {
                    silent_since = Instant::now();
                    pending.decide(number, decision, mapper, &mut out);
                }
                () = sleep_until(flush_at), if mapper.has_something_to_flush() => mapper.flush(&mut out),
                // The idle timeout does not apply while a permission request is waiting for the user.
                () = sleep_until(silent_since + self.config.idle_timeout), if pending.is_empty() && settling.is_none() => {
                    let limit = seconds(self.config.idle_timeout);
                    let what = if self.connection.has_ignored() { "no readable output" } else { "no output" };
                    let message = format!("The agent sent {what} for {limit}.");
                    return LoopExit::Cancel(Err(AgentError::new(ErrorCode::Timeout, message)));
                }
            }
            let is_received = self.emit(out).await;
            match settling {
                Some(turn) if flow == Flow::TooLong || !is_received => return LoopExit::Done(turn.result, flow),
                None if !is_received => return LoopExit::Cancel(Err(AgentError::stopped())),
                None if flow == Flow::TooLong => return LoopExit::Cancel(Ok(too_long())),
                Some(_) | None => {}
            }
        }
    }

    /// Sends updates. Returns `false` if the receiver was dropped.
    async fn emit(&self, out: Vec<Update>) -> bool {
        for update in out {
            if self.updates.send(update).await.is_err() {
                return false;
            }
        }
        true
    }

    fn accept(
        &self,
        event: TurnEvent,
        mapper: &mut UpdateMapper,
        pending: &mut PendingPermissions,
        out: &mut Vec<Update>,
    ) -> Flow {
        let (request, responder) = match event {
            TurnEvent::Update(update) => return mapper.update(update, out),
            TurnEvent::Malformed => {
                mapper.record_undecodable(out);
                return Flow::Continue;
            }
            TurnEvent::Permission(request, responder) => (request, responder),
        };
        let (tool, title) = match &request.tool_call {
            Some((id, call)) => (Some(id.clone()), mapper.permission(id, call, out)),
            None => (None, DEFAULT_TITLE.to_owned()),
        };
        let policy = request.decide(self.config.permission);
        let options = request.options();
        let permission = PendingPermission { tool: tool.clone(), request, responder };
        match policy {
            PolicyDecision::Decide(decision) => permission.decide(decision, None, mapper, out),
            PolicyDecision::Ask => {
                let time_limit = self.config.permission_timeout;
                let (reply, decision) = oneshot::channel();
                out.push(Update::Permission(PermissionRequest {
                    tool_call_id: tool,
                    title,
                    options,
                    time_limit,
                    reply,
                }));
                pending.add(permission, decision, time_limit);
            }
        }
        Flow::Continue
    }
}

/// Returns the result for an answer that was cut off because it was too long.
fn too_long() -> Answer {
    Answer { finish_reason: FinishReason::Length, usage: None }
}
