//! Dispatches an agent's messages. Responses go to the requests that they answer; updates and permission requests go to
//! the subscribed turn, if there is one.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};

use crate::agents::acp::{
    mapper,
    message::{INVALID_PARAMS, METHOD_NOT_FOUND, RpcError, RpcMessage},
    peer::{Peer, RequestError, Responder},
    permission::{self, AcpPermissionRequest},
    settle::SettlePolicy,
    update::{session_id_in, updates_in},
};

/// The method for updates.
const UPDATE: &str = "session/update";
/// Capacity of the channel for a turn's events. While the channel is full, the agent's output is not read.
const EVENT_BUFFER: usize = 256;
/// Maximum total length, in bytes, of the lines that contain the queued events. A longer line counts as this length.
const EVENT_BYTES: u32 = 16 * 1024 * 1024;
/// Maximum number of non-message lines that are kept.
const MAX_PRINTED_LINES: usize = 10;
/// Maximum length, in bytes, of each kept line. The rest of the line is cut off.
const MAX_PRINTED_BYTES: usize = 1000;

/// An event that an agent sends during a turn.
#[derive(Debug)]
pub(in crate::agents::acp) enum TurnEvent {
    /// An update.
    Update(Value),
    /// An update that cannot be decoded.
    Malformed,
    /// A permission request; the agent is waiting for a response.
    Permission(Box<AcpPermissionRequest>, Responder),
}

/// An event and its share of [`EVENT_BYTES`], which is released once the event is handled.
#[derive(Debug)]
pub(in crate::agents::acp) struct QueuedEvent {
    pub event: TurnEvent,
    _room: OwnedSemaphorePermit,
}

/// Dispatches an agent's messages.
pub(super) struct Router {
    listener: Mutex<Option<(String, mpsc::Sender<QueuedEvent>)>>,
    room: Arc<Semaphore>,
    settle_policy: Arc<SettlePolicy>,
    /// The arrival time of the last update that belongs to a turn or repeats a user message, whether or not there was a
    /// listener.
    active_at: Mutex<Instant>,
    /// When the previous turn ended, if the agent ended it and no late update has arrived since then.
    ended_at: Mutex<Option<Instant>>,
    /// Number of unrecognized lines and messages that have been ignored since the previous turn ended.
    ignored: AtomicU64,
    /// The most recent lines that were not messages.
    printed: Mutex<VecDeque<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Router {
    pub fn new(settle_policy: Arc<SettlePolicy>) -> Self {
        Self {
            listener: Mutex::default(),
            room: Arc::new(Semaphore::new(EVENT_BYTES as usize)),
            settle_policy,
            active_at: Mutex::new(Instant::now()),
            ended_at: Mutex::default(),
            ignored: AtomicU64::new(0),
            printed: Mutex::default(),
        }
    }

    /// Keeps a line that is not a message, in case the agent explains its exit on stdout.
    pub fn keep_printed(&self, line: &[u8]) {
        let mut printed = lock(&self.printed);
        if printed.len() == MAX_PRINTED_LINES {
            printed.pop_front();
        }
        printed.push_back(String::from_utf8_lossy(&line[..line.len().min(MAX_PRINTED_BYTES)]).into_owned());
    }

    /// Returns the most recent lines that were not messages.
    pub fn printed(&self) -> String {
        Vec::from(lock(&self.printed).clone()).join("\n")
    }

    /// Returns whether any unrecognized line or message has been ignored since the previous turn ended.
    pub fn has_ignored(&self) -> bool {
        self.ignored.load(Ordering::Relaxed) > 0
    }

    /// Returns the listener for a session. A message without a session ID goes to the current listener, regardless of
    /// that listener's session.
    fn find(&self, session_id: Option<&str>) -> Option<mpsc::Sender<QueuedEvent>> {
        let listener = lock(&self.listener);
        listener.as_ref().filter(|(id, _)| session_id.is_none_or(|it| it == id)).map(|(_, events)| events.clone())
    }

    async fn send(&self, listener: &mpsc::Sender<QueuedEvent>, event: TurnEvent, bytes: usize) {
        let room = u32::try_from(bytes).unwrap_or(EVENT_BYTES).clamp(1, EVENT_BYTES);
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(room).await else { return };
        // If the listener has been dropped, so is the event. Dropping a permission request sends an error response to
        // the agent.
        let _ = listener.send(QueuedEvent { event, _room: room }).await;
    }

    /// Subscribes to a session's events until the subscription is dropped.
    pub fn subscribe(&self, session_id: &str) -> EventSubscription<'_> {
        let (sender, events) = mpsc::channel(EVENT_BUFFER);
        *lock(&self.ended_at) = None;
        *lock(&self.listener) = Some((session_id.to_owned(), sender));
        EventSubscription { router: self, events, is_complete: false }
    }

