//! The client side of JSON-RPC, which handles requests and their results, notifications, and responses to the agent's
//! requests.
//!
//! Guarantees:
//! - The IDs of the client's requests and those of the agent's requests are independent.
//! - Every request to the agent completes, at the latest when the connection closes.
//! - Every request from the agent is answered, at the latest when its [`Responder`] is dropped, unless the agent has
//!   stopped reading its stdin.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::message::{INTERNAL_ERROR, RpcError, integer};

/// Capacity of the channel for outgoing messages. The channel fills up only if the agent does not read its stdin.
const OUTGOING_MESSAGES: usize = 1024;

/// The reason why a request failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RequestError {
    /// The connection was closed before a response arrived.
    Closed,
    /// The agent responded with an error.
    Refused(RpcError),
    /// The response cannot be decoded. The reason completes the phrase "a response that …".
    Unreadable(String),
}

type RpcResult = Result<Value, RequestError>;

/// The client end of a JSON-RPC connection.
#[derive(Debug)]
pub(super) struct Peer {
    outgoing: mpsc::Sender<String>,
    pending: Mutex<HashMap<i64, oneshot::Sender<RpcResult>>>,
    next_id: AtomicI64,
    closed: CancellationToken,
}

impl Peer {
    /// Creates a peer, and a receiver for the lines to write to the agent.
    pub fn new() -> (Arc<Self>, mpsc::Receiver<String>) {
        let (outgoing, lines) = mpsc::channel(OUTGOING_MESSAGES);
        let peer =
            Self { outgoing, pending: Mutex::default(), next_id: AtomicI64::new(0), closed: CancellationToken::new() };
        (Arc::new(peer), lines)
    }

    /// Sends a request and waits for its result.
    pub async fn request(&self, method: &str, parameters: impl Serialize) -> RpcResult {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (reply, outcome) = oneshot::channel();
        self.pending().insert(id, reply);
        let _pending = PendingGuard { peer: self, id };
        // Check this after the insertion, so that either `close` sees the request or the request sees that the peer is
        // closed.
        if self.closed.is_cancelled() {
            return Err(RequestError::Closed);
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": value(parameters)});
        if self.outgoing.send(message.to_string()).await.is_err() {
            return Err(RequestError::Closed);
        }
        outcome.await.unwrap_or(Err(RequestError::Closed))
    }

    /// Sends a notification.
    pub fn notify(&self, method: &str, parameters: impl Serialize) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": value(parameters)}));
    }

    /// Responds to a request from the agent.
    pub fn respond(&self, id: &Value, result: Result<Value, RpcError>) {
        self.send(&match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
        });
    }

    /// Completes a request to the agent. Returns `false` if no pending request matches the ID.
    pub fn complete(&self, id: &Value, outcome: RpcResult) -> bool {
        let mut pending = self.pending();
        let known = integer(id).and_then(|id| pending.remove(&id));
        // An error without an ID belongs to a request that the agent could not parse.
        let only = |pending: &mut HashMap<i64, _>| {
            let id = if pending.len() == 1 { pending.keys().next().copied() } else { None };
            id.and_then(|id| pending.remove(&id))
        };
        let reply = if id.is_null() && outcome.is_err() { only(&mut pending) } else { known };
        reply.is_some_and(|reply| reply.send(outcome).is_ok())
    }

    /// Closes the connection. Pending requests fail.
    pub fn close(&self) {
        self.closed.cancel();
        self.pending().clear();
    }

    /// Returns whether the connection is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    fn send(&self, message: &Value) {
        if let Err(error) = self.outgoing.try_send(message.to_string()) {
            tracing::debug!(%error, "agent is not reading its input");
        }
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<i64, oneshot::Sender<RpcResult>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a pending request when its future is dropped.
struct PendingGuard<'a> {
    peer: &'a Peer,
    id: i64,
}

impl Drop for PendingGuard<'_> {
    fn drop(&mut self) {
        self.peer.pending().remove(&self.id);
    }
}

/// Converts parameters to a JSON value, which is null if they cannot be serialized.
fn value(parameters: impl Serialize) -> Value {
    serde_json::to_value(parameters).unwrap_or_default()
}

/// Responds to a request from the agent. If a responder is dropped before it has responded, it sends an error.
#[derive(Debug)]
pub(super) struct Responder {
    peer: Arc<Peer>,
    id: Option<Value>,
}

impl Responder {
    pub fn new(peer: &Arc<Peer>, id: Value) -> Self {
        Self { peer: Arc::clone(peer), id: Some(id) }
    }

    /// Sends the response.
    pub fn respond(mut self, result: Result<Value, RpcError>) {
        if let Some(id) = self.id.take() {
            self.peer.respond(&id, result);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.peer.respond(&id, Err(RpcError::new(INTERNAL_ERROR, "The request was not handled.")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(lines: &mut mpsc::Receiver<String>) -> Value {
        serde_json::from_str(&lines.recv().await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn matches_results_to_requests() {
        let (peer, mut lines) = Peer::new();
        let ask = |method: &'static str| {
            let peer = Arc::clone(&peer);
            tokio::spawn(async move { peer.request(method, json!({})).await })
        };
        let first = ask("a");
        assert_eq!(sent(&mut lines).await, json!({"jsonrpc": "2.0", "id": 0, "method": "a", "params": {}}));
        let second = ask("b");
        assert_eq!(sent(&mut lines).await["id"], 1);

        assert!(!peer.complete(&json!(7), Ok(json!("nobody asked"))));
        assert!(peer.complete(&json!("1"), Ok(json!("b"))));
        assert!(peer.complete(&json!(0.0), Err(RequestError::Unreadable("is not valid JSON".into()))));

        assert_eq!(second.await.unwrap(), Ok(json!("b")));
        assert_eq!(first.await.unwrap(), Err(RequestError::Unreadable("is not valid JSON".into())));
    }

    #[tokio::test]
    async fn matches_an_error_without_an_id_to_the_only_request() {
        let (peer, mut lines) = Peer::new();
        let asking = Arc::clone(&peer);
        let asked = tokio::spawn(async move { asking.request("a", json!({})).await });
        sent(&mut lines).await;
        let error = RequestError::Refused(RpcError::new(-32700, "Parse error"));

        assert!(peer.complete(&Value::Null, Err(error.clone())));

        assert_eq!(asked.await.unwrap(), Err(error));
    }

    #[tokio::test]
    async fn fails_requests_when_the_connection_closes() {
        let (peer, mut lines) = Peer::new();
        let asking = Arc::clone(&peer);
        let asked = tokio::spawn(async move { asking.request("a", json!({})).await });
        sent(&mut lines).await;

        peer.close();

        assert_eq!(asked.await.unwrap(), Err(RequestError::Closed));
        assert_eq!(peer.request("b", json!({})).await, Err(RequestError::Closed));
    }

    #[tokio::test]
    async fn responds_to_an_unhandled_request() {
        let (peer, mut lines) = Peer::new();

        Responder::new(&peer, json!(1.5)).respond(Ok(json!({"a": 1})));
        drop(Responder::new(&peer, json!("x")));

        assert_eq!(sent(&mut lines).await, json!({"jsonrpc": "2.0", "id": 1.5, "result": {"a": 1}}));
        let answered = sent(&mut lines).await;
        assert_eq!(json!([answered["id"], answered["error"]["code"]]), json!(["x", INTERNAL_ERROR]));
    }
}
