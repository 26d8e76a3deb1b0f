//! The queue of frames for one client. Its size is bounded in frames and in bytes to limit the cost of a stalled
//! reader.
//!
//! Guarantees: frames are sent in the order in which they were queued. A frame of any size can be queued: a frame that
//! exceeds the bound waits until the queue is empty.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::SendError},
};
use tokio_stream::wrappers::ReceiverStream;

/// Maximum number of queued frames.
const FRAMES: usize = 64;
/// Maximum size of all queued frames, in bytes.
const BYTES: u32 = 512 * 1024;

/// The sending end. Clones share one bound.
#[derive(Clone, Debug)]
pub(super) struct FrameSender {
    frames: mpsc::Sender<QueuedFrame>,
    room: Arc<Semaphore>,
}

/// A frame and the space that it occupies in the queue.
#[derive(Debug)]
struct QueuedFrame {
    frame: Bytes,
    /// Released on drop.
    _room: OwnedSemaphorePermit,
}

/// The client has disconnected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DisconnectError;

/// Creates a queue and the stream of its frames, which ends when the last clone of the sender is dropped.
pub(super) fn frame_queue() -> (FrameSender, impl Stream<Item = Bytes> + Send + 'static) {
    let (sender, receiver) = mpsc::channel(FRAMES);
    let room = Arc::new(Semaphore::new(BYTES as usize));
    (FrameSender { frames: sender, room }, ReceiverStream::new(receiver).map(|queued| queued.frame))
}

impl FrameSender {
    /// Queues a frame, waiting for space if necessary.
    ///
    /// # Errors
    /// Returns an error if the client has disconnected.
    pub(super) async fn send(&self, frame: Bytes) -> Result<(), DisconnectError> {
        let room = Arc::clone(&self.room).acquire_many_owned(weight(&frame)).await.map_err(|_| DisconnectError)?;
        self.frames.send(QueuedFrame { frame, _room: room }).await.map_err(|SendError(_)| DisconnectError)
    }

    /// Queues a frame if there is space. Returns whether it was queued.
    pub(super) fn try_send(&self, frame: Bytes) -> bool {
        Arc::clone(&self.room)
            .try_acquire_many_owned(weight(&frame))
            .is_ok_and(|room| self.frames.try_send(QueuedFrame { frame, _room: room }).is_ok())
    }

    /// Waits until the client has disconnected.
    pub(super) async fn closed(&self) {
        self.frames.closed().await;
    }
}

/// Returns the space that a frame occupies: its size in bytes, at most the entire bound.
fn weight(frame: &Bytes) -> u32 {
    u32::try_from(frame.len()).unwrap_or(BYTES).min(BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: u32) -> Bytes {
        Bytes::from(vec![b'x'; bytes as usize])
    }

    #[tokio::test]
    async fn is_bounded_in_frames() {
        let (out, mut frames) = frame_queue();

        let taken = std::iter::repeat_with(|| out.try_send(frame(1))).take_while(|taken| *taken).count();

        assert_eq!(taken, FRAMES);
        frames.next().await.unwrap();
        assert!(out.try_send(frame(1)));
    }

    #[tokio::test]
    async fn is_bounded_in_bytes() {
        let (out, mut frames) = frame_queue();

        assert!(out.try_send(frame(BYTES / 2)) && out.try_send(frame(BYTES / 2)));
        assert!(!out.try_send(frame(1)));

        frames.next().await.unwrap();
        assert!(out.try_send(frame(BYTES / 2)));
    }

    #[tokio::test]
    async fn accepts_a_frame_over_the_bound_once_the_queue_is_empty() {
        let (out, mut frames) = frame_queue();
        assert!(out.try_send(frame(1)));
        assert!(!out.try_send(frame(3 * BYTES)));

        let (sent, _) = tokio::join!(out.send(frame(3 * BYTES)), frames.next());

        assert_eq!(sent, Ok(()));
        assert_eq!(frames.next().await.unwrap().len(), 3 * BYTES as usize);
    }

    #[tokio::test]
    async fn a_sender_that_waits_for_space_fails_when_the_client_disconnects() {
        let (out, frames) = frame_queue();
        assert!(out.try_send(frame(BYTES)));

        let (sent, ()) = tokio::join!(out.send(frame(1)), async { drop(frames) });

        assert_eq!(sent, Err(DisconnectError));
        out.closed().await;
    }
}
