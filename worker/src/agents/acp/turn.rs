//! One prompt, from the request to its end.
//!
//! Guarantees: what the agent sent before its result, or soon after it, is emitted before the turn ends; a stopped turn
//! is cancelled in the agent's session, and whether the agent complied in time and left none of the turn's processes
//! running decides whether its process is kept. Other processes that a turn has left running, detached from the agent,
//! are ended by [`tidy_up`].

use std::{collections::HashMap, pin::pin, time::Duration};

use agent_client_protocol::v1::schema::{ContentBlock, PromptRequest, TextContent};
use banter_shared::{
    agents_file::AcpConfig,
    chat::{ErrorCode, FinishReason, PermissionDecision},
};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, Event, Received},
    ending,
    map::{self, Flow, Mapper},
    pace::{Pace, Quiet},
    peer::{RequestError, Responder},
    permission::{self, Policy, Request},
    tool::NAMELESS,
};
use crate::agents::{
    AgentError, Answer, Decision, PermissionRequest, Update,
    process::{Control, tree},
};

/// How long an agent may take to end a cancelled turn.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);
/// How long after that the processes started by the turn may take to exit.
const LEFTOVERS_LIMIT: Duration = Duration::from_secs(5);
/// Poll interval while waiting for them.
const LEFTOVERS_LOOK: Duration = Duration::from_millis(200);
/// How long a detached tool may take to exit after its turn is over.
const LOOSE_GRACE: Duration = Duration::from_millis(300);
/// Poll interval while waiting for it.
const LOOSE_LOOK: Duration = Duration::from_millis(20);
/// How long killing all of them may take.
const LOOSE_LIMIT: Duration = Duration::from_secs(3);
/// Maximum number of events that are processed at once, so that many small ones become few updates.
const BATCH: usize = 1024;
/// How long a thought is buffered before it is emitted.
const FLUSH_PAUSE: Duration = Duration::from_millis(150);
/// How long after its time limit an undecided permission request is given up.
const DECISION_SLACK: Duration = Duration::from_secs(5);

/// The end of a prompt.
pub(super) struct Ended {
    /// The answer.
    pub result: Result<Answer, AgentError>,
    /// How much of the agent can be used again.
    pub left: Left,
    pub cleanup: Cleanup,
}

/// What has to be cleaned up between a turn and the next one of its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cleanup {
    /// When the turn began, in the unit of process start times.
    begun: u64,
    /// Whether updates of the turn may still arrive: a stopped turn ends for its user without a wait for them.
    is_unsettled: bool,
}

/// How much of an agent can be used after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Its session can continue.
    Session,
    /// The process, in a new session: it is unknown what the old one contains of this turn.
    Process,
    /// Nothing: it does not stop, or has exited.
    Nothing,
}

/// A prompt and its context.
pub(super) struct Prompt<'a> {
    pub connection: &'a Connection,
    pub config: &'a AcpConfig,
    pub session_id: &'a str,
    /// The content of the prompt; the last block is the user's message.
    pub blocks: Vec<String>,
    pub updates: &'a mpsc::Sender<Update>,
    pub stop: &'a CancellationToken,
    /// The worker is about to exit.
    pub hurry: &'a CancellationToken,
    /// How late the agent's updates may be.
    pub pace: &'a Pace,
}

/// Permission requests without a decision.
#[derive(Default)]
struct Pending {
    decisions: FuturesUnordered<BoxFuture<'static, (usize, Option<Decision>)>>,
    waiting: HashMap<usize, Waiting>,
    count: usize,
}

struct Waiting {
    tool: Option<String>,
    request: Box<Request>,
    responder: Responder,
}

impl Pending {
    fn add(&mut self, waiting: Waiting, decision: oneshot::Receiver<Decision>, time_limit: Duration) {
        self.count += 1;
        let number = self.count;
        self.waiting.insert(number, waiting);
        let decided = async move {
            match timeout(time_limit + DECISION_SLACK, decision).await {
                Ok(decision) => (number, decision.ok()),
                Err(_) => (number, Some(Decision::Expired)),
            }
        };
        self.decisions.push(decided.boxed());
    }

