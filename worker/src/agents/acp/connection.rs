//! A running agent that we speak the protocol with.
//!
//! One task drives the connection. What the agent sends goes to whoever listens to its session at the moment, in its
//! order, and is dropped while nobody does: that is how updates before the result of `session/load` are left out. The
//! library keeps the ids of our requests and of the agent's apart.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agent_client_protocol::{
    Agent, Client, Error, UntypedMessage, on_receive_notification, on_receive_request,
    schema::ProtocolVersion,
    v1::{
        ConnectionTo, Responder,
        schema::{
            CancelNotification, ClientCapabilities, ClientSessionCapabilities, Implementation, InitializeRequest,
            InitializeResponse, NoticeCapabilities,
        },
    },
};
use banter_shared::chat::ErrorCode;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    errors,
    permission::{self, Request},
    transport::{Intake, transport},
};
use crate::agents::{
    AgentError,
    process::{AgentProcess, Control, ProcessHost},
};

/// How long an agent may take to start and to introduce itself.
const INITIALIZE_LIMIT: Duration = Duration::from_secs(30);
/// Events that an agent may be ahead of its turn; then it is read no further.
const EVENT_BUFFER: usize = 256;
/// How long what was sent last may take to be written at the end.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// See the module. Dropping it ends the agent.
pub(super) struct Connection {
    cx: ConnectionTo<Agent>,
    router: Arc<Router>,
    intake: Arc<Intake>,
    control: Control,
    /// Hangs up.
    _close: DropGuard,
    /// What the agent said of itself.
    pub about: InitializeResponse,
}

/// Something that an agent sends in mid-turn.
pub(super) enum Event {
    /// The `update` of a `session/update`.
    Update(Value),
    /// It wants to be allowed something, and waits.
    Permission(Box<Request>, Responder<Value>),
}

/// Who listens.
#[derive(Default)]
struct Router {
    listener: Mutex<Option<(String, mpsc::Sender<Event>)>>,
}

impl Router {
    fn find(&self, session_id: &str) -> Option<mpsc::Sender<Event>> {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        listener.as_ref().filter(|(id, _)| id == session_id).map(|(_, events)| events.clone())
    }

    fn set(&self, listener: Option<(String, mpsc::Sender<Event>)>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = listener;
    }
}

/// Events come as long as this lives.
pub(super) struct Listening<'a> {
    router: &'a Router,
    /// The events in their order.
    pub events: mpsc::Receiver<Event>,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.router.set(None);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.control.end();
    }
}

impl Connection {
    /// Starts to speak with an agent that was just started.
    pub async fn open(process: AgentProcess, host: &ProcessHost) -> Result<Self, AgentError> {
        let AgentProcess { stdin, stdout, control } = process;
        let (router, intake) = (Arc::new(Router::default()), Arc::new(Intake::default()));
        let close = CancellationToken::new();
        // Also when this future is dropped: the agent is to see the end of its stdin.
        let hang_up = close.clone().drop_guard();
        let transport = transport(stdin, stdout, Arc::clone(&intake));
        let (opened, connection) = oneshot::channel();
        let driver = drive(transport, Arc::clone(&router), opened, close.clone(), host.hurry().clone());
        let (closing, hurry) = (close, host.hurry().clone());
        host.tasks().spawn(async move {
            let ended = async {
                tokio::select! { () = closing.cancelled() => {}, () = hurry.cancelled() => {} }
                tokio::time::sleep(CLOSE_LIMIT).await;
            };
            // An agent that no longer reads must not keep its stdin open.
            tokio::select! { () = driver => {}, () = ended => {} }
        });
        let cx = connection.await.map_err(|_| AgentError::stopped())?;
        let mut connection =
            Self { cx, router, intake, control, _close: hang_up, about: InitializeResponse::new(ProtocolVersion::V1) };
        connection.about = connection.initialize().await?;
        Ok(connection)
    }

