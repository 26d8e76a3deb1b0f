//! The connection of an event stream.
//!
//! Frames that are ready at the same time, such as those that a busy socket has delayed, are sent in one write. Input
//! from the client is discarded. The stream ends when the client closes its sending side, because such a client is
//! assumed to have stopped reading.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    net::Shutdown,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::{activity::SILENCE_LIMIT, connections::ConnectionPermit, exchange::HttpExchange, takeover::Takeover};
use crate::stream::EventStream;

/// Maximum number of frames per write.
const FRAMES: usize = 32;
/// Number of bytes at which no more frames are added to a write.
const WRITE_BYTES: usize = 64 * 1024;
/// The chunk that ends a body (RFC 9112, section 7.1).
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");
/// Maximum number of bytes that a client may send after its request.
const MAX_INPUT: usize = 64 * 1024;

/// The connection of an event stream.
pub(super) struct StreamConnection {
    stream: TcpStream,
    events: EventStream,
    is_chunked: bool,
    /// The data that remains to be written.
    pending: VecDeque<Bytes>,
    /// Whether the body ends after `pending`.
    is_complete: bool,
    /// The number of bytes that the client may still send before it is disconnected.
    input_left: usize,
    /// The timer that limits how long a client that is not reading can delay a shutdown.
    patience: Option<Pin<Box<Sleep>>>,
    _exchange: HttpExchange,
    _permit: ConnectionPermit,
}

impl StreamConnection {
    /// Creates the connection for an event stream that takes over this socket from hyper.
    pub(super) fn new(stream: TcpStream, takeover: Takeover, permit: ConnectionPermit) -> Self {
        let Takeover { events, exchange, is_chunked } = takeover;
        Self {
            stream,
            events,
            is_chunked,
            pending: VecDeque::new(),
            is_complete: false,
            input_left: MAX_INPUT,
            patience: None,
            _exchange: exchange,
            _permit: permit,
        }
    }

    /// Writes the stream until it ends or the client disconnects.
    pub(super) async fn run(mut self) {
        if let Err(error) = std::future::poll_fn(|context| self.poll(context)).await {
            tracing::debug!(%error, "stream failed");
        }
        // This fails if the client has already disconnected.
        let _ = SockRef::from(&self.stream).shutdown(Shutdown::Write);
    }

    /// Reads and writes as much as possible. Completes when the stream ends or the client disconnects.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.events.register(context);
        if let Poll::Ready(ended) = self.poll_input(context) {
            return Poll::Ready(ended);
        }
        loop {
            self.collect(context);
            if self.pending.is_empty() {
                return if self.is_complete { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            match self.poll_write(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.events.is_revoked() => return Poll::Ready(Ok(())),
                Poll::Pending if self.events.is_draining() => {
                    let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(SILENCE_LIMIT)));
                    return patience.as_mut().poll(context).map(Ok);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Discards input from the client. Completes when the client closes its sending side, or has sent more than
    /// [`MAX_INPUT`].
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut discarded = [0; 256];
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(&mut discarded) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(count) => match self.input_left.checked_sub(count) {
                    Some(left) => self.input_left = left,
                    None => return Poll::Ready(Ok(())),
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Collects the frames that are ready, up to the limits for one write.
    fn collect(&mut self, context: &mut Context<'_>) {
        let mut bytes: usize = self.pending.iter().map(Bytes::len).sum();
        while !self.is_complete && self.pending.len() < FRAMES && bytes < WRITE_BYTES {
            match self.events.poll_frame(context) {
                Poll::Ready(Some(frame)) => {
                    bytes += frame.size();
                    self.pending.push_back(if self.is_chunked { frame.chunk() } else { frame.text() });
                }
                Poll::Ready(None) => {
                    self.is_complete = true;
                    if self.is_chunked {
                        self.pending.push_back(LAST_CHUNK);
                    }
                }
                Poll::Pending => break,
            }
        }
    }

    /// Writes as much of the collected frames as one write accepts.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Poll::Ready(writable) = self.stream.poll_write_ready(context) else {
                self.events.set_stalled(true);
                return Poll::Pending;
            };
            writable?;
            let mut slices = [IoSlice::new(&[]); FRAMES];
            let count = slices.iter_mut().zip(&self.pending).map(|(slice, bytes)| *slice = IoSlice::new(bytes)).count();
            match self.stream.try_write_vectored(&slices[..count]) {
                Ok(written) => {
                    self.events.set_stalled(false);
                    self.patience = None;
                    self.advance(written);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Removes the written bytes from `pending`.
    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.pending.front_mut() {
            if first.len() > written {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.pending.pop_front();
        }
        self.pending.shrink_to(4);
    }
}
