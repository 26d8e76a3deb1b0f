//! One prompt, from the question to its end.
//!
//! Guarantees: what the agent sent before its result, or soon after it, is told before the turn ends; a turn that is stopped
//! is cancelled in the agent's session, and whether the agent did so in time, and left nothing of the turn running, decides
//! whether its process can be kept. What a turn has left running otherwise, cut loose from the agent, is ended by
//! [`tidy_up`].

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

/// How long an agent may take to end a turn that it is told to stop.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);
/// How long after that what the turn has started may take to end, and how often that is looked at.
const LEFTOVERS_LIMIT: Duration = Duration::from_secs(5);
const LEFTOVERS_LOOK: Duration = Duration::from_millis(200);
/// How long a tool that has cut loose may take to end by itself once its turn is over, and how often that is looked at.
const LOOSE_GRACE: Duration = Duration::from_millis(300);
const LOOSE_LOOK: Duration = Duration::from_millis(20);
/// How long it may take to kill all of them.
const LOOSE_LIMIT: Duration = Duration::from_secs(3);
/// Events that are taken in at once, so that many small ones are told as few.
const BATCH: usize = 1024;
/// How long more of a thought is waited for before it is told.
const FLUSH_PAUSE: Duration = Duration::from_millis(150);
/// How long after its time limit a permission request is given up that nobody decided.
const DECISION_SLACK: Duration = Duration::from_secs(5);

/// How a prompt ended.
pub(super) struct Ended {
    /// What is told to the worker.
    pub result: Result<Answer, AgentError>,
    /// What of the agent can be used again.
    pub left: Left,
    pub cleanup: Cleanup,
}

/// What has to be cleaned up between a turn and the next one of its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cleanup {
    /// When the turn began, as processes are dated.
    begun: u64,
    /// Whether updates of the turn may still arrive: a stopped turn ends for its user without a wait for them.
    is_unsettled: bool,
}

/// What is left of an agent after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Its session can go on from here.
    Session,
    /// The process, in a new session: what the old one remembers of this turn is not known.
    Process,
    /// It does not stop when told to, or is gone.
    Nothing,
}

/// What a turn is run with.
pub(super) struct Prompt<'a> {
    pub connection: &'a Connection,
    pub config: &'a AcpConfig,
    pub session_id: &'a str,
    /// What the agent is told; the last block is the user's message.
    pub blocks: Vec<String>,
    pub updates: &'a mpsc::Sender<Update>,
    pub stop: &'a CancellationToken,
    /// The worker is about to end.
    pub hurry: &'a CancellationToken,
    /// How late the agent's updates may be.
    pub pace: &'a Pace,
}

/// Requests to be allowed something that nobody has decided yet.
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

    /// The turn is over or stopped: the protocol wants each of them answered.
    fn cancel(&mut self) {
        for (_, waiting) in self.waiting.drain() {
            waiting.responder.respond(Ok(permission::cancelled()));
        }
    }
}

/// Why no more is to be read.
enum Break {
    /// The agent is done, one way or the other.
    Done(Result<Value, RequestError>, Flow),
    /// We want it to stop.
    Cancel(Result<Answer, AgentError>),
}

/// A turn whose result is there, and whose last words may still come.
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

    /// Returns an event that still belongs to the turn. Nobody is asked for a permission after the end.
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
    /// Asks, and passes on what comes until the end.
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
                // What still comes is read, so that the agent is not held up, and nobody wants it any more.
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

    /// Whether all that the agent has started since the turn began has ended, or does so soon: one may say that it stopped
    /// and let its tool run.
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
        // The result, once it is there: from then on only the last words are waited for.
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
                        // An agent that is gone says nothing more than what is queued.
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
                // A person takes their time.
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

    /// False when nobody takes updates any more.
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

/// Answers the agent, and shows the tool as the agent was told: what no option allows is not allowed.
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

/// What became of an answer that was cut.
fn too_long() -> Answer {
    Answer { finish_reason: FinishReason::Length, usage: None }
}
