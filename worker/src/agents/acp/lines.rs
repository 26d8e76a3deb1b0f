//! Reads lines from an agent's stdout. Only the start and the end of an overlong line are kept.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// Maximum length, in bytes, of a line that is parsed. A single update may contain entire files.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;
/// Number of bytes kept from the start of an overlong line. They usually contain the message's ID.
const HEAD_BYTES: usize = 64 * 1024;
/// Number of bytes kept from the end of an overlong line. They may contain the ID instead.
const TAIL_BYTES: usize = 1024;
/// Maximum capacity, in bytes, that the line buffer keeps for the next line.
const KEPT_BYTES: usize = 1024 * 1024;

/// A line of output.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A complete line, without its newline.
    Complete(&'a [u8]),
    /// A line longer than the limit.
    TooLong {
        /// The start of the line.
        head: &'a [u8],
        /// The end of the line.
        tail: &'a [u8],
    },
}

impl Line<'_> {
    /// Returns how many bytes of the line are kept.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Complete(line) => line.len(),
            Self::TooLong { head, tail } => head.len() + tail.len(),
        }
    }
}

/// Reads lines. The last line may lack a newline.
pub(super) struct LineReader<R> {
    reader: R,
    line: Vec<u8>,
    tail: Vec<u8>,
    max: usize,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    /// Creates a reader for lines of at most `max` bytes.
    pub fn new(reader: R, max: usize) -> Self {
        Self { reader, line: Vec::new(), tail: Vec::new(), max }
    }

    /// Returns the next line, or `None` at end of file.
    pub async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        self.line.shrink_to(KEPT_BYTES);
        self.tail.clear();
        let mut length = 0_usize;
        loop {
            let available = self.reader.fill_buf().await?;
            let is_end = available.is_empty();
            let newline = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..newline.unwrap_or(available.len())];
            length = length.saturating_add(part.len());
            if length <= self.max {
                self.line.extend_from_slice(part);
            } else {
                let room = HEAD_BYTES.min(self.max).saturating_sub(self.line.len());
                self.line.extend_from_slice(&part[..room.min(part.len())]);
                self.line.truncate(HEAD_BYTES);
                self.tail.extend_from_slice(&part[part.len().saturating_sub(TAIL_BYTES)..]);
                self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
            }
            let used = part.len() + usize::from(newline.is_some());
            self.reader.consume(used);
            if newline.is_some() || is_end {
                return Ok(match length {
                    0 if is_end => None,
                    length if length > self.max => Some(Line::TooLong { head: &self.line, tail: &self.tail }),
                    _ => Some(Line::Complete(&self.line)),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frames(text: &[u8], max: usize) -> Vec<String> {
        let mut lines = LineReader::new(text, max);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(match line {
                Line::Complete(line) => String::from_utf8_lossy(line).into_owned(),
                Line::TooLong { head, tail } => format!("too long: {} … {}", head.len(), tail.len()),
            });
        }
        found
    }

    #[tokio::test]
    async fn reads_lines_and_the_rest_after_the_last_newline() {
        assert_eq!(frames(b"one\n\n three\r\nfour", 100).await, ["one", "", " three\r", "four"]);
        assert_eq!(frames(b"", 100).await, [""; 0]);
        assert_eq!(frames(b"one\n", 3).await, ["one"]);
    }

    #[tokio::test]
    async fn reads_the_lines_around_an_overlong_one() {
        let mut text = b"{\"a\":1}\n".to_vec();
        text.extend(vec![b'x'; 300_000]);
        text.extend(b"\n{\"b\":2}\n");
        text.extend(vec![b'y'; 100]);

        assert_eq!(frames(&text, 99).await, ["{\"a\":1}", "too long: 99 … 1024", "{\"b\":2}", "too long: 99 … 100"]);
        assert_eq!(frames(&text, 200_000).await[1], "too long: 65536 … 1024");
    }
}
