//! The transition of a connection from hyper to an event stream.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::exchange::HttpExchange;
use crate::stream::EventStream;

/// An event stream that continues a response after hyper has sent the head.
#[derive(Debug)]
pub(super) struct Takeover {
    pub(super) events: EventStream,
    pub(super) exchange: HttpExchange,
    /// Whether the head announced a chunked body. Otherwise, the body is delimited by the close of the connection.
    pub(super) is_chunked: bool,
}

/// The slot for the event stream that takes over a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct TakeoverSlot(Arc<Mutex<Option<Takeover>>>);

impl TakeoverSlot {
    fn lock(&self) -> MutexGuard<'_, Option<Takeover>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the event stream, if there is one.
    pub(super) fn take(&self) -> Option<Takeover> {
        self.lock().take()
    }
}

/// The body of an event stream's response. hyper polls this body after buffering the head. When the head has been sent,
/// the stream takes over the connection.
#[derive(Debug)]
pub(super) struct TakeoverBody {
    takeover: Option<Takeover>,
    slot: TakeoverSlot,
}

impl TakeoverBody {
    /// Creates the body of a response on the connection with this slot.
    pub(super) fn new(takeover: Takeover, slot: TakeoverSlot) -> Self {
        Self { takeover: Some(takeover), slot }
    }
}

impl Body for TakeoverBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(takeover) = self.takeover.take() {
            *self.slot.lock() = Some(takeover);
        }
        Poll::Pending
    }
}
