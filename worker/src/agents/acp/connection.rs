//! A connection to a running agent.
//!
//! A single tokio task reads the agent's messages in order. Updates and permission requests go to the session's
//! listener. If there is none, permission requests are answered as cancelled, and updates are discarded. The discarded
//! updates are replayed history and late updates from earlier turns. Unsupported requests are answered with an error
//! immediately.

mod io;
mod router;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
use banter_shared::{chat::ErrorCode, count::seconds};
use serde::Serialize;
use serde_json::{Number, Value, json};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) use self::router::{EventSubscription, QueuedEvent, TurnEvent};
use self::{
    io::{CloseSignal, read, write},
    router::Router,
};
use super::{
    agent_info::{AgentInfo, PROTOCOL_VERSION},
    errors,
    peer::{Peer, RequestError},
    settle::{SettlePolicy, SettleWindow},
};
use crate::agents::{
    AgentError,
    process::{AgentProcess, ProcessHandle, ProcessHost},
};

/// How long an agent may take to start and initialize.
const INITIALIZE_LIMIT: Duration = Duration::from_secs(30);
/// How long an agent may take to delete or close the session for a deleted conversation.
const END_SESSION_LIMIT: Duration = Duration::from_secs(2);

/// A connection to an agent. Dropping it terminates the agent.
pub(super) struct Connection {
    peer: Arc<Peer>,
    router: Arc<Router>,
    handle: ProcessHandle,
    /// Closes the agent's stdin when dropped.
    _close: DropGuard,
    /// The result of `initialize`.
    pub agent_info: AgentInfo,
    /// Whether the agent uses numbers as session IDs.
    has_numeric_sessions: AtomicBool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.handle.end();
    }
}

impl Connection {
    /// Opens a connection to an agent that has just been started, and initializes the agent.
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
            // After the signal to close, writing the last messages may take a moment. Reading continues in the
            // meantime.
            tokio::select! {
                () = read(stdout, &writer_peer, &reader_router) => {}
                () = write(stdin, outgoing, &end) => {}
            }
            writer_peer.close();
        });
        let mut connection = Self {
            peer,
            router,
            handle,
            _close: close_on_drop,
            agent_info: AgentInfo::default(),
            has_numeric_sessions: AtomicBool::new(false),
        };
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
                let message = format!("The agent did not initialize within {}.", seconds(INITIALIZE_LIMIT));
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
        self.peer.request(method, self.with_session_id(parameters)).await
    }

    /// Makes all later messages represent session IDs as numbers, as the agent does.
    pub fn use_numeric_sessions(&self) {
        self.has_numeric_sessions.store(true, Ordering::Relaxed);
    }

    fn with_session_id(&self, parameters: impl Serialize) -> Value {
        let mut parameters = serde_json::to_value(parameters).unwrap_or_default();
        if self.has_numeric_sessions.load(Ordering::Relaxed)
            && let Some(id) = parameters.get_mut("sessionId")
            && let Some(number) = id.as_str().and_then(|id| id.parse::<Number>().ok())
        {
            *id = number.into();
        }
        parameters
    }

    /// Sends a request and waits at most `limit` for its result.
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
                let message = format!("The agent did not respond to `{method}` within {}.", seconds(limit));
                Err(AgentError::new(ErrorCode::Timeout, message))
            }
        }
    }

    /// Cancels the turn that is running in a session.
    pub fn cancel(&self, session_id: &str) {
        let parameters = CancelNotification::new(session_id.to_owned());
        self.peer.notify("session/cancel", self.with_session_id(parameters));
    }

    /// Subscribes to a session's events until the subscription is dropped.
    pub fn subscribe(&self, session_id: &str) -> EventSubscription<'_> {
        self.router.subscribe(session_id)
    }

    /// Returns whether any unrecognized line or message has been ignored since the previous turn ended.
    pub fn has_ignored(&self) -> bool {
        self.router.has_ignored()
    }

    /// Waits for a period of `window.silence` without updates from a turn or replayed user messages. Returns `false` if
    /// `window.limit` passes first or the connection is already closed.
    pub async fn settle(&self, window: SettleWindow) -> bool {
        let started = Instant::now();
        loop {
            let due = started.max(self.router.active_at()) + window.silence;
            if due <= Instant::now() {
                return true;
            }
            if started.elapsed() >= window.limit || !self.is_open() {
                return false;
            }
            sleep_until(due.min(started + window.limit)).await;
        }
    }

    /// Deletes a session or, if the agent does not support deletion, closes it. Does nothing if the agent supports
    /// neither. Failures are only logged.
    pub async fn end_session(&self, session_id: &str) {
        let method = match &self.agent_info {
            AgentInfo { can_delete: true, .. } => "session/delete",
            AgentInfo { can_close: true, .. } => "session/close",
            AgentInfo { can_delete: false, can_close: false, .. } => return,
        };
        let ended = self.request_within(END_SESSION_LIMIT, method, json!({"sessionId": session_id})).await;
        if let Err(error) = ended {
            tracing::info!(%error, method, "agent failed to delete its session; the conversation was deleted anyway");
        }
    }

    /// Converts a request error into an error for the user. If the connection was closed, first terminates the process
    /// and waits for it to exit.
    pub async fn explain(&self, error: &RequestError) -> AgentError {
        errors::explain(error, &self.handle, &self.router.printed()).await
    }

    /// Returns whether requests can still be sent.
    pub fn is_open(&self) -> bool {
        self.handle.is_running() && !self.peer.is_closed()
    }

    /// Returns the handle to the agent's process.
    pub fn handle(&self) -> &ProcessHandle {
        &self.handle
    }
}
