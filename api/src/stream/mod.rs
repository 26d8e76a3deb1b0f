//! Event streams: one [`hub`] per process, one [`connection`] per open stream, and [`frame`]s on the wire.
//!
//! A stream subscribes to the hub first, then reads the log, so that no event is missed in between. Duplicates are
//! detected by event number.

mod connection;
mod frame;
mod hub;
mod outbox;
mod running;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse as _, Response},
};
use banter_shared::{
    chat::Principal,
    event::{Cursor, Event, EventData},
    id::SessionId,
    store::{ResyncReason, StoreError},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};

use connection::Connection;
pub use hub::Hub;

/// The media type of event streams.
pub const MEDIA_TYPE: &str = "text/event-stream";

impl Hub {
    /// Opens a stream of a user's events, or of one session's if `only` is set.
    ///
    /// `requested` is the client's cursor; without it, the stream starts at the head of the log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(
        &self,
        principal: Principal,
        only: Option<SessionId>,
        requested: Option<&str>,
    ) -> Result<Response, StoreError> {
        let start = self.store.start_replay(&principal.user, requested).await?;
        let subscription = self.subscribe(&principal.user, &start).await?;
        let (out, frames) = outbox::outbox();
        let too_slow = Arc::new(AtomicBool::new(false));
        let connection = Connection::new(self.clone(), principal, only, &start, out, Arc::clone(&too_slow));
        self.shutdown.tasks().spawn(connection.run(subscription, start.resync));
        let head = [
            (header::CONTENT_TYPE, MEDIA_TYPE),
            (header::CACHE_CONTROL, "no-cache, no-transform"),
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        let last_words = self.last_words(start.cursor, too_slow);
        Ok((head, Body::from_stream(frames.chain(last_words).map(Ok::<_, std::io::Error>))).into_response())
    }

    /// Returns a final `resync` frame if the client read too slowly.
    fn last_words(&self, cursor: Cursor, too_slow: Arc<AtomicBool>) -> impl Stream<Item = Bytes> + Send + 'static {
        let clock = Arc::clone(self.store.clock());
        stream::once(async move {
            let reason = ResyncReason::TooSlow.as_str().to_owned();
            let event = Event { at: clock.now(), chat_session_id: None, data: EventData::Resync { reason, cursor } };
            too_slow.load(Ordering::Acquire).then(|| frame::encode(None, &event).ok()).flatten()
        })
        .filter_map(|frame| async move { frame })
    }
}
