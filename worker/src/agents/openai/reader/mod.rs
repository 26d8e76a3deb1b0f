//! Reads an answer from the body of a response.
//!
//! Each stage tolerates deviations and passes clean values to the next one: bytes → text (`charset`) → lines of bounded
//! length (`lines`) → frames (`frames`) → messages (`message`) → chunks (`chunk`, `parts`) → the answer (`answer`).
//! A chunk in the ordinary form takes a shorter path (`plain_chunk`). Unknown but harmless input is counted and ignored.
//! If the server reports an error (`reports`), the answer fails.
//!
//! **End of the answer.** An answer is complete when the server does one of the following:
//! - It sends `[DONE]`.
//! - It ends the body after a `finish_reason`.
//! - It sends no more of the answer for [`QUIET`] (or [`QUIET_AFTER_USAGE`]) after a `finish_reason`. If there are
//!   thoughts but no text, the idle timeout applies instead.
//!
//! An answer is also complete if it reaches the maximum length, or if the connection breaks after a credible
//! `finish_reason`.
//!
//! A `finish_reason` other than a refusal does not count if more output follows, because some servers send one in each
//! chunk. An answer without a `finish_reason` fails if the server's last message explains the failure (`last_words`).

mod answer;
mod charset;
mod chunk;
mod frames;
mod images;
mod json;
mod last_frame;
mod last_words;
mod lines;
mod message;
mod notices;
mod output;
mod parts;
mod plain_chunk;
mod repetition;
mod reports;
mod think_tags;
mod thoughts;

use std::time::Duration;

use banter_shared::chat::ErrorCode;
use serde_json::Value;
use tokio::{sync::mpsc, time::Instant};

use self::{
    answer::{Assembler, MessageEffect},
    charset::TextDecoder,
    frames::FrameSplitter,
    last_frame::{LastFrame, mentions_output},
    message::ServerMessage,
};
use super::{
    body::Body,
    errors::{Context, Failure, one_line},
};
use crate::agents::{AgentError, Answer, Update};

/// Time from a `finish_reason` to the end of the answer if no more of the answer arrives. This is longer than usual
/// pauses between chunks, because some servers send a `finish_reason` in each chunk.
const QUIET: Duration = Duration::from_secs(15);
/// Like [`QUIET`], but measured from usage that arrives in a separate chunk after the `finish_reason`. Only `[DONE]`
/// follows that chunk.
const QUIET_AFTER_USAGE: Duration = Duration::from_secs(3);
/// Maximum number of unknown messages before any part of an answer.
const MAX_UNKNOWN_FRAMES: usize = 1_000;
/// Maximum length, in characters, of a quote from an unrecognized body.
const MAX_QUOTE_CHARS: usize = 200;

/// The result of reading an answer.
pub(super) struct ReadResult {
    /// The answer, or the failure to read all of it.
    pub outcome: Result<Answer, Failure>,
    /// Whether there was any output.
    pub has_output: bool,
    /// Whether the answer started with a thought that has no opening tag; `None` if unknown.
    pub is_unopened: Option<bool>,
}

/// Reads a whole answer, and sends its text, thoughts, and notices to `updates`. `is_unopened` states whether the
/// model's earlier answers started with a thought that has no opening tag.
pub(super) async fn read(
    body: Body,
    updates: &mpsc::Sender<Update>,
    context: Context<'_>,
    is_unopened: bool,
) -> ReadResult {
    let mut reader = AnswerReader {
        decoder: TextDecoder::new(body.content_type()),
        body,
        frames: FrameSplitter::default(),
        assembler: Assembler::new(context, is_unopened),
        updates,
        unknown: 0,
        first_unknown: None,
        quiet_at: None,
    };
    let outcome = reader.read().await;
    let flushed = reader.flush(outcome.is_ok()).await;
    if reader.unknown > 0 {
        tracing::info!(ignored_frames = reader.unknown, "ignored unrecognized frames from the agent's server");
    }
    ReadResult {
        outcome: outcome.and_then(|()| Ok(flushed.map(|()| reader.assembler.answer())?)),
        has_output: reader.assembler.has_output(),
        is_unopened: reader.assembler.is_unopened(),
    }
}

