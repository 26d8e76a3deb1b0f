//! The memory budget for long responses, which prevents slow clients from exhausting the process's memory.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    error::{ApiError, Code},
    server::{Activity, Connections, GuardedBody},
};

/// Maximum amount of memory, in KiB, for all long responses combined.
const TOTAL_KIB: usize = 72 * 1024;
/// Amount of memory, in KiB, that is reserved before a response is read from the store. This is enough for a page and
/// one long turn.
const RESERVED_KIB: u32 = 4 * 1024;
/// [`RESERVED_KIB`] in bytes.
const RESERVED_BYTES: usize = RESERVED_KIB as usize * 1024;
/// Maximum size, in bytes, of a response that is sent in one piece and does not count toward the budget.
const SHORT_BYTES: usize = 64 * 1024;
/// Maximum time that a request waits for memory.
const WAIT_LIMIT: Duration = Duration::from_secs(5);
/// Interval at which a waiting request tries to close the connection of a slow client.
const CLOSE_INTERVAL: Duration = Duration::from_millis(100);

/// The memory budget that all long responses share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ResponseMemory {
    kib: Arc<Semaphore>,
    connections: Connections,
}

impl ResponseMemory {
    /// Creates the budget. While a request waits for memory, connections whose clients read a long response too slowly
    /// are closed.
    #[must_use]
    pub fn new(connections: Connections) -> Self {
        Self { kib: Arc::new(Semaphore::new(TOTAL_KIB)), connections }
    }

    /// Reserves memory for one response, waiting at most [`WAIT_LIMIT`]. `activity` is the activity of the connection
    /// that sends the response.
    ///
    /// # Errors
    /// Returns [`Code::Overloaded`] if not enough memory is released in time.
    pub async fn reserve(&self, activity: Option<Arc<Activity>>) -> Result<MemoryReservation, ApiError> {
        let overloaded = || {
            ApiError::new(Code::Overloaded, "The server is sending too many large responses. Try again in a moment.")
        };
        let close_stalled = async {
            let mut ticks = interval(CLOSE_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.connections.close_longest_hold();
            }
        };
        let reserved = async {
            tokio::select! {
                biased;
                reserved = Arc::clone(&self.kib).acquire_many_owned(RESERVED_KIB) => reserved.ok(),
                () = close_stalled => None,
            }
        };
        let memory = timeout(WAIT_LIMIT, reserved).await.ok().flatten().ok_or_else(overloaded)?;
        Ok(MemoryReservation { memory, activity })
    }
}

/// Memory reserved for the response to a request.
#[derive(Debug)]
pub struct MemoryReservation {
    memory: OwnedSemaphorePermit,
    activity: Option<Arc<Activity>>,
}

/// The memory that a long response holds until its body is dropped.
#[derive(Debug)]
struct MemoryGuard {
    _memory: OwnedSemaphorePermit,
    activity: Option<Arc<Activity>>,
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        if let Some(activity) = &self.activity {
            activity.set_holds_memory(false);
        }
    }
}

impl MemoryReservation {
    /// Returns a JSON object with the fields of `head`, the list `items` under the key `name`, and the fields of
    /// `tail`. `bytes` is the approximate size of `items`. A long list is serialized item by item while the client
    /// reads the response.
    ///
    /// # Errors
    /// Never fails in practice, because every response can be serialized as JSON.
    pub fn list<T: Serialize + Send + 'static>(
        self,
        head: &impl Serialize,
        (name, items): (&str, Vec<T>),
        tail: &impl Serialize,
        bytes: usize,
    ) -> Result<Response, ApiError> {
        let (head, tail) = frame(head, name, tail).map_err(ApiError::internal)?;
        let bytes = bytes + head.len() + tail.len();
        let pieces = items.into_iter().enumerate().map(|(index, item)| {
            let mut piece = if index == 0 { Vec::new() } else { vec![b','] };
            serde_json::to_writer(&mut piece, &item).map(|()| Bytes::from(piece))
        });
        let json = [(header::CONTENT_TYPE, "application/json")];
        if bytes <= SHORT_BYTES {
            let mut body = head.into_bytes();
            for piece in pieces {
                body.extend_from_slice(&piece.map_err(ApiError::internal)?);
            }
            body.extend_from_slice(tail.as_bytes());
            return Ok((json, body).into_response());
        }
        let ends = |text: String| stream::iter([Ok(Bytes::from(text))]);
        let body = Body::from_stream(ends(head).chain(stream::iter(pieces)).chain(ends(tail)));
        Ok((json, Body::new(GuardedBody::new(body, self.hold(bytes)))).into_response())
    }

    /// Returns the body of a response that is produced while the client reads it. `pieces` must not need more memory at
    /// once than was reserved.
    pub fn stream<E: Into<axum::BoxError> + Send + 'static>(
        self,
        pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Body {
        Body::new(GuardedBody::new(Body::from_stream(pieces), self.hold(RESERVED_BYTES)))
    }

    /// Releases the memory that the response does not need, and returns a guard for the remainder.
    fn hold(mut self, bytes: usize) -> MemoryGuard {
        let needed = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        if let Some(surplus) = RESERVED_KIB.checked_sub(needed) {
            drop(self.memory.split(usize::try_from(surplus).unwrap_or(0)));
        }
        if let Some(activity) = &self.activity {
            activity.set_holds_memory(true);
        }
        MemoryGuard { _memory: self.memory, activity: self.activity }
    }
}

/// Returns the text before and after the items of a list in a JSON object.
fn frame(head: &impl Serialize, name: &str, tail: &impl Serialize) -> serde_json::Result<(String, String)> {
    let (mut before, after) = (serde_json::to_string(head)?, serde_json::to_string(tail)?);
    before.pop();
    if before.len() > 1 {
        before.push(',');
    }
    before = format!("{before}\"{name}\":[");
    let after = if after == "{}" { "]}".to_owned() } else { format!("],{}", &after[1..]) };
    Ok((before, after))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn places_a_list_between_other_fields() {
        for (head, tail, expected) in [
            (json!({}), json!({}), json!({"items": []})),
            (json!({"a": 1}), json!({}), json!({"a": 1, "items": []})),
            (json!({}), json!({"b": [2]}), json!({"items": [], "b": [2]})),
            (json!({"a": 1}), json!({"b": null, "c": "}"}), json!({"a": 1, "items": [], "b": null, "c": "}"})),
        ] {
            let (before, after) = frame(&head, "items", &tail).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&(before + &after)).unwrap(), expected);
        }
    }
}
