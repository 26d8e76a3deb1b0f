//! Keeps reading an unread request body for a short time after the handler has dropped it.
//!
//! An error may be sent before the body has been read. Closing the connection while the body is still arriving would
//! reset the connection, and many clients would report the reset instead of the response.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::Request,
    http::Method,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

/// Maximum number of bytes to read and discard.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Maximum time to keep reading.
const MAX_TIME: Duration = Duration::from_secs(1);

/// Wraps the request body, unless the method is GET or HEAD.
pub async fn layer(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::from_stream(BodyDrain(Some(body.into_data_stream()))))).await
}

/// A body whose unread remainder is read and discarded when the body is dropped.
struct BodyDrain(Option<BodyDataStream>);

impl Stream for BodyDrain {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let polled = body.poll_next_unpin(context);
        // More data may arrive after an error, so a body that timed out is also drained.
        if matches!(polled, Poll::Ready(None)) {
            self.0 = None;
        }
        polled
    }
}

impl Drop for BodyDrain {
    fn drop(&mut self) {
        let (Some(mut body), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) else { return };
        // The task is not tracked, because it ends within `MAX_TIME` and nothing depends on it.
        runtime.spawn(tokio::time::timeout(MAX_TIME, async move {
            let mut left = MAX_BYTES;
            while let Some(Ok(piece)) = body.next().await
                && piece.len() <= left
            {
                left -= piece.len();
            }
        }));
    }
}
