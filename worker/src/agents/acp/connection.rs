//! A connection to a running agent.
//!
//! One task reads what the agent sends, in order. Messages of a session go to its listener and are discarded while
//! there is none, which drops replayed history and late updates of a turn that is over. Any request that is not
//! supported is answered with an error immediately.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agent_client_protocol::{
    schema::ProtocolVersion,
    v1::schema::{
        CancelNotification, ClientCapabilities, ClientSessionCapabilities, Implementation, InitializeRequest,
        NoticeCapabilities,
    },
};
use banter_shared::chat::ErrorCode;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    agent_info::{AgentInfo, PROTOCOL_VERSION},
    errors,
    lines::{LineReader, MAX_LINE_BYTES},
    mapper,
    message::{self, INVALID_PARAMS, METHOD_NOT_FOUND, Message, RpcError},
    peer::{Peer, RequestError, Responder},
    permission::{self, Request},
    settle::{SettlePolicy, SettleWindow},
};
use crate::agents::{
    AgentError,
    process::{AgentProcess, ProcessHandle, ProcessHost},
};

/// How long an agent may take to start and initialize.
const INITIALIZE_LIMIT: Duration = Duration::from_secs(30);
/// Capacity of the channel for a turn's events. When it is full, the agent's output is not read.
const EVENT_BUFFER: usize = 256;
/// Total length of the lines of these events, in bytes. A single line may be longer.
const EVENT_BYTES: u32 = 16 * 1024 * 1024;
/// How long writing the last messages may take when the connection closes.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// How long an agent may take to end the session of a deleted conversation.
const END_SESSION_LIMIT: Duration = Duration::from_secs(2);

/// A connection to an agent. Dropping it ends the agent.
pub(super) struct Connection {
    peer: Arc<Peer>,
    router: Arc<Router>,
    handle: ProcessHandle,
    /// Closes the agent's stdin.
    _close: DropGuard,
    /// The result of `initialize`.
    pub agent_info: AgentInfo,
}

/// An event that an agent sends during a turn.
#[derive(Debug)]
pub(super) enum TurnEvent {
    /// The `update` of a `session/update`.
    Update(Value),
    /// An update that cannot be decoded.
    Malformed,
    /// A permission request, for whose response the agent waits.
    Permission(Box<Request>, Responder),
}

/// An event with its share of [`EVENT_BYTES`], which is released once it is handled.
#[derive(Debug)]
pub(super) struct QueuedEvent {
    pub event: TurnEvent,
    _room: OwnedSemaphorePermit,
}