    async fn initialize(&self) -> Result<InitializeResponse, AgentError> {
        let session = ClientSessionCapabilities::new().notices(NoticeCapabilities::default());
        let request = InitializeRequest::new(ProtocolVersion::V1)
            .client_info(Implementation::new("banter", env!("CARGO_PKG_VERSION")))
            .client_capabilities(ClientCapabilities::new().session(session));
        match timeout(INITIALIZE_LIMIT, self.cx.send_request(request).block_task()).await {
            Ok(Ok(about)) => Ok(about),
            // The library refuses another version of the protocol so.
            Ok(Err(error)) => Err(match self.explain(&error).await {
                AgentError { code: ErrorCode::AgentRefused, message, .. } => {
                    AgentError::new(ErrorCode::AgentProtocol, message)
                }
                error => error,
            }),
            Err(_) => {
                let message = format!("The agent did not introduce itself within {} s.", INITIALIZE_LIMIT.as_secs());
                Err(AgentError::new(ErrorCode::Timeout, message))
            }
        }
    }

    /// Sends a request and waits for its result, whatever is in it.
    pub async fn request(&self, method: &str, parameters: impl Serialize) -> Result<Value, Error> {
        let message = UntypedMessage::new(method, parameters)?;
        self.cx.send_request(message).block_task().await
    }

    /// The same, for a request that is not to take long.
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
                let message = format!("The agent did not answer `{method}` within {} s.", limit.as_secs());
                Err(AgentError::new(ErrorCode::Timeout, message))
            }
        }
    }

    /// Tells the agent to stop what it does in a session.
    pub fn cancel(&self, session_id: &str) {
        if let Err(error) = self.cx.send_notification(CancelNotification::new(session_id.to_owned())) {
            tracing::debug!(%error, "cannot cancel; the agent is gone");
        }
    }

    /// Listens to a session for a turn.
    pub fn listen(&self, session_id: &str) -> Listening<'_> {
        let (sender, events) = mpsc::channel(EVENT_BUFFER);
        self.intake.begin_turn();
        self.router.set(Some((session_id.to_owned(), sender)));
        Listening { router: &self.router, events }
    }

    /// What an error means to the user. Waits for the process to be gone if that is what happened.
    pub async fn explain(&self, error: &Error) -> AgentError {
        errors::explain(error, self.intake.fault(), &self.control).await
    }

    /// Whether the agent can be spoken with.
    pub fn is_open(&self) -> bool {
        self.control.is_running() && self.cx.termination().is_none() && !self.cx.is_incoming_closed()
    }

    /// The process.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

/// Speaks until `close`, or until the agent hangs up.
async fn drive(
    transport: impl agent_client_protocol::ConnectTo<Client> + 'static,
    router: Arc<Router>,
    opened: oneshot::Sender<ConnectionTo<Agent>>,
    close: CancellationToken,
    hurry: CancellationToken,
) {
    let (updates, permissions) = (Arc::clone(&router), router);
    let result = Client
        .v1()
        .name("banter")
        .on_receive_request(
            async move |message: UntypedMessage, responder: Responder<Value>, _| {
                // Parsed here: the library would refuse a request with an option of a kind that it does not know.
                let (method, parameters) = message.into_parts();
                if method != "session/request_permission" {
                    return responder.respond_with_error(Error::method_not_found());
                }
                let session_id = parameters.get("sessionId").and_then(Value::as_str);
                let (Some(session_id), Some(request)) = (session_id, Request::parse(&parameters)) else {
                    return responder.respond_with_error(Error::invalid_params());
                };
                let Some(events) = permissions.find(session_id) else {
                    return responder.respond(permission::cancelled());
                };
                // If nobody listens any more the responder is dropped, which answers with an error.
                let _ = events.send(Event::Permission(Box::new(request), responder)).await;
                Ok(())
            },
            on_receive_request!(),
        )
        .on_receive_notification(
            async move |message: UntypedMessage, _| {
                // Not parsed by the library: it would fail on kinds that it does not know.
                let (method, mut parameters) = message.into_parts();
                let session_id = parameters.get("sessionId").and_then(Value::as_str).unwrap_or_default();
                if method == "session/update"
                    && let Some(events) = updates.find(session_id)
                    && let Some(update) = parameters.get_mut("update").map(Value::take)
                {
                    let _ = events.send(Event::Update(update)).await;
                }
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_with(transport, async move |cx: ConnectionTo<Agent>| {
            let _ = opened.send(cx.clone());
            tokio::select! {
                () = close.cancelled() => {}
                () = hurry.cancelled() => {}
                () = cx.incoming_closed() => {}
            }
            Ok(())
        })
        .await;
    if let Err(error) = result {
        tracing::debug!(%error, "the connection to an agent ended");
    }
}
