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

/// The error for a body that did not arrive in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct BodyTimeoutError;

/// A body that fails once with [`BodyTimeoutError`] if it is incomplete at its deadline. Data that arrives later can
/// still be read. Closing a connection with unread data would reset it, and the client might never receive the
/// response.
pub(super) struct RequestBody {
    body: BodyDataStream,
    deadline: Instant,
    /// Created only if the body is not available immediately; most bodies arrive together with the head.
    timer: Option<Pin<Box<Sleep>>>,
    is_late: bool,
    activity: Arc<Activity>,
    exchange: u64,
}

impl RequestBody {
    /// Creates the request body of an exchange on a connection.
    pub(super) fn new(body: Incoming, deadline: Instant, activity: Arc<Activity>, exchange: u64) -> Self {
        Self { body: Body::new(body).into_data_stream(), deadline, timer: None, is_late: false, activity, exchange }
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        match this.body.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(piece))) => Poll::Ready(Some(Ok(piece))),
            Poll::Ready(ended) => {
                this.activity.end_body(this.exchange);
                Poll::Ready(ended.map(|piece| piece.map_err(Into::into)))
            }
            Poll::Pending if this.is_late => Poll::Pending,
            Poll::Pending => {
                let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(this.deadline)));
                timer.as_mut().poll(context).map(|()| {
                    this.is_late = true;
                    Some(Err(BodyTimeoutError.into()))
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