/// Returns the part of an object that reports an error, if any.
pub(super) fn find_report(object: &Value) -> Option<&Value> {
    reports::find(object)
}

struct AnswerReader<'a> {
    body: Body,
    decoder: TextDecoder,
    frames: FrameSplitter,
    assembler: Assembler<'a>,
    updates: &'a mpsc::Sender<Update>,
    /// Number of messages that were not recognized as part of an answer.
    unknown: usize,
    /// The start of the first such message.
    first_unknown: Option<String>,
    /// When the answer ends if no more of it arrives.
    quiet_at: Option<Instant>,
}

impl AnswerReader<'_> {
    /// Reads to the end of the answer.
    async fn read(&mut self) -> Result<(), Failure> {
        loop {
            let bytes = match self.body.next(self.quiet_at).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return self.read_end().await,
                Err(error) => return self.read_break(error).await,
            };
            let text = self.decoder.push(&bytes);
            let messages = self.frames.push(&text).iter().flat_map(message::read).collect();
            let progress = self.take(messages);
            self.send().await?;
            if progress? == MessageEffect::Done {
                return self.check_completion();
            }
        }
    }

    /// Processes what remains at the end of the body.
    async fn read_end(&mut self) -> Result<(), Failure> {
        let cut = self.read_last().await?;
        let is_done = cut == LastFrame::Done || self.assembler.is_done();
        // If the last chunk was cut off, an earlier finish reason does not count, because the server may send one in
        // every chunk.
        if is_done || (cut == LastFrame::Complete && self.assembler.finish().is_some()) {
            return self.check_completion();
        }
        if self.unknown > 0 && !self.assembler.has_output() && !self.assembler.is_completion() {
            return Err(self.not_a_completion());
        }
        Err(self.explained().unwrap_or_else(|| cut_short().into()))
    }

    /// Handles a broken connection or a timeout.
    async fn read_break(&mut self, error: AgentError) -> Result<(), Failure> {
        let is_silence = error.code == ErrorCode::Timeout;
        let last = self.read_last().await?;
        let is_complete = match last {
            LastFrame::Done => true,
            LastFrame::Complete | LastFrame::CutOutput if self.assembler.is_done() => true,
            LastFrame::CutOutput => false,
            LastFrame::Complete => {
                self.assembler.finish().is_some() && (is_silence || self.assembler.is_finish_credible())
            }
        };
        if is_complete { self.check_completion() } else { Err(self.assembler.with_words(error).into()) }
    }

    /// Processes the remaining frames. The last one may be incomplete.
    async fn read_last(&mut self) -> Result<LastFrame, Failure> {
        let text = self.decoder.finish();
        let mut frames = self.frames.push(&text);
        frames.extend(self.frames.finish());
        let mut messages: Vec<ServerMessage> = frames.iter().flat_map(message::read).collect();
        let cut = messages.pop_if(|last| matches!(last, ServerMessage::Unknown(_) | ServerMessage::Loss(_)));
        let progress = self.take(messages);
        self.send().await?;
        if progress? == MessageEffect::Done {
            return Ok(LastFrame::Done);
        }
        let Some(ServerMessage::Unknown(cut) | ServerMessage::Loss(cut)) = cut else { return Ok(LastFrame::Complete) };
        if !cut.starts_with(['{', '[']) {
            self.count_unknown(&cut);
            return Ok(LastFrame::Complete);
        }
        let is_output = self.assembler.finish().is_none() || self.assembler.was_contradicted() || mentions_output(&cut);
        Ok(if is_output { LastFrame::CutOutput } else { LastFrame::Complete })
    }

    fn take(&mut self, messages: Vec<ServerMessage>) -> Result<MessageEffect, Failure> {
        for message in messages {
            match &message {
                ServerMessage::Unknown(text) | ServerMessage::Words(text) => {
                    self.count_unknown(text);
                    if self.unknown > MAX_UNKNOWN_FRAMES && !self.assembler.is_completion() {
                        return Err(self.not_a_completion());
                    }
                }
                ServerMessage::Loss(text) => self.count_unknown(text),
                ServerMessage::Done
                | ServerMessage::Plain(_)
                | ServerMessage::Object { .. }
                | ServerMessage::Error(_)
                | ServerMessage::TooLong => {}
            }
            match self.assembler.take(&message)? {
                MessageEffect::Done => return Ok(MessageEffect::Done),
                MessageEffect::Ignored => {
                    if let ServerMessage::Object { value, .. } = message {
                        self.count_unknown(&value.to_string());
                    }
                }
                // Chunks that add nothing must not postpone the end of the answer.
                MessageEffect::Idle if self.quiet_at.is_some() => {}
                MessageEffect::Idle | MessageEffect::Output => {
                    self.quiet_at = self.silence().map(|silence| Instant::now() + silence);
                }
            }
        }
        Ok(MessageEffect::Idle)
    }

    /// Returns the time until the answer ends if no more of it arrives, or `None` if there is no finish reason yet.
    fn silence(&self) -> Option<Duration> {
        self.assembler.finish()?;
        let idle = self.body.idle_timeout();
        Some(if self.assembler.has_only_thoughts() {
            idle
        } else if self.assembler.has_final_usage() {
            idle.min(QUIET_AFTER_USAGE)
        } else {
            idle.min(QUIET)
        })
    }

    fn count_unknown(&mut self, text: &str) {
        self.unknown += 1;
        self.first_unknown.get_or_insert_with(|| one_line(text, MAX_QUOTE_CHARS));
    }

    /// Sends the new updates.
    async fn send(&mut self) -> Result<(), AgentError> {
        for update in self.assembler.take_updates() {
            self.updates.send(update).await.map_err(|_| AgentError::stopped())?;
        }
        Ok(())
    }

    /// Ends the answer and sends the updates that were held back.
    async fn flush(&mut self, is_complete: bool) -> Result<(), AgentError> {
        self.assembler.end(is_complete);
        self.send().await
    }

    /// Fails if the body contained no part of an answer, or if there is no finish reason and a trailing message reports
    /// a failure. A body that contains only the end marker is an empty answer.
    fn check_completion(&self) -> Result<(), Failure> {
        if self.assembler.finish().is_none()
            && let Some(failure) = self.explained()
        {
            return Err(failure);
        }
        if self.assembler.is_completion() || (self.unknown == 0 && self.assembler.is_done()) {
            return Ok(());
        }
        Err(if self.unknown > 0 { self.not_a_completion() } else { cut_short().into() })
    }

    /// Returns the failure that the server's trailing message reports. If there was no output and the message is plain
    /// text without a recognized cause, the failure says that the response is not a chat completion.
    fn explained(&self) -> Option<Failure> {
        let failure = self.assembler.explained()?;
        let is_other = !self.assembler.has_output() && failure.error.code == ErrorCode::AgentError;
        Some(match self.assembler.last_text() {
            Some(text) if is_other => not_a_completion(&one_line(text, MAX_QUOTE_CHARS)),
            Some(_) | None => failure,
        })
    }

    fn not_a_completion(&self) -> Failure {
        not_a_completion(self.first_unknown.as_deref().unwrap_or_default())
    }
}

fn not_a_completion(response: &str) -> Failure {
    let message = if response.is_empty() || response.starts_with('<') {
        "The agent's server returned a web page instead of a chat completion. Check `base_url`.".to_owned()
    } else {
        format!("The agent's server did not return a chat completion. Check `base_url`. The response was: {response}")
    };
    AgentError::new(ErrorCode::AgentProtocol, message).into()
}

fn cut_short() -> AgentError {
    AgentError::new(ErrorCode::AgentNetwork, "The agent's server closed the connection in the middle of the answer.")
}
