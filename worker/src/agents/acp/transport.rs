//! The lines between us and an agent: bounded in length and in sum, and nothing in them that is no message.
//!
//! Agents print things to stdout that do not belong there. A line that is no JSON object is left out.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use agent_client_protocol::Lines;
use futures::{Sink, Stream, sink, stream};
use serde::de::IgnoredAny;
use std::sync::Arc;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
};

/// Longest line.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Most that an agent may send in one turn.
const MAX_TURN_BYTES: u64 = 64 * 1024 * 1024;

/// What is watched while lines come in.
#[derive(Debug, Default)]
pub(super) struct Intake {
    turn_bytes: AtomicU64,
    fault: Mutex<Option<String>>,
}

impl Intake {
    /// A turn begins.
    pub fn begin_turn(&self) {
        self.turn_bytes.store(0, Ordering::Relaxed);
    }

    /// Why reading ended before the agent did: a sentence for people.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, line: &[u8]) -> Result<(), String> {
        let bytes = line.len() as u64;
        if self.turn_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_TURN_BYTES {
            return Err(format!("The agent sent more than {} MiB in one turn.", MAX_TURN_BYTES >> 20));
        }
        Ok(())
    }

    fn fail(&self, problem: String) -> io::Error {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem.clone());
        io::Error::new(io::ErrorKind::InvalidData, problem)
    }
}

/// The transport to an agent. When it is dropped the agent's stdin is closed.
pub(super) fn transport(
    stdin: ChildStdin,
    stdout: ChildStdout,
    intake: Arc<Intake>,
) -> Lines<impl Sink<String, Error = io::Error> + Send + 'static, impl Stream<Item = io::Result<String>> + Send + 'static>
{
    let outgoing = sink::unfold(stdin, |mut stdin, mut line: String| async move {
        line.push('\n');
        stdin.write_all(line.as_bytes()).await?;
        stdin.flush().await?;
        Ok(stdin)
    });
    let incoming = stream::unfold(Some(BufReader::with_capacity(64 * 1024, stdout)), move |reader| {
        let intake = Arc::clone(&intake);
        async move {
            let mut reader = reader?;
            match next_message(&mut reader, &intake).await {
                Ok(Some(line)) => Some((Ok(line), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    Lines::new(outgoing, incoming)
}

async fn next_message(reader: &mut (impl AsyncBufRead + Unpin), intake: &Intake) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if !read_line(reader, &mut line, intake).await? {
            return Ok(None);
        }
        intake.take(&line).map_err(|problem| intake.fail(problem))?;
        let text = String::from_utf8_lossy(&line);
        if text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok() {
            return Ok(Some(text.into_owned()));
        }
        tracing::debug!(bytes = line.len(), "an agent wrote something that is no message");
    }
}

/// Reads up to the next newline. False at the end; what has no newline by then is no line.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>, intake: &Intake) -> io::Result<bool> {
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(false);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        if line.len() + part.len() > MAX_LINE_BYTES {
            return Err(intake.fail(format!("The agent sent a line of more than {} MiB.", MAX_LINE_BYTES >> 20)));
        }
        line.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn messages(mut text: &[u8]) -> (Vec<String>, Option<String>) {
        let intake = Intake::default();
        let mut found = Vec::new();
        while let Ok(Some(line)) = next_message(&mut text, &intake).await {
            found.push(line);
        }
        (found, intake.fault())
    }

    #[tokio::test]
    async fn what_is_no_message_is_left_out() {
        let (found, fault) =
            messages(b"starting\n{\"a\":1}\n\n\xff\xfe\n[1]\n{\"b\"\n  {\"c\":2}\r\n\x1b[31mred\x1b[0m\n{\"d\":3}")
                .await;

        assert_eq!(found, ["{\"a\":1}", "  {\"c\":2}\r"]);
        assert_eq!(fault, None);
    }

    #[tokio::test]
    async fn a_line_has_a_limit() {
        let mut text = b"{\"a\":1}\n".to_vec();
        text.extend(vec![b'x'; MAX_LINE_BYTES + 1]);

        let (found, fault) = messages(&text).await;

        assert_eq!(found.len(), 1);
        assert_eq!(fault.as_deref(), Some("The agent sent a line of more than 1 MiB."));
    }

    #[test]
    fn a_turn_has_a_limit_of_its_own() {
        let intake = Intake::default();
        let line = vec![b'x'; MAX_LINE_BYTES];
        let whole = MAX_TURN_BYTES / line.len() as u64;
        for _ in 0..2 {
            intake.begin_turn();
            for _ in 0..whole {
                intake.take(&line).unwrap();
            }
        }

        assert_eq!(intake.take(b"x"), Err("The agent sent more than 64 MiB in one turn.".to_owned()));
    }
}
