//! Reads an agent's stderr so that the agent never blocks on writing to it, and keeps the end of the output.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{io::AsyncReadExt as _, process::ChildStderr};
use tokio_util::sync::CancellationToken;

/// Maximum number of bytes that are kept.
const KEPT_BYTES: usize = 64 * 1024;
/// Maximum number of lines that are returned.
const SHOWN_LINES: usize = 20;
/// The replacement for a secret.
const REDACTED: &str = "•••";
/// Minimum length, in bytes, of the values that are redacted. Shorter values would also match unrelated text.
const SHORTEST_SECRET: usize = 4;

/// The end of an agent's stderr output.
#[derive(Clone, Debug)]
pub struct StderrTail {
    bytes: Arc<Mutex<VecDeque<u8>>>,
    /// The secrets to redact, longest first, because one secret may contain another.
    secrets: Arc<[String]>,
    ended: CancellationToken,
}

impl StderrTail {
    /// Creates an empty tail that redacts `secrets`.
    #[must_use]
    pub fn new(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        Self { bytes: Arc::default(), secrets: secrets.into(), ended: CancellationToken::new() }
    }

    /// Reads stderr until it is closed.
    pub async fn drain(self, mut stderr: ChildStderr) {
        let _ended = self.ended.clone().drop_guard();
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            self.push(&buffer[..count]);
        }
    }

    /// Waits until stderr has been read to the end.
    pub async fn drained(&self) {
        self.ended.cancelled().await;
    }

    fn push(&self, more: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend(more);
        let excess = bytes.len().saturating_sub(KEPT_BYTES);
        bytes.drain(..excess);
    }

    /// Returns the last lines, with secrets redacted.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes: Vec<u8> = self.bytes.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        if bytes.len() == KEPT_BYTES {
            // The text may start with the end of a truncated secret, which would not be recognized.
            bytes.drain(..self.secrets.first().map_or(0, |longest| longest.len().min(KEPT_BYTES)));
        }
        let text = self.redact(&String::from_utf8_lossy(&bytes));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    /// Redacts every secret in the text.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_the_end_and_redacts_secrets() {
        let tail = StderrTail::new(vec!["sk-12345".into(), "x".into()]);

        for _ in 0..10_000 {
            tail.push(b"a line of the log with sk-12345 in it\n");
        }
        tail.push(b"the last, extra\n");

        assert_eq!(tail.bytes.lock().unwrap().len(), KEPT_BYTES);
        let text = tail.text();
        assert!(text.ends_with("a line of the log with ••• in it\nthe last, extra"), "{text}");
        assert_eq!(text.lines().count(), SHOWN_LINES);
    }

    #[test]
    fn redacts_the_longest_secret_first() {
        let tail = StderrTail::new(vec!["sk-12".into(), "sk-12345".into()]);

        assert_eq!(tail.redact("a sk-12345 b sk-12 c"), "a ••• b ••• c");
    }

    #[test]
    fn hides_a_truncated_secret() {
        let tail = StderrTail::new(vec!["sk-12345".into()]);
        tail.push(b"sk-12345");

        tail.push(&vec![b'x'; KEPT_BYTES - 5]);

        assert!(!tail.text().contains("345"));
    }
}
