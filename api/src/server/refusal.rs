//! Refuses connections that exceed a limit. Responds with 503 to a few connections at a time, and closes the others
//! without a response.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::Connections;
use crate::{
    error::{ApiError, Code, PROBLEM_JSON},
    metrics::LimitScope,
};

/// Maximum number of refused connections that receive a response at the same time; others are closed immediately.
const MAX_RESPONSES: usize = 32;
/// Time limit for a response to a refused connection.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long to wait for the request before responding. A client may discard a response that arrives before it has sent
/// its request.
const REQUEST_WAIT: Duration = Duration::from_millis(300);
/// Minimum time between log lines about refusals.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The state for refusing connections. Must be used within a Tokio runtime.
#[derive(Debug)]
pub(super) struct Refusals {
    connections: Connections,
    responses: Arc<Semaphore>,
    counts: Mutex<RefusalCounts>,
}

/// The refusals and failed accepts since the last log line.
#[derive(Debug, Default)]
struct RefusalCounts {
    by_process: u64,
    by_address: u64,
    failures: u64,
    logged_at: Option<Instant>,
}

impl Refusals {
    /// Creates the state, with no refusals recorded.
    pub(super) fn new(connections: Connections) -> Self {
        Self { connections, responses: Arc::new(Semaphore::new(MAX_RESPONSES)), counts: Mutex::default() }
    }

    /// Refuses a connection that exceeds a limit.
    pub(super) fn refuse(&self, stream: TcpStream, scope: LimitScope) {
        self.connections.metrics().refuse_connection(scope);
        self.record(|counts| match scope {
            LimitScope::Process => counts.by_process += 1,
            LimitScope::Address => counts.by_address += 1,
        });
        if let Ok(permit) = Arc::clone(&self.responses).try_acquire_owned() {
            // The task is not tracked, because it ends within `RESPONSE_TIMEOUT` and nothing depends on it.
            tokio::spawn(async move {
                let _ = timeout(RESPONSE_TIMEOUT, respond(stream, scope)).await;
                drop(permit);
            });
        }
    }

    /// Records that a connection could not be accepted.
    pub(super) fn record_failure(&self, error: &io::Error) {
        tracing::debug!(%error, "accept failed");
        self.record(|counts| counts.failures += 1);
    }

    /// Counts a refusal or a failed accept, and logs the counts unless they were already logged within the last
    /// [`LOG_INTERVAL`].
    fn record(&self, count: impl FnOnce(&mut RefusalCounts)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut counts);
        if counts.logged_at.is_some_and(|at| at.elapsed() < LOG_INTERVAL) {
            return;
        }
        let RefusalCounts { by_process, by_address, failures, logged_at: _ } = *counts;
        let total = self.connections.limits().total;
        tracing::warn!(
            by_process,
            by_address,
            failures,
            max_connections = total,
            "refused connections: limit reached (logged at most once a minute)"
        );
        *counts = RefusalCounts { logged_at: Some(Instant::now()), ..RefusalCounts::default() };
    }
}

/// Sends the response, and reads what the client sends. Closing a connection with unread data would reset it, and the
/// client might never receive the response.
async fn respond(mut stream: TcpStream, scope: LimitScope) -> io::Result<()> {
    let mut buffer = [0; 4096];
    if let Ok(received) = timeout(REQUEST_WAIT, stream.read(&mut buffer)).await {
        received?;
    }
    stream.write_all(&response(scope)).await?;
    stream.shutdown().await?;
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

fn response(scope: LimitScope) -> Vec<u8> {
    let detail = match scope {
        LimitScope::Process => "The server has too many open connections. Try again in a moment.",
        LimitScope::Address => {
            "There are too many open connections from your IP address or network. Close some, or try again in a moment."
        }
    };
    let id = Uuid::now_v7().to_string();
    let body = serde_json::to_string(&ApiError::new(Code::Overloaded, detail).problem(id.clone())).unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {length}\r\n\
         retry-after: 1\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
