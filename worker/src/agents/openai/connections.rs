//! The thread that handles all connections to model servers.
//!
//! In hyper 1.x, a request is lost if one thread passes it to a connection while another thread closes that connection.
//! The request then hangs until it times out. On a single thread, the two operations cannot overlap.
//!
//! Bodies are also received on this thread. Otherwise, each part of a body would require two thread switches, and many
//! servers send a part for every few characters.

use std::{future::ready, io, sync::LazyLock};

use banter_shared::chat::ErrorCode;
use bytes::{Bytes, BytesMut};
use futures::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::yield_now,
};
use tokio_util::task::AbortOnDropHandle;

use crate::agents::AgentError;

/// Size, in bytes, at which no more parts are added to a batch.
const BATCH_BYTES: usize = 64 * 1024;
/// Maximum number of batches queued for the receiver of a body.
const WAITING_BATCHES: usize = 2;

static RUNTIME: LazyLock<io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).thread_name("connections").enable_all().build());

/// Runs a task on the connection thread. Dropping the handle aborts the task.
///
/// # Errors
/// Returns an error if the thread could not be started.
pub(super) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> Result<AbortOnDropHandle<T>, AgentError> {
    match &*RUNTIME {
        Ok(runtime) => Ok(AbortOnDropHandle::new(runtime.spawn(task))),
        Err(error) => {
            tracing::error!(%error, "cannot start the connection thread");
            Err(AgentError::new(ErrorCode::AgentError, "The worker could not start the request."))
        }
    }
}

/// A body, as a stream of parts.
pub(super) type Parts = BoxStream<'static, Result<Bytes, AgentError>>;

/// Receives a body on the connection thread, and joins parts that arrive together. Dropping the returned stream drops
/// the body, which closes the connection if the body is incomplete.
pub(super) fn receive(parts: Parts) -> Parts {
    let (batches, received) = mpsc::channel(WAITING_BATCHES);
    let task = match spawn(forward(parts, batches)) {
        Ok(task) => task,
        Err(error) => return stream::once(ready(Err(error))).boxed(),
    };
    let received = stream::unfold((received, task), async |(mut received, task)| {
        received.recv().await.map(|batch| (batch, (received, task)))
    });
    received.boxed()
}

/// Sends the parts of a body in batches. Returns at the end of the body, after an error, or when the receiver has been
/// dropped.
async fn forward(mut parts: Parts, batches: mpsc::Sender<Result<Bytes, AgentError>>) {
    let mut next = parts.next().await;
    while let Some(part) = next {
        let Ok(first) = part else {
            // A receiver that has been dropped does not need the error.
            let _ = batches.send(part).await;
            return;
        };
        let mut batch = BytesMut::from(first);
        let ready = loop {
            // The connection passes on one part at a time. Let it run before checking for the next part.
            yield_now().await;
            match parts.next().now_or_never() {
                Some(Some(Ok(more))) if batch.len() < BATCH_BYTES => batch.extend_from_slice(&more),
                ready => break ready,
            }
        };
        if batches.send(Ok(batch.freeze())).await.is_err() {
            return;
        }
        next = match ready {
            Some(next) => next,
            None => parts.next().await,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn received(parts: Vec<Result<Bytes, AgentError>>) -> Vec<Result<Bytes, AgentError>> {
        receive(stream::iter(parts).boxed()).collect().await
    }

    #[tokio::test]
    async fn joins_parts_that_arrive_together() {
        let parts = vec![Ok(Bytes::from("a")), Ok(Bytes::new()), Ok(Bytes::from("b"))];

        let batches = received(parts).await;

        assert!(matches!(&batches[..], [Ok(batch)] if batch == "ab"), "{batches:?}");
    }

    #[tokio::test]
    async fn passes_on_everything_before_an_error() {
        let error = AgentError::new(ErrorCode::AgentNetwork, "The connection broke.");
        let parts = vec![Ok(Bytes::from("a")), Err(error), Ok(Bytes::from("b"))];

        let batches = received(parts).await;

        assert!(
            matches!(&batches[..], [Ok(batch), Err(error)] if batch == "a" && error.code == ErrorCode::AgentNetwork),
            "{batches:?}"
        );
    }

    #[tokio::test]
    async fn limits_a_batch() {
        let part = Bytes::from(vec![b'a'; BATCH_BYTES]);

        let batches = received(vec![Ok(part.clone()), Ok(part.clone()), Ok(part)]).await;

        assert_eq!(batches.len(), 3);
    }

    #[tokio::test]
    async fn drops_the_body_with_the_received_stream() {
        let (sender, dropped) = tokio::sync::oneshot::channel::<()>();
        let body = stream::once(async move {
            let _sender = sender;
            std::future::pending().await
        });

        drop(receive(body.boxed()));

        assert!(dropped.await.is_err());
    }
}
