//! Publishes this process's hints and live text in batches.
//!
//! An idle connection is probed with a PUBLISH, so that a lost connection or permission is detected before the next
//! message. Unless access is denied, a failed batch is published once more, over a new connection, before any message
//! is dropped.

use std::{sync::Arc, time::Duration};

use ::redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, aio::MultiplexedConnection};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{
    Envelope,
    connection::{ANSWER_LIMIT, Backoff, answer, state_after},
    send_queue::{QueuedMessage, SendQueue},
};
use crate::relay::{LinkState, RelayKey, status::Link};

/// The maximum number of messages per round trip.
const BATCH: usize = 128;
/// How long a connection may be idle before it is probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);

/// The publisher; see the module documentation.
pub(super) struct Publisher {
    pub(super) client: Client,
    pub(super) key: RelayKey,
    /// Identifies this relay to subscribers.
    pub(super) sender: Uuid,
    pub(super) send_queue: Arc<SendQueue>,
    pub(super) link: Arc<Link>,
    /// The channel for probes, which has no subscribers.
    pub(super) probe: Arc<str>,
}

impl Publisher {
    /// Publishes messages until the future is dropped.
    pub(super) async fn run(self) {
        let mut backoff = Backoff::new();
        // The number of consecutive failures.
        let mut failures = 0;
        loop {
            let connected = self.connect().await;
            let was_connected = connected.is_ok();
            let error = match connected {
                Ok(connection) => self.serve(connection, &mut failures).await,
                Err(error) => error,
            };
            tracing::debug!(%error, failures, "publish failed");
            failures += 1;
            if failures > 1 {
                self.give_up(&error);
                backoff.wait(was_connected).await;
            }
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT));
        answer(self.client.get_multiplexed_async_connection_with_config(&config)).await
    }

    /// Publishes over a connection until it fails. Puts unpublished messages back into the queue and returns the error.
    async fn serve(&self, mut connection: MultiplexedConnection, failures: &mut u32) -> RedisError {
        let mut verified_at: Option<Instant> = None;
        loop {
            let batch = self.send_queue.take(BATCH);
            let unused = verified_at.map(|at| at.elapsed());
            if let Some(unused) = unused.filter(|unused| batch.is_empty() && *unused < PROBE_INTERVAL) {
                let _ = timeout(PROBE_INTERVAL.saturating_sub(unused), self.send_queue.filled()).await;
                continue;
            }
            match self.publish(&mut connection, &batch).await {
                Ok(()) => {
                    *failures = 0;
                    verified_at = Some(Instant::now());
                    self.send_queue.confirm();
                    self.send_queue.open();
                    self.link.connected();
                }
                Err(error) => {
                    self.send_queue.put_back(batch);
                    if state_after(&error) != LinkState::Denied {
                        return error;
                    }
                    // The connection works. Publishing will succeed once the Redis user has the permission again.
                    self.give_up(&error);
                    verified_at = None;
                    sleep(PROBE_INTERVAL).await;
                }
            }
        }
    }

    /// Publishes a batch in one round trip, or probes the connection if the batch is empty.
    async fn publish(&self, connection: &mut MultiplexedConnection, batch: &[QueuedMessage]) -> RedisResult<()> {
        let mut pipe = ::redis::pipe();
        if batch.is_empty() {
            pipe.cmd("PUBLISH").arg(&*self.probe).arg("").ignore();
        }
        for QueuedMessage { channel, message, .. } in batch {
            match serde_json::to_vec(&Envelope { sender: self.sender, message }) {
                Ok(message) => pipe.cmd("PUBLISH").arg(&**channel).arg(self.key.seal(channel, &message)).ignore(),
                Err(error) => {
                    tracing::error!(%error, "cannot encode a message");
                    continue;
                }
            };
        }
        answer(pipe.query_async::<()>(connection)).await
    }

    fn give_up(&self, error: &RedisError) {
        self.send_queue.close();
        self.link.failed(state_after(error), error);
    }
}
