//! What an agent writes to its stderr: read at once, so that it never blocks, and kept only at its end.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{io::AsyncReadExt as _, process::ChildStderr};
use tokio_util::sync::CancellationToken;

/// How much is kept, in bytes.
const KEPT_BYTES: usize = 64 * 1024;
/// How many lines of it go to the log.
const SHOWN_LINES: usize = 20;
/// Stands for a secret.
const REDACTED: &str = "•••";
/// Shorter values are not taken for secrets: they would be found everywhere.
const SHORTEST_SECRET: usize = 4;

/// The end of what was written.
#[derive(Clone, Debug)]
pub struct StderrTail {
    bytes: Arc<Mutex<VecDeque<u8>>>,
    /// The longest first: one may be a part of another.
    secrets: Arc<[String]>,
    ended: CancellationToken,
}

impl StderrTail {
    /// Nothing yet. `secrets` are never shown.
    #[must_use]
    pub fn new(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        Self { bytes: Arc::default(), secrets: secrets.into(), ended: CancellationToken::new() }
    }

    /// Reads to the end.
    pub async fn drain(self, mut stderr: ChildStderr) {
        let _ended = self.ended.clone().drop_guard();
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            self.push(&buffer[..count]);
        }
    }

    /// Waits until all of it was read.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    fn push(&self, more: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend(more);
        let excess = bytes.len().saturating_sub(KEPT_BYTES);
        bytes.drain(..excess);
    }

    /// The last lines, without secrets.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes: Vec<u8> = self.bytes.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        if bytes.len() == KEPT_BYTES {
            // What comes first may be the rest of a secret, which would not be known as one.
            bytes.drain(..self.secrets.first().map_or(0, |longest| longest.len().min(KEPT_BYTES)));
        }
        let text = self.redact(&String::from_utf8_lossy(&bytes));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    /// The text with every secret crossed out.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_no_secret_is_shown() {
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
    fn a_secret_that_is_part_of_another_does_not_give_the_rest_away() {
        let tail = StderrTail::new(vec!["sk-12".into(), "sk-12345".into()]);

        assert_eq!(tail.redact("a sk-12345 b sk-12 c"), "a ••• b ••• c");
    }

    #[test]
    fn a_secret_that_is_kept_in_part_is_not_shown() {
        let tail = StderrTail::new(vec!["sk-12345".into()]);
        tail.push(b"sk-12345");

        tail.push(&vec![b'x'; KEPT_BYTES - 5]);

        assert!(!tail.text().contains("345"));
    }
}
