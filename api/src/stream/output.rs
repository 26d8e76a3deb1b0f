//! Sending events to the client of a stream.

use std::time::Duration;

use banter_shared::{
    event::{Event, EventData},
    id::SessionId,
};
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    event_stream::{CloseReason, EventStream},
    frame,
    frame_queue::DisconnectError,
};

/// Maximum time that a durable event waits for a reader.
const STALL_LIMIT: Duration = Duration::from_secs(30);

impl EventStream {
    pub(super) fn encode(&self, data: EventData, session_id: Option<SessionId>) -> Option<Bytes> {
        let event = Event { at: self.hub.store.clock().now(), chat_session_id: session_id, data };
        frame::encode(None, &event).inspect_err(|error| tracing::error!(%error, "cannot encode an event")).ok()
    }

    /// Sends an event that the client must receive, waiting for space if necessary.
    pub(super) async fn send(&self, data: EventData, session_id: Option<SessionId>) -> Result<(), CloseReason> {
        match self.encode(data, session_id) {
            Some(frame) => self.write(frame).await,
            None => Ok(()),
        }
    }

    /// Sends an optional event if there is space. Returns whether it was sent.
    pub(super) fn try_send(&self, data: EventData, session_id: Option<SessionId>) -> bool {
        self.encode(data, session_id).is_some_and(|frame| self.out.try_send(frame))
    }

    pub(super) fn offer(&self, data: EventData, session_id: Option<SessionId>) {
        self.try_send(data, session_id);
    }

    pub(super) async fn write(&self, frame: Bytes) -> Result<(), CloseReason> {
        match timeout(STALL_LIMIT, self.out.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(DisconnectError)) => Err(CloseReason::Disconnected),
            Err(_) => Err(CloseReason::TooSlow),
        }
    }
}