    fn decide(&mut self, number: usize, decision: Option<Decision>, mapper: &mut Mapper, out: &mut Vec<Update>) {
        let Some(waiting) = self.waiting.remove(&number) else { return };
        match decision {
            Some(Decision::Answered { decision, chosen }) => decide(waiting, decision, chosen.as_deref(), mapper, out),
            Some(Decision::Expired) => decide(waiting, PermissionDecision::Reject, None, mapper, out),
            None => waiting.responder.respond(Ok(permission::cancelled())),
        }
    }

    /// Cancels all requests. The protocol requires a response to each when a turn ends or is stopped.
    fn cancel(&mut self) {
        for (_, waiting) in self.waiting.drain() {
            waiting.responder.respond(Ok(permission::cancelled()));
        }
    }
}

/// Why reading events ended.
enum Break {
    /// The agent has ended the turn.
    Done(Result<Value, RequestError>, Flow),
    /// The turn should be cancelled.
    Cancel(Result<Answer, AgentError>),
}

/// A turn that has a result but may still receive updates.
struct Tail {
    result: Result<Value, RequestError>,
    quiet: Quiet,
    ended_at: Instant,
    heard_at: Instant,
}

impl Tail {
    fn new(result: Result<Value, RequestError>, quiet: Quiet) -> Self {
        let now = Instant::now();
        Self { result, quiet, ended_at: now, heard_at: now }
    }

    fn settled_at(&self) -> Instant {
        (self.heard_at + self.quiet.silence).min(self.ended_at + self.quiet.limit)
    }

    /// Returns an event that still belongs to the turn. Permission requests after the end are cancelled.
    fn take(&mut self, event: Event, pace: &Pace) -> Option<Event> {
        match event {
            Event::Update(update) => {
                if map::is_of_turn(&update) {
                    pace.was_late(self.heard_at.elapsed());
                    self.heard_at = Instant::now();
                }
                Some(Event::Update(update))
            }
            Event::Damaged => Some(Event::Damaged),
            Event::Permission(_, responder) => {
                responder.respond(Ok(permission::cancelled()));
                None
            }
        }
    }
}

