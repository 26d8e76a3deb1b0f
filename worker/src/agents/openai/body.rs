//! A response body, read with time limits.

use std::time::Duration;

use banter_shared::chat::ErrorCode;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::{Response, header::CONTENT_TYPE};
use tokio::time::{Instant, timeout_at};

use super::{
    connections::{self, Parts},
    errors, gzip,
};
use crate::agents::AgentError;

/// A response body that is being read.
pub(super) struct Body {
    bytes: Parts,
    content_type: String,
    /// The time by which the next bytes must arrive.
    deadline: Instant,
    idle_timeout: Duration,
}

impl Body {
    /// Wraps a response's body. The first bytes must arrive by `first_byte_at`, and any further bytes within
    /// `idle_timeout` of the previous ones.
    pub fn new(response: Response, first_byte_at: Instant, idle_timeout: Duration) -> Self {
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let is_gzip = gzip::is_declared(response.headers());
        let bytes = connections::receive(response.bytes_stream().map_err(errors::from_transport).boxed());
        let bytes = if is_gzip { gzip::decode(bytes).boxed() } else { bytes };
        Self { bytes, content_type, deadline: first_byte_at, idle_timeout }
    }

    /// Creates a body for a test.
    #[cfg(test)]
    pub fn from_stream(bytes: Parts, content_type: &str, idle_timeout: Duration) -> Self {
        Self { bytes, content_type: content_type.to_owned(), deadline: Instant::now() + idle_timeout, idle_timeout }
    }

    /// Returns the `Content-Type`, or an empty string if there is none.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Returns how long the server may be silent.
    pub fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// Returns the next bytes, which are never empty, or `None` at the end of the body. If `latest` is set, times out
    /// no later than that.
    ///
    /// # Errors
    /// Returns `Timeout` if no bytes arrive in time, or the error that occurred while receiving or decoding the body.
    pub async fn next(&mut self, latest: Option<Instant>) -> Result<Option<Bytes>, AgentError> {
        loop {
            let deadline = latest.map_or(self.deadline, |latest| latest.min(self.deadline));
            let bytes = match timeout_at(deadline, self.bytes.next()).await {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(Some(Err(error))) => return Err(error),
                Ok(None) => return Ok(None),
                Err(_) => {
                    return Err(AgentError::new(ErrorCode::Timeout, "The agent's server stopped sending data."));
                }
            };
            self.deadline = Instant::now() + self.idle_timeout;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Returns the entire body, or `None` if it is longer than `limit_bytes`.
    ///
    /// # Errors
    /// See [`Body::next`].
    pub async fn whole(&mut self, limit_bytes: usize) -> Result<Option<Vec<u8>>, AgentError> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.next(None).await? {
            if whole.len() + bytes.len() > limit_bytes {
                return Ok(None);
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Some(whole))
    }

    /// Returns at most `limit_bytes` from the start of the body. Stops early at `latest`, or if an error occurs.
    pub async fn beginning(mut self, limit_bytes: usize, latest: Instant) -> Vec<u8> {
        let mut head = Vec::new();
        while let Ok(Some(bytes)) = self.next(Some(latest)).await {
            head.extend_from_slice(&bytes);
            if head.len() >= limit_bytes {
                head.truncate(limit_bytes);
                break;
            }
        }
        head
    }
}