    /// Returns the arrival time of the last update that belongs to a turn or repeats a user message.
    pub fn active_at(&self) -> Instant {
        *lock(&self.active_at)
    }

    /// Handles a message from a line that is `bytes` long.
    pub async fn dispatch(&self, message: RpcMessage, bytes: usize, peer: &Arc<Peer>) {
        let is_known = match message {
            // An update sent as a request with a null ID is a notification, which needs no response.
            RpcMessage::Request { id: Value::Null, method, parameters } if method == UPDATE => {
                self.notification(&method, parameters, bytes).await
            }
            RpcMessage::Request { id, method, parameters } => {
                self.request(Responder::new(peer, id), &method, parameters, bytes).await;
                true
            }
            RpcMessage::Notification { method, parameters } => self.notification(&method, parameters, bytes).await,
            RpcMessage::Response { id, result } => peer.complete(&id, result.map_err(RequestError::Refused)),
            RpcMessage::MalformedResponse { id, reason } => peer.complete(&id, Err(RequestError::Unreadable(reason))),
            RpcMessage::MalformedRequest { id, error } => {
                tracing::warn!(%id, error.message, "cannot decode an agent's request");
                peer.respond(&id, Err(error));
                true
            }
            RpcMessage::MalformedUpdate => {
                tracing::warn!(bytes, "cannot decode an agent's update");
                if let Some(events) = self.find(None) {
                    self.send(&events, TurnEvent::Malformed, 1).await;
                }
                true
            }
            RpcMessage::Unknown => false,
        };
        if !is_known {
            self.ignored.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn request(&self, responder: Responder, method: &str, parameters: Value, bytes: usize) {
        if method == UPDATE {
            // A notification sent as a request.
            self.notification(method, parameters, bytes).await;
            return responder.respond(Ok(json!({})));
        }
        if method != "session/request_permission" {
            tracing::debug!(method, "agent called an unsupported method");
            let message = format!("The client does not support `{method}`.");
            return responder.respond(Err(RpcError::new(METHOD_NOT_FOUND, &message)));
        }
        let Some(request) = AcpPermissionRequest::parse(&parameters) else {
            tracing::warn!("permission request has no usable options");
            let message = "`options` must be a list of options with an `optionId`.";
            return responder.respond(Err(RpcError::new(INVALID_PARAMS, message)));
        };
        match self.find(session_id_in(&parameters).as_deref()) {
            Some(events) => self.send(&events, TurnEvent::Permission(Box::new(request), responder), bytes).await,
            None => responder.respond(Ok(permission::cancelled())),
        }
    }

    /// Handles a notification. Returns `false` if it is not recognized.
    async fn notification(&self, method: &str, parameters: Value, bytes: usize) -> bool {
        if method != UPDATE {
            return false;
        }
        let session_id = session_id_in(&parameters);
        let updates = updates_in(parameters);
        let is_known = !updates.is_empty();
        // Divide the line's size among the updates that it contains.
        let bytes = bytes / updates.len().max(1);
        for update in updates {
            self.update(session_id.as_deref(), update, bytes).await;
        }
        is_known
    }

    async fn update(&self, session_id: Option<&str>, update: Value, bytes: usize) {
        let is_of_turn = mapper::is_of_turn(&update);
        if is_of_turn || mapper::is_user_message(&update) {
            *lock(&self.active_at) = Instant::now();
        }
        match self.find(session_id) {
            Some(events) => self.send(&events, TurnEvent::Update(update), bytes).await,
            None if is_of_turn => {
                if let Some(ended_at) = lock(&self.ended_at).take() {
                    tracing::debug!("update arrived after its turn had ended; discarded");
                    self.settle_policy.record_lateness(
                        ended_at.elapsed() + self.settle_policy.after_turn().map_or(Duration::ZERO, |it| it.silence),
                    );
                }
            }
            None => {}
        }
    }
}

/// A subscription to a session's events. Dropping this value ends the subscription.
pub(in crate::agents::acp) struct EventSubscription<'a> {
    router: &'a Router,
    /// The events, in order.
    pub events: mpsc::Receiver<QueuedEvent>,
    /// Whether the agent ended the turn, in which case any further update is late.
    pub is_complete: bool,
}

impl Drop for EventSubscription<'_> {
    fn drop(&mut self) {
        *lock(&self.router.listener) = None;
        *lock(&self.router.ended_at) = self.is_complete.then(Instant::now);
        let ignored = self.router.ignored.swap(0, Ordering::Relaxed);
        if ignored > 0 {
            tracing::info!(ignored, "ignored unrecognized lines and messages from an agent");
        }
    }
}
