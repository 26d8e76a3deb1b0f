//! An event stream, read frame by frame.

use anyhow::{Context as _, Result, ensure};
use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{Method, body::Incoming};
use memchr::memmem;

use super::connection::Connection;

/// An open stream. Dropping it closes the connection.
#[derive(Debug)]
pub struct EventStream {
    body: Incoming,
    buffer: BytesMut,
    _connection: Connection,
}

/// One unparsed event.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Bytes,
}

impl EventStream {
    /// Opens the stream at this path.
    ///
    /// # Errors
    /// Fails if the status is not 200.
    pub async fn open(mut connection: Connection, path: &str) -> Result<Self> {
        let response = connection.request(Method::GET, path, None).await?;
        ensure!(response.status() == 200, "{path}: {}", response.status());
        Ok(Self { body: response.into_body(), buffer: BytesMut::new(), _connection: connection })
    }

    /// Returns the next frame.
    ///
    /// # Errors
    /// Fails if the stream has ended.
    pub async fn next(&mut self) -> Result<Frame> {
        let mut searched = 0;
        loop {
            if let Some(end) = memmem::find(&self.buffer[searched..], b"\n\n") {
                let bytes = self.buffer.split_to(searched + end).freeze();
                self.buffer.advance(2);
                return Ok(Frame { bytes });
            }
            searched = self.buffer.len().saturating_sub(1);
            let frame = self.body.frame().await.context("the stream ended")??;
            if let Some(data) = frame.data_ref() {
                self.buffer.extend_from_slice(data);
            }
        }
    }
}

impl Frame {
    /// Returns the event's position in the user's log, or `None` if the event is not stored.
    pub fn seq(&self) -> Option<u64> {
        let cursor = self.field("id: ")?;
        cursor.rsplit_once('-')?.1.parse().ok()
    }

    /// Returns the event type, or an empty string for a comment.
    pub fn kind(&self) -> &str {
        self.field("event: ").unwrap_or_default()
    }

    /// Returns the event's data, as JSON.
    pub fn data(&self) -> &str {
        self.field("data: ").unwrap_or_default()
    }

    fn field(&self, name: &str) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name))
    }
}

#[cfg(test)]
impl Frame {
    /// Creates a frame.
    pub fn of(text: &str) -> Self {
        Self { bytes: Bytes::copy_from_slice(text.as_bytes()) }
    }
}
