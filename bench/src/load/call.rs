//! A request that is retried while it is answered 503, which means that nothing was stored.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use banter_tests::client::Client;
use serde_json::Value;
use tokio::time::sleep;

use super::stats::LoadStats;

/// Maximum number of attempts.
const TRIES: u32 = 10;
/// Delay before a retry: the smallest `Retry-After`.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends a request until the response is not a 503, and returns the body. Fails unless the status is one of these.
pub async fn call(
    client: &Client,
    request: reqwest::RequestBuilder,
    statuses: &[u16],
    stats: &LoadStats,
) -> Result<Value> {
    for _ in 1..TRIES {
        let reply = client.try_call(request.try_clone().context("a body that cannot be sent twice")?).await?;
        if reply.status != 503 {
            ensure!(
                statuses.contains(&reply.status),
                "{statuses:?} expected, and it is {} {}",
                reply.status,
                reply.text()
            );
            return Ok(if reply.body.is_empty() { Value::Null } else { reply.json() });
        }
        stats.count_busy();
        sleep(PAUSE).await;
    }
    anyhow::bail!("repeated 503 responses")
}
