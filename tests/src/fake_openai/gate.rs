//! An answer that the test controls chunk by chunk, so that tests do not need to sleep.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use axum::body::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use super::chunk::{content_chunk, cut, ending, thought_chunk};
use crate::wait::PATIENCE;

/// Maximum number of chunks that are waiting to be sent.
const AHEAD: usize = 1024;

/// The test's end of the answer. It sends text, and then either completes the answer or drops the connection. Dropping
/// the gate ends the body without a final chunk.
#[derive(Debug)]
pub struct Gate {
    pieces: mpsc::Sender<Bytes>,
    is_cut: Arc<AtomicBool>,
    arrival: Option<oneshot::Receiver<()>>,
}

/// The server's end of the answer. It serves one request. A later request with the same script gets an empty answer.
#[derive(Clone, Debug)]
pub struct Steps(Arc<Mutex<Option<Ends>>>);

#[derive(Debug)]
struct Ends {
    pieces: mpsc::Receiver<Bytes>,
    is_cut: Arc<AtomicBool>,
    arrived: oneshot::Sender<()>,
}

impl Gate {
    pub(super) fn new() -> (Self, Steps) {
        let (pieces, receiver) = mpsc::channel(AHEAD);
        let (arrived, arrival) = oneshot::channel();
        let is_cut = Arc::new(AtomicBool::new(false));
        let ends = Ends { pieces: receiver, is_cut: is_cut.clone(), arrived };
        let steps = Steps(Arc::new(Mutex::new(Some(ends))));
        (Self { pieces, is_cut, arrival: Some(arrival) }, steps)
    }

    /// Waits until the request has arrived.
    pub async fn arrived(&mut self) {
        if let Some(arrival) = self.arrival.take() {
            let arrived = tokio::time::timeout(PATIENCE, arrival).await;
            arrived.expect("the agent was never prompted").expect("the script was replaced");
        }
    }

    /// Returns whether the request has arrived.
    pub fn has_arrived(&mut self) -> bool {
        if self.arrival.as_mut().is_some_and(|arrival| arrival.try_recv().is_ok()) {
            self.arrival = None;
        }
        self.arrival.is_none()
    }

    /// Sends more text.
    pub async fn send(&self, text: &str) {
        let _ = self.pieces.send(content_chunk(text)).await;
    }

    /// Sends more reasoning text.
    pub async fn think(&self, thought: &str) {
        let _ = self.pieces.send(thought_chunk(thought)).await;
    }

    /// Sends raw bytes.
    pub async fn send_bytes(&self, bytes: &[u8]) {
        let _ = self.pieces.send(Bytes::copy_from_slice(bytes)).await;
    }

    /// Completes the answer normally.
    pub async fn finish(self) {
        for piece in ending("stop", None) {
            let _ = self.pieces.send(piece).await;
        }
    }

    /// Drops the connection.
    pub fn cut(self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    /// Waits until the client has closed the connection.
    pub async fn hung_up(&self) {
        tokio::time::timeout(PATIENCE, self.pieces.closed()).await.expect("the worker did not close the connection");
    }
}

impl Steps {
    pub(super) fn into_pieces(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let ends = self.0.lock().unwrap().take();
        let Some(Ends { pieces, is_cut, arrived }) = ends else {
            return stream::iter(ending("stop", None)).map(Ok).left_stream();
        };
        let _ = arrived.send(());
        // When the chunks end, the gate has been dropped. Only then is it known whether to drop the connection.
        let end = stream::once(async move { is_cut.load(Ordering::SeqCst) });
        let end = end.flat_map(|is_cut| if is_cut { cut().left_stream() } else { stream::empty().right_stream() });
        ReceiverStream::new(pieces).map(Ok).chain(end).right_stream()
    }
}
