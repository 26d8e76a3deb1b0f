//! The body of a response, read under time limits.

use std::time::Duration;

use banter_shared::chat::ErrorCode;
use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::errors;
use crate::agents::AgentError;

/// A body in progress.
pub(super) struct Body {
    response: Response,
    /// By when the next bytes must be there.
    deadline: Instant,
    idle_timeout: Duration,
}

impl Body {
    /// The body's first bytes must come before `first_byte_at`, further ones within `idle_timeout` of those before.
    pub fn new(response: Response, first_byte_at: Instant, idle_timeout: Duration) -> Self {
        Self { response, deadline: first_byte_at, idle_timeout }
    }

    /// The next bytes, never empty; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, AgentError> {
        loop {
            let bytes = match timeout_at(self.deadline, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => return Err(errors::from_transport(error)),
                Err(_) => {
                    return Err(AgentError::new(ErrorCode::Timeout, "The agent's server was silent for too long."));
                }
            };
            self.deadline = Instant::now() + self.idle_timeout;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// From now on, silence may last only this long.
    pub fn hurry(&mut self, idle_timeout: Duration) {
        self.idle_timeout = self.idle_timeout.min(idle_timeout);
        self.deadline = self.deadline.min(Instant::now() + self.idle_timeout);
    }

    /// The rest of the body after `head`, up to `limit_bytes`; more than that is `None`.
    pub async fn rest(&mut self, mut head: Vec<u8>, limit_bytes: usize) -> Result<Option<Vec<u8>>, AgentError> {
        while let Some(bytes) = self.next().await? {
            if head.len() + bytes.len() > limit_bytes {
                return Ok(None);
            }
            head.extend_from_slice(&bytes);
        }
        Ok(Some(head))
    }

    /// As much of the body as comes without trouble, up to `limit_bytes`.
    pub async fn beginning(mut self, limit_bytes: usize) -> Vec<u8> {
        let mut head = Vec::new();
        while let Ok(Some(bytes)) = self.next().await {
            head.extend_from_slice(&bytes);
            if head.len() >= limit_bytes {
                head.truncate(limit_bytes);
                break;
            }
        }
        head
    }
}