/// Dispatches what the agent sends.
struct Router {
    listener: Mutex<Option<(String, mpsc::Sender<QueuedEvent>)>>,
    room: Arc<Semaphore>,
    settle_policy: Arc<SettlePolicy>,
    /// When a message of a session last arrived, even without a listener.
    active_at: Mutex<Instant>,
    /// When the last complete turn ended, if no update has arrived since.
    ended_at: Mutex<Option<Instant>>,
    /// Number of lines and messages that were ignored as unknown.
    ignored: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Router {
    fn new(settle_policy: Arc<SettlePolicy>) -> Self {
        Self {
            listener: Mutex::default(),
            room: Arc::new(Semaphore::new(EVENT_BYTES as usize)),
            settle_policy,
            active_at: Mutex::new(Instant::now()),
            ended_at: Mutex::default(),
            ignored: AtomicU64::new(0),
        }
    }

    /// Returns the listener of a session. A message without a session id goes to the only listener.
    fn find(&self, session_id: Option<&str>) -> Option<mpsc::Sender<QueuedEvent>> {
        let listener = lock(&self.listener);
        listener.as_ref().filter(|(id, _)| session_id.is_none_or(|it| it == id)).map(|(_, events)| events.clone())
    }

    async fn send(&self, listener: &mpsc::Sender<QueuedEvent>, event: TurnEvent, bytes: usize) {
        let room = u32::try_from(bytes).unwrap_or(EVENT_BYTES).clamp(1, EVENT_BYTES);
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(room).await else { return };
        // Without a listener, the event is dropped, which answers a request with an error.
        let _ = listener.send(QueuedEvent { event, _room: room }).await;
    }

    async fn dispatch(&self, message: Message, bytes: usize, peer: &Arc<Peer>) {
        let is_known = match message {
            Message::Request { id, method, parameters } => {
                self.request(Responder::new(peer, id), &method, &parameters, bytes).await;
                true
            }
            Message::Notification { method, parameters } => self.notification(&method, parameters, bytes).await,
            Message::Response { id, result } => peer.complete(&id, result.map_err(RequestError::Refused)),
            Message::MalformedResponse { id, reason } => peer.complete(&id, Err(RequestError::Unreadable(reason))),
            Message::MalformedRequest { id, error } => {
                tracing::warn!(%id, error.message, "cannot decode an agent's request");
                peer.respond(&id, Err(error));
                true
            }
            Message::MalformedUpdate => {
                tracing::warn!(bytes, "cannot decode an agent's update");
                if let Some(events) = self.find(None) {
                    self.send(&events, TurnEvent::Malformed, 1).await;
                }
                true
            }
            Message::Unknown => false,
        };
        if !is_known {
            self.ignored.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn request(&self, responder: Responder, method: &str, parameters: &Value, bytes: usize) {
        if method != "session/request_permission" {
            tracing::debug!(method, "agent called an unsupported method");
            let message = format!("The client does not support `{method}`.");
            return responder.respond(Err(RpcError::new(METHOD_NOT_FOUND, &message)));
        }
        let Some(request) = Request::parse(parameters) else {
            tracing::warn!("permission request has no usable options");
            let message = "`options` must be a list of options with an `optionId`.";
            return responder.respond(Err(RpcError::new(INVALID_PARAMS, message)));
        };
        match self.find(parameters.get("sessionId").and_then(Value::as_str)) {
            Some(events) => self.send(&events, TurnEvent::Permission(Box::new(request), responder), bytes).await,
            None => responder.respond(Ok(permission::cancelled())),
        }
    }

    /// Returns false if the notification is unknown.
    async fn notification(&self, method: &str, mut parameters: Value, bytes: usize) -> bool {
        if method != "session/update" {
            return false;
        }
        let Some(update) = parameters.get_mut("update").map(Value::take) else { return false };
        let is_of_turn = mapper::is_of_turn(&update);
        if is_of_turn || mapper::is_user_message(&update) {
            *lock(&self.active_at) = Instant::now();
        }
        match self.find(parameters.get("sessionId").and_then(Value::as_str)) {
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
        true
    }
}

/// A subscription to the events of a session, until it is dropped.
pub(super) struct EventSubscription<'a> {
    router: &'a Router,
    /// The events, in order.
    pub events: mpsc::Receiver<QueuedEvent>,
    /// Whether the turn has ended normally, so that a further update is late.
    pub is_complete: bool,
}

impl Drop for EventSubscription<'_> {
    fn drop(&mut self) {
        *lock(&self.router.listener) = None;
        *lock(&self.router.ended_at) = self.is_complete.then(Instant::now);
        let ignored = self.router.ignored.swap(0, Ordering::Relaxed);
        if ignored > 0 {
            tracing::info!(ignored, "ignored an agent's unrecognized lines and messages");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.handle.end();
    }
}

impl Connection {
    /// Opens a connection to an agent that was just started.
    pub async fn open(
        process: AgentProcess,
        host: &ProcessHost,
        settle_policy: &Arc<SettlePolicy>,
    ) -> Result<Self, AgentError> {
        let AgentProcess { stdin, stdout, handle } = process;
        let router = Arc::new(Router::new(Arc::clone(settle_policy)));
        let (peer, outgoing) = Peer::new();
        let close = CancellationToken::new();
        // Also closes the agent's stdin if this future is dropped.
        let close_on_drop = close.clone().drop_guard();
        let (writer_peer, reader_router) = (Arc::clone(&peer), Arc::clone(&router));
        let shutting_down = host.shutting_down().clone();
        host.tasks().spawn(async move {
            let end = CloseSignal { close, shutting_down };
            // Writing the last messages may take a moment; input is no longer read meanwhile.
            tokio::select! {
                () = read(stdout, &writer_peer, &reader_router) => {}
                () = write(stdin, outgoing, &end) => {}
            }
            writer_peer.close();
        });
        let mut connection = Self { peer, router, handle, _close: close_on_drop, agent_info: AgentInfo::default() };
        connection.agent_info = connection.initialize().await?;
        Ok(connection)
    }

    async fn initialize(&self) -> Result<AgentInfo, AgentError> {
        let session = ClientSessionCapabilities::new().notices(NoticeCapabilities::default());
        let request = InitializeRequest::new(ProtocolVersion::V1)
            .client_info(Implementation::new("banter", env!("CARGO_PKG_VERSION")))
            .client_capabilities(ClientCapabilities::new().session(session));
        let agent_info = match timeout(INITIALIZE_LIMIT, self.peer.request("initialize", request)).await {
            Ok(Ok(result)) => AgentInfo::parse(&result),
            Ok(Err(error)) => return Err(self.explain(&error).await),
            Err(_) => {
                let message = format!("The agent did not initialize within {} s.", INITIALIZE_LIMIT.as_secs());
                return Err(AgentError::new(ErrorCode::Timeout, message));
            }
        };
        match agent_info.version {
            None | Some(PROTOCOL_VERSION) => Ok(agent_info),
            Some(version) => {
                let message = format!(
                    "The agent uses protocol version {version}, but only version {PROTOCOL_VERSION} is supported."
                );
                Err(AgentError::new(ErrorCode::AgentProtocol, message))
            }
        }
    }

    /// Sends a request and waits for its unparsed result.
    pub async fn request(&self, method: &str, parameters: impl Serialize) -> Result<Value, RequestError> {
        self.peer.request(method, parameters).await
    }

    /// Sends a request and waits for its result up to a limit.
    pub async fn request_within(
        &self,
        limit: Duration,
        method: &str,
        parameters: impl Serialize,
    ) -> Result<Value, AgentError> {
        match timeout(limit, self.request(method, parameters)).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(self.explain(&error).await),
            Err(_) => {
                let message = format!("The agent did not respond to `{method}` within {} s.", limit.as_secs());
                Err(AgentError::new(ErrorCode::Timeout, message))
            }
        }
    }

    /// Cancels the turn of a session.
    pub fn cancel(&self, session_id: &str) {
        self.peer.notify("session/cancel", CancelNotification::new(session_id.to_owned()));
    }

    /// Subscribes to the events of a session for a turn.
    pub fn subscribe(&self, session_id: &str) -> EventSubscription<'_> {
        let (sender, events) = mpsc::channel(EVENT_BUFFER);
        *lock(&self.router.ended_at) = None;
        *lock(&self.router.listener) = Some((session_id.to_owned(), sender));
        EventSubscription { router: &self.router, events, is_complete: false }
    }

    /// Waits until the agent has been silent for a while. Returns false if it is not silent in time.
    pub async fn settle(&self, window: SettleWindow) -> bool {
        let begun = Instant::now();
        loop {
            let due = begun.max(*lock(&self.router.active_at)) + window.silence;
            if due <= Instant::now() {
                return true;
            }
            if begun.elapsed() >= window.limit || !self.is_open() {
                return false;
            }
            sleep_until(due.min(begun + window.limit)).await;
        }
    }

    /// Deletes or closes a session if the agent supports that.
    pub async fn end_session(&self, session_id: &str) {
        let method = match &self.agent_info {
            AgentInfo { can_delete: true, .. } => "session/delete",
            AgentInfo { can_close: true, .. } => "session/close",
            _ => return,
        };
        let ended = self.request_within(END_SESSION_LIMIT, method, json!({"sessionId": session_id})).await;
        if let Err(error) = ended {
            tracing::info!(%error, method, "agent failed to delete its session; the conversation was deleted");
        }
    }

    /// Converts an error into one for the user. Waits for the process to exit if that is the cause.
    pub async fn explain(&self, error: &RequestError) -> AgentError {
        errors::explain(error, &self.handle).await
    }

    /// Returns whether requests can be sent.
    pub fn is_open(&self) -> bool {
        self.handle.is_running() && !self.peer.is_closed()
    }

    /// Returns the process.
    pub fn handle(&self) -> &ProcessHandle {
        &self.handle
    }
}

/// The signals that close a connection from our side.
struct CloseSignal {
    close: CancellationToken,
    /// The worker is about to exit.
    shutting_down: CancellationToken,
}

impl CloseSignal {
    async fn reached(&self) {
        tokio::select! { () = self.close.cancelled() => {}, () = self.shutting_down.cancelled() => {} }
    }
}

/// Reads and dispatches messages until end of file.
async fn read(stdout: impl AsyncRead + Unpin, peer: &Arc<Peer>, router: &Router) {
    let mut lines = LineReader::new(BufReader::with_capacity(64 * 1024, stdout), MAX_LINE_BYTES);
    loop {
        let (messages, bytes) = match lines.next().await {
            Ok(Some(line)) => (message::parse(&line), line.bytes()),
            Ok(None) => return,
            Err(error) => return tracing::debug!(%error, "cannot read an agent's stdout"),
        };
        for message in messages {
            router.dispatch(message, bytes, peer).await;
        }
    }
}

/// Writes outgoing messages until the end, then the remaining ones for a moment only, because an agent that no longer
/// reads must not keep its stdin open.
async fn write(mut stdin: impl AsyncWrite + Unpin, mut outgoing: mpsc::Receiver<String>, end: &CloseSignal) {
    let forward = async {
        while let Some(mut line) = outgoing.recv().await {
            line.push('\n');
            let written = async {
                stdin.write_all(line.as_bytes()).await?;
                stdin.flush().await
            };
            if let Err(error) = written.await {
                tracing::debug!(%error, "cannot write to an agent's stdin");
                // The agent's output is still read.
                return std::future::pending().await;
            }
        }
    };
    let ended = async {
        end.reached().await;
        sleep(CLOSE_LIMIT).await;
    };
    tokio::select! { () = forward => {}, () = ended => {} }
}
