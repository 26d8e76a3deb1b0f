//! Sends live text to the processes on this machine that have open streams.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    io,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::SinkExt;
use tokio::{
    net::UnixStream,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};
use tokio_util::codec::FramedWrite;

use super::{
    socket_folder::{OpenFolder, SocketFolder},
    text_channel::{Seal, UserText, framing},
};
use crate::relay::status::Counters;

/// Maximum length of the queue of text to send, and of the queue for each process.
const QUEUE: usize = 1024;
/// Maximum total size of the messages that wait for one process, in bytes. A larger message is queued only if no other
/// message is waiting or being sent.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// Minimum time between searches for new sockets.
const SEARCH_INTERVAL: Duration = Duration::from_millis(100);

/// The queue of text to send. Never blocks.
#[derive(Debug)]
pub(super) struct TextPublisher {
    queue: mpsc::Sender<UserText>,
    counters: Arc<Counters>,
}

/// The messages that wait for one process, bounded in number and size.
#[derive(Debug)]
struct ReaderQueue {
    messages: mpsc::Sender<QueuedMessage>,
    /// The number of bytes that may still be queued.
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct QueuedMessage {
    message: Bytes,
    _room: OwnedSemaphorePermit,
}

impl ReaderQueue {
    fn new() -> (Self, mpsc::Receiver<QueuedMessage>) {
        let (messages, queue) = mpsc::channel(QUEUE);
        (Self { messages, room: Arc::new(Semaphore::new(QUEUE_BYTES)) }, queue)
    }

    /// Queues a message if there is room. Returns whether it was queued.
    fn push(&self, message: &Bytes) -> bool {
        let size = u32::try_from(message.len().min(QUEUE_BYTES)).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size) else { return false };
        self.messages.try_send(QueuedMessage { message: message.clone(), _room: room }).is_ok()
    }
}

/// The task that sends the text.
pub(super) struct Sending {
    queue: mpsc::Receiver<UserText>,
    folder: SocketFolder,
    seal: Seal,
    counters: Arc<Counters>,
    open: Option<OpenFolder>,
    readers: HashMap<OsString, ReaderQueue>,
    searched_at: Option<Instant>,
}

impl TextPublisher {
    /// Creates the queue, and the task that sends its text.
    pub(super) fn new(folder: SocketFolder, seal: Seal, counters: Arc<Counters>) -> (Self, Sending) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let sending = Sending {
            queue,
            folder,
            seal,
            counters: Arc::clone(&counters),
            open: None,
            readers: HashMap::new(),
            searched_at: None,
        };
        (Self { queue: sender, counters }, sending)
    }

    /// Queues text, or drops and counts it if the queue is full.
    pub(super) fn publish(&self, text: UserText) {
        if self.queue.try_send(text).is_err() {
            self.counters.dropped_texts.add(1);
        }
    }
}

impl Sending {
    /// Sends text until the queue is dropped.
    pub(super) async fn run(mut self) {
        while let Some(text) = self.queue.recv().await {
            if self.searched_at.is_none_or(|at| at.elapsed() >= SEARCH_INTERVAL) {
                self.searched_at = Some(Instant::now());
                if let Err(error) = self.search().await {
                    tracing::debug!(%error, "cannot list the sockets for live text");
                    self.open = None;
                }
            }
            if self.readers.is_empty() {
                continue;
            }
            match self.seal.close(&text) {
                Ok(message) => self.send(&message.into()),
                Err(error) => tracing::error!(%error, "cannot encode a message"),
            }
        }
    }

    /// Connects to new sockets, and drops the queues for sockets that were removed or closed.
    async fn search(&mut self) -> io::Result<()> {
        // The folder may have been removed and created again, so reopen it unless there are readers.
        if self.readers.is_empty() || self.open.is_none() {
            self.open = Some(self.folder.open()?);
        }
        let Some(folder) = &self.open else { return Ok(()) };
        let names: HashSet<OsString> = folder.list()?.into_iter().collect();
        self.readers.retain(|name, reader| names.contains(name) && !reader.messages.is_closed());
        for name in names {
            if self.readers.contains_key(&name) {
                continue;
            }
            match folder.connect(&name).await {
                Ok(stream) => {
                    let (reader, queue) = ReaderQueue::new();
                    // The task ends when the queue is dropped or the connection is closed.
                    tokio::spawn(write(stream, queue));
                    self.readers.insert(name, reader);
                }
                Err(error) => tracing::debug!(%error, ?name, "cannot connect to a socket for live text"),
            }
        }
        Ok(())
    }

    /// Passes a message to all connected processes. A process that does not keep up loses the message.
    fn send(&self, message: &Bytes) {
        for reader in self.readers.values() {
            if !reader.push(message) {
                self.counters.dropped_texts.add(1);
            }
        }
    }
}

/// Writes messages to one process until the connection is closed or the queue is dropped. Messages that are ready at
/// the same time are sent together.
async fn write(stream: UnixStream, mut queue: mpsc::Receiver<QueuedMessage>) {
    let mut messages = FramedWrite::new(stream, framing());
    while let Some(next) = queue.recv().await {
        let mut fed = messages.feed(next.message).await;
        while let (Ok(()), Ok(next)) = (&fed, queue.try_recv()) {
            fed = messages.feed(next.message).await;
        }
        let flushed = SinkExt::<Bytes>::flush(&mut messages);
        if fed.is_err() || flushed.await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bounds_the_bytes_that_wait_for_a_process() {
        let (reader, mut queue) = ReaderQueue::new();
        let half = Bytes::from(vec![0; QUEUE_BYTES / 2]);

        assert!(reader.push(&half) && reader.push(&half) && !reader.push(&half));
        let sending = queue.recv().await;
        assert!(!reader.push(&half), "the message still takes room while it is being sent");
        drop(sending);

        assert!(reader.push(&half));
    }

    #[tokio::test]
    async fn a_message_of_any_size_may_wait_alone() {
        let (reader, mut queue) = ReaderQueue::new();
        let large = Bytes::from(vec![0; QUEUE_BYTES + 1]);

        assert!(reader.push(&large) && !reader.push(&Bytes::from_static(b"x")));

        assert_eq!(queue.recv().await.unwrap().message.len(), large.len());
        assert!(reader.push(&large));
    }
}