impl Prompt<'_> {
    /// Sends the prompt and forwards updates until the end.
    pub async fn run(self) -> Ended {
        let begun = tree::moment();
        let mut listening = self.connection.listen(self.session_id);
        let blocks = self.blocks.iter().map(|text| ContentBlock::Text(TextContent::new(text.clone()))).collect();
        let request = PromptRequest::new(self.session_id.to_owned(), blocks);
        let mut result = pin!(self.connection.request("session/prompt", request));
        let mut mapper = Mapper::default();
        let mut pending = Pending::default();
        let ended = self.follow(&mut listening.events, &mut result, &mut mapper, &mut pending).await;
        match ended {
            Break::Done(result, flow) => {
                pending.cancel();
                listening.is_complete = true;
                let is_unsettled = self.stop.is_cancelled() || flow == Flow::TooLong;
                let (result, left) = match result {
                    Ok(_) if flow == Flow::TooLong => (Ok(too_long()), Left::Session),
                    Ok(result) => {
                        let control = self.connection.control();
                        (ending::outcome(&result, &mapper, |words| control.redact(words)), Left::Session)
                    }
                    Err(error) => {
                        let error = self.connection.explain(&error).await;
                        (Err(error), if self.connection.is_open() { Left::Process } else { Left::Nothing })
                    }
                };
                let mut out = Vec::new();
                mapper.finish(result.is_ok(), &mut out);
                self.tell(out).await;
                Ended { result, left, cleanup: Cleanup { begun, is_unsettled } }
            }
            Break::Cancel(outcome) => {
                self.connection.cancel(self.session_id);
                pending.cancel();
                // Further events are read and discarded, so that the agent is not blocked.
                let drain = async {
                    while let Some(received) = listening.events.recv().await {
                        if let Event::Permission(_, responder) = received.event {
                            responder.respond(Ok(permission::cancelled()));
                        }
                    }
                };
                let limit = async {
                    tokio::select! { () = sleep(CANCEL_LIMIT) => {}, () = self.hurry.cancelled() => {} }
                };
                let complied = tokio::select! {
                    Ok(_) = result => true,
                    () = drain => false,
                    () = limit => false,
                };
                let left = if complied && self.leaves_nothing_of(begun).await { Left::Session } else { Left::Nothing };
                Ended { result: outcome, left, cleanup: Cleanup { begun, is_unsettled: true } }
            }
        }
    }

    /// Waits until all processes started since the turn began have exited. An agent may report that it stopped while
    /// its tool is still running. Returns false if they do not exit in time.
    async fn leaves_nothing_of(&self, begun: u64) -> bool {
        let deadline = Instant::now() + LEFTOVERS_LIMIT;
        while let Some(root) = self.connection.control().running_pid() {
            if tree::started_since(root, begun).is_empty() {
                return true;
            }
            if Instant::now() > deadline || self.hurry.run_until_cancelled(sleep(LEFTOVERS_LOOK)).await.is_none() {
                return false;
            }
        }
        false
    }

    async fn follow(
        &self,
        events: &mut mpsc::Receiver<Received>,
        result: &mut (impl Future<Output = Result<Value, RequestError>> + Unpin),
        mapper: &mut Mapper,
        pending: &mut Pending,
    ) -> Break {
        let mut silent_since = Instant::now();
        let mut flush_at = Instant::now();
        // The result, once it has arrived: from then on, only late updates are awaited.
        let mut ended: Option<Tail> = None;
        loop {
            let mut out = Vec::new();
            let mut flow = Flow::GoesOn;
            let settled_at = ended.as_ref().map_or(silent_since, Tail::settled_at);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => match ended {
                    Some(tail) => return Break::Done(tail.result, flow),
                    None => return Break::Cancel(Err(AgentError::stopped())),
                },
                Some(received) = events.recv() => {
                    silent_since = Instant::now();
                    if !mapper.has_something_to_flush() {
                        flush_at = silent_since + FLUSH_PAUSE;
                    }
                    let queued = std::iter::from_fn(|| events.try_recv().ok());
                    for received in std::iter::once(received).chain(queued).take(BATCH) {
                        match &mut ended {
                            Some(tail) => {
                                let Some(event) = tail.take(received.event, self.pace) else { continue };
                                flow = self.take(event, mapper, pending, &mut out);
                            }
                            None => flow = self.take(received.event, mapper, pending, &mut out),
                        }
                        if flow == Flow::TooLong {
                            break;
                        }
                    }
                }
                result = &mut *result, if ended.is_none() => {
                    pending.cancel();
                    match self.pace.after_turn() {
                        // An agent that has exited sends nothing more than what is queued.
                        Some(quiet) if result != Err(RequestError::Closed) => ended = Some(Tail::new(result, quiet)),
                        Some(_) | None => {
                            while flow == Flow::GoesOn && let Ok(received) = events.try_recv() {
                                flow = self.take(received.event, mapper, pending, &mut out);
                            }
                            self.tell(out).await;
                            return Break::Done(result, flow);
                        }
                    }
                }
                () = sleep_until(settled_at), if ended.is_some() => {
                    if let Some(tail) = ended {
                        return Break::Done(tail.result, flow);
                    }
                }
                Some((number, decision)) = pending.decisions.next() => {
                    silent_since = Instant::now();
                    pending.decide(number, decision, mapper, &mut out);
                }
                () = sleep_until(flush_at), if mapper.has_something_to_flush() => mapper.flush(&mut out),
                // A user may take their time.
                () = sleep_until(silent_since + self.config.idle_timeout), if pending.waiting.is_empty() && ended.is_none() => {
                    let limit = self.config.idle_timeout.as_secs();
                    let message = format!("The agent sent nothing for {limit} s.");
                    return Break::Cancel(Err(AgentError::new(ErrorCode::Timeout, message)));
                }
            }
            let is_taken = self.tell(out).await;
            match ended {
                Some(tail) if flow == Flow::TooLong || !is_taken => return Break::Done(tail.result, flow),
                None if !is_taken => return Break::Cancel(Err(AgentError::stopped())),
                None if flow == Flow::TooLong => return Break::Cancel(Ok(too_long())),
                Some(_) | None => {}
            }
        }
    }

    /// Sends updates. Returns false if they are no longer received.
    async fn tell(&self, out: Vec<Update>) -> bool {
        for update in out {
            if self.updates.send(update).await.is_err() {
                return false;
            }
        }
        true
    }

    fn take(&self, event: Event, mapper: &mut Mapper, pending: &mut Pending, out: &mut Vec<Update>) -> Flow {
        let (request, responder) = match event {
            Event::Update(update) => return mapper.update(update, out),
            Event::Damaged => {
                mapper.lose_one(out);
                return Flow::GoesOn;
            }
            Event::Permission(request, responder) => (request, responder),
        };
        let (tool, title) = match &request.tool_call {
            Some((id, call)) => (Some(id.clone()), mapper.permission(id, call, out)),
            None => (None, NAMELESS.to_owned()),
        };
        let policy = request.decide(self.config.permission);
        let options = request.options();
        let waiting = Waiting { tool: tool.clone(), request, responder };
        match policy {
            Policy::Decide(decision) => decide(waiting, decision, None, mapper, out),
            Policy::Ask => {
                let time_limit = self.config.permission_timeout;
                let (reply, decision) = oneshot::channel();
                out.push(Update::Permission(PermissionRequest {
                    tool_call_id: tool,
                    title,
                    options,
                    time_limit,
                    reply,
                }));
                pending.add(waiting, decision, time_limit);
            }
        }
        Flow::GoesOn
    }
}

