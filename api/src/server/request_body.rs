//! Request bodies with a deadline.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    BoxError,
    body::{Body, BodyDataStream},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Activity;

/// Time limit for the body of a request, measured from the arrival of the head.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for each piece of an uploaded file.
pub const UPLOAD_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit for an uploaded file, measured from the arrival of the head.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(1);

/// The error for a body that did not arrive in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct BodyTimeoutError {
    /// Whether the body is an uploaded file.
    pub is_upload: bool,
}

/// When a body must have arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyDeadline {
    /// When the next piece, or the whole body unless `is_upload` is set, must have arrived.
    next: Instant,
    /// When the whole body must have arrived.
    last: Instant,
    /// Whether each piece extends the time limit.
    is_upload: bool,
}

impl BodyDeadline {
    /// Creates the deadline of a body whose head has just arrived.
    pub(super) fn new(is_upload: bool) -> Self {
        let (limit, total) =
            if is_upload { (UPLOAD_IDLE_TIMEOUT, UPLOAD_TIMEOUT) } else { (BODY_TIMEOUT, BODY_TIMEOUT) };
        let now = Instant::now();
        Self { next: now + limit, last: now + total, is_upload }
    }

    /// Records that a piece has arrived. Returns the new deadline if it has changed.
    fn extend(&mut self) -> Option<Instant> {
        self.is_upload.then(|| {
            self.next = (Instant::now() + UPLOAD_IDLE_TIMEOUT).min(self.last);
            self.next
        })
    }
}

/// A body that fails once with [`BodyTimeoutError`] if it is incomplete at its deadline. Data that arrives later can
/// still be read. Closing a connection with unread data would reset it, and the client might never receive the
/// response.
pub(super) struct RequestBody {
    body: BodyDataStream,
    deadline: BodyDeadline,
    /// Created only if the body is not available immediately; most bodies arrive together with the head.
    timer: Option<Pin<Box<Sleep>>>,
    is_late: bool,
    activity: Arc<Activity>,
    exchange: u64,
}

impl RequestBody {
    /// Creates the request body of an exchange on a connection.
    pub(super) fn new(body: Incoming, deadline: BodyDeadline, activity: Arc<Activity>, exchange: u64) -> Self {
        Self { body: Body::new(body).into_data_stream(), deadline, timer: None, is_late: false, activity, exchange }
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        match this.body.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(piece))) => {
                if let (Some(deadline), Some(timer)) = (this.deadline.extend(), &mut this.timer) {
                    timer.as_mut().reset(deadline);
                }
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(ended) => {
                this.activity.end_body(this.exchange);
                Poll::Ready(ended.map(|piece| piece.map_err(Into::into)))
            }
            Poll::Pending if this.is_late => Poll::Pending,
            Poll::Pending => {
                let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(this.deadline.next)));
                timer.as_mut().poll(context).map(|()| {
                    this.is_late = true;
                    Some(Err(BodyTimeoutError { is_upload: this.deadline.is_upload }.into()))
                })
            }
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.activity.end_body(self.exchange);
    }
}
