//! Publishes what the process has to tell, a batch at a time.

use ::redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{ANSWER_LIMIT, FIRST_PAUSE, LONGEST_PAUSE, Wire};

/// Messages published in one round trip.
const BATCH: usize = 128;

/// Publishes until `stop`. While Redis is away messages are dropped: they are hints, and text that would come too late.
pub(super) async fn run(client: Client, mut queue: mpsc::Receiver<(String, Wire)>, stop: CancellationToken) {
    let mut connection: Option<MultiplexedConnection> = None;
    let mut pause = FIRST_PAUSE;
    let mut not_before = Instant::now();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        batch.clear();
        tokio::select! {
            () = stop.cancelled() => return,
            count = queue.recv_many(&mut batch, BATCH) => if count == 0 { return },
        }
        if connection.is_none() && Instant::now() < not_before {
            continue;
        }
        match publish(&client, &mut connection, &batch).await {
            Ok(()) => pause = FIRST_PAUSE,
            Err(error) => {
                tracing::debug!(%error, "could not publish");
                connection = None;
                not_before = Instant::now() + pause;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn publish(
    client: &Client,
    connection: &mut Option<MultiplexedConnection>,
    batch: &[(String, Wire)],
) -> Result<(), RedisError> {
    let mut pipe = ::redis::pipe();
    for (channel, message) in batch {
        match serde_json::to_string(message) {
            Ok(payload) => pipe.cmd("PUBLISH").arg(channel).arg(payload).ignore(),
            Err(error) => {
                tracing::error!(%error, "a message cannot be written");
                continue;
            }
        };
    }
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connect(client).await?),
    };
    timeout(ANSWER_LIMIT, pipe.query_async::<()>(connection)).await.map_err(|_| frozen())?
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_LIMIT))
        .set_response_timeout(Some(ANSWER_LIMIT));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    timeout(ANSWER_LIMIT, connecting).await.map_err(|_| frozen())?
}

fn frozen() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