impl Cleanup {
    /// Waits for the last updates of the turn, which nobody wants any more, and ends the processes that it left behind.
    /// Returns false if the connection cannot be used for another turn.
    pub async fn run(self, connection: &Connection, pace: &Pace) -> bool {
        let is_quiet = match pace.after_turn() {
            Some(quiet) if self.is_unsettled => connection.quiet(quiet).await,
            Some(_) | None => true,
        };
        is_quiet && end_detached(connection.control(), self.begun).await
    }
}

/// Ends what a turn has left running and that has cut loose from its agent, such as a tool in a session of its own: nothing
/// else would before the agent's end. What the agent itself still holds is its own affair. False when something is left.
async fn end_detached(control: &Control, begun: u64) -> bool {
    let since = Instant::now();
    while let Some(root) = control.running_pid() {
        let loose = tree::loose_since(root, begun);
        if loose.is_empty() {
            return true;
        }
        if since.elapsed() > LOOSE_LIMIT {
            return false;
        }
        if since.elapsed() > LOOSE_GRACE {
            tracing::info!(count = loose.len(), "killing processes left running by a turn");
            loose.into_iter().for_each(tree::kill);
        }
        sleep(LOOSE_LOOK).await;
    }
    true
}

/// Responds to the agent and updates the tool accordingly. A decision to allow without a matching option counts as a
/// rejection.
fn decide(
    waiting: Waiting,
    decision: PermissionDecision,
    chosen: Option<&str>,
    mapper: &mut Mapper,
    out: &mut Vec<Update>,
) {
    let Waiting { tool, request, responder } = waiting;
    let result = request.result(decision, chosen);
    let is_allowed = decision == PermissionDecision::Allow && result != permission::cancelled();
    responder.respond(Ok(result));
    match tool {
        Some(tool) if is_allowed => mapper.allow(&tool, out),
        Some(tool) => mapper.reject(&tool, out),
        None => {}
    }
}

/// Returns the end of an answer that was cut off.
fn too_long() -> Answer {
    Answer { finish_reason: FinishReason::Length, usage: None }
}
