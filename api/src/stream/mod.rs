//! Event streams. There is one [`hub`] per process and one [`event_stream`] per open stream; events are sent as
//! [`frame`]s.
//!
//! A stream first subscribes to the hub and then reads the log, so that no event is missed between the two. Duplicates
//! are detected by event number.
//!
//! | module | contents |
//! |---|---|
//! | `hub` | tails the log, encodes events, and sends them to the users' channels |
//! | `channel` | one user's updates, which all of the user's streams share |
//! | `event_stream` | one stream, as a state machine that its connection polls |
//! | `replay` | reading the log up to its head |
//! | `progress`, `live_text` | what a stream sends for each update |
//! | `ticker`, `tick_frames`, `open_streams`, `credentials` | recurring work for all streams |

mod channel;
mod channels;
mod credentials;
mod event_stream;
mod frame;
mod hub;
mod live_text;
mod live_update;
mod missed_text;
mod open_streams;
mod progress;
mod replay;
mod stream_handle;
mod tick_frames;
mod ticker;
mod typing;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse as _, Response},
};
use banter_shared::{chat::Principal, id::SessionId, store::StoreError};
use bytes::Bytes;
use futures::stream;

use event_stream::Registration;
use progress::Progress;

pub use event_stream::EventStream;
pub use hub::Hub;

/// The media type of event streams.
const MEDIA_TYPE: &str = "text/event-stream";

/// The event stream attached to a response. The server takes it from the response's extensions, and writes it after
/// the response's head.
#[derive(Clone, Debug)]
pub struct AttachedStream(Arc<Mutex<Option<EventStream>>>);

impl AttachedStream {
    /// Takes the stream from a response, if it has one.
    pub fn take(response: &mut Response) -> Option<EventStream> {
        let Self(stream) = response.extensions_mut().remove()?;
        stream.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Hub {
    /// Opens a stream of a user's events, or of the events of one session if `only` is set.
    ///
    /// `requested` is the client's cursor. If it is `None`, the stream starts at the head of the log.
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
        let handle = Arc::default();
        let subscription = self.subscribe(&principal.user, &start, &handle).await?;
        let registration = Registration {
            _open: self.open_streams.add(&handle),
            _credential: self.credentials.add(principal, &handle),
            _gauge: self.metrics.open_stream(),
        };
        let progress = Progress {
            hub: self.clone(),
            only,
            user_log_id: start.user_log_id,
            cursor: start.cursor,
            running: BTreeMap::new(),
            step_revision: None,
        };
        let events = EventStream::new(progress, handle, subscription, start.resync, registration);
        let head = [
            (header::CONTENT_TYPE, MEDIA_TYPE),
            (header::CACHE_CONTROL, "no-cache, no-transform"),
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        // The server replaces this body, which only determines the framing.
        let body = Body::from_stream(stream::pending::<io::Result<Bytes>>());
        let mut response = (head, body).into_response();
        response.extensions_mut().insert(AttachedStream(Arc::new(Mutex::new(Some(events)))));
        Ok(response)
    }
}
