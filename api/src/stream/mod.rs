//! Event streams: one [`hub`] per process, one [`event_stream`] per open stream, and [`frame`]s on the wire.
//!
//! A stream first subscribes to the hub and then reads the log, so that no event is missed between the two. Duplicates
//! are detected by event number.

mod channels;
mod event_stream;
mod frame;
mod frame_queue;
mod hub;
mod live_text;
mod live_update;
mod output;
mod replay;
mod steps;
mod task_progress;
mod typing;

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

use event_stream::EventStream;
pub use hub::Hub;

/// The media type of event streams.
pub const MEDIA_TYPE: &str = "text/event-stream";

impl Hub {
    /// Opens a stream of a user's events, or of one session's if `only` is set.
    ///
    /// `requested` is the client's cursor; without it, the stream starts at the head of the log.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn open(
        &self,
        principal: Principal,
        only: Option<SessionId>,
        requested: Option<&str>,
    ) -> Result<Response, StoreError> {
        let start = self.store.start_replay(&principal.user, requested).await?;
        let subscription = self.subscribe(&principal.user, &start).await?;
        let (out, frames) = frame_queue::frame_queue();
        let too_slow = Arc::new(AtomicBool::new(false));
        let stream = EventStream::new(self.clone(), principal, only, &start, out, Arc::clone(&too_slow));
        self.shutdown.tasks().spawn(stream.run(subscription, start.resync));
        let head = [
            (header::CONTENT_TYPE, MEDIA_TYPE),
            (header::CACHE_CONTROL, "no-cache, no-transform"),
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        let final_resync = self.final_resync(start.cursor, too_slow);
        Ok((head, Body::from_stream(frames.chain(final_resync).map(Ok::<_, std::io::Error>))).into_response())
    }

    /// Returns a final `resync` frame if the client read too slowly.
    fn final_resync(&self, cursor: Cursor, too_slow: Arc<AtomicBool>) -> impl Stream<Item = Bytes> + Send + 'static {
        let clock = Arc::clone(self.store.clock());
        stream::once(async move {
            let reason = ResyncReason::TooSlow.as_str().to_owned();
            let event = Event { at: clock.now(), chat_session_id: None, data: EventData::Resync { reason, cursor } };
            too_slow.load(Ordering::Acquire).then(|| frame::encode(None, &event).ok()).flatten()
        })
        .filter_map(|frame| async move { frame })
    }
}
