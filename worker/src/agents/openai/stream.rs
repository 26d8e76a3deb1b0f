//! Reads an answer, and what was thought before it: an event stream, or one JSON completion from servers that do not
//! stream.

use std::time::Duration;

use banter_shared::chat::{ErrorCode, FinishReason, Usage, sanitize_agent_text};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    body::Body,
    completion,
    sse::{Event, SseError, SseParser},
    thoughts::Thoughts,
};
use crate::agents::{AgentError, Answer, Update};

/// Longest answer, in bytes of UTF-8; a longer one ends here as `length`.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Longest body of an answer that does not stream, in bytes: the text may be escaped sixfold.
const MAX_JSON_BYTES: usize = 8 * MAX_ANSWER_BYTES;
/// How long the server has for the rest (what it counted, and its goodbye) after it said how the answer ended.
const AFTER_FINISH: Duration = Duration::from_secs(5);
/// What a stream ends with.
const DONE: &str = "[DONE]";

/// Reads the whole answer; its text goes to `updates`.
pub(super) async fn read_answer(
    mut body: Body,
    updates: &mpsc::Sender<Update>,
    key: Option<&str>,
) -> Result<Answer, AgentError> {
    let mut head = Vec::new();
    let first = loop {
        match head.trim_ascii_start().first() {
            Some(byte) => break *byte,
            None if head.len() > MAX_JSON_BYTES => return Err(not_a_completion()),
            None => match body.next().await? {
                Some(bytes) => head.extend_from_slice(&bytes),
                None => return Err(cut_short()),
            },
        }
    };
    let mut reader = AnswerReader {
        key,
        updates,
        written_bytes: 0,
        finish: None,
        usage: None,
        thoughts: Thoughts::default(),
        seen_object: false,
        is_completion: false,
    };
    // The first byte tells more than the Content-Type, which gateways and small servers get wrong.
    match first {
        b'{' | b'[' => reader.read_json(body, head).await,
        b'<' => Err(not_a_completion()),
        _ => reader.read_events(body, head).await,
    }
}

/// What is known of an answer in progress.
struct AnswerReader<'a> {
    key: Option<&'a str>,
    updates: &'a mpsc::Sender<Update>,
    written_bytes: usize,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    thoughts: Thoughts,
    /// Some object came, of whatever kind.
    seen_object: bool,
    /// One of them was part of a completion.
    is_completion: bool,
}

/// Whether there is more to read.
#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Open,
    Ended,
}

impl AnswerReader<'_> {
    async fn read_json(&mut self, mut body: Body, head: Vec<u8>) -> Result<Answer, AgentError> {
        let Some(bytes) = body.rest(head, MAX_JSON_BYTES).await? else { return Err(not_a_completion()) };
        let object: Value = serde_json::from_str(&String::from_utf8_lossy(&bytes))
            .map_err(|error| if error.is_eof() { cut_short() } else { not_a_completion() })?;
        let mut text = String::new();
        let outcome = self.add(&object, &mut text);
        self.send(text).await?;
        outcome?;
        if !self.is_completion {
            return Err(not_a_completion());
        }
        Ok(self.answer())
    }

    async fn read_events(&mut self, mut body: Body, head: Vec<u8>) -> Result<Answer, AgentError> {
        let mut parser = SseParser::default();
        let mut next = Some(Bytes::from(head));
        while let Some(bytes) = next {
            let mut events = Vec::new();
            let parsed = parser.push(&bytes, &mut events);
            if self.take(&events).await? == Progress::Ended {
                return Ok(self.answer());
            }
            parsed.map_err(not_events)?;
            if self.finish.is_some() {
                body.hurry(AFTER_FINISH);
            }
            next = match body.next().await {
                Ok(next) => next,
                // The answer itself is complete; what else the server wanted to say is lost, and no loss.
                Err(_) if self.finish.is_some() => return Ok(self.answer()),
                Err(error) => return Err(error),
            };
        }
        self.read_end(parser).await
    }

    /// The stream is over without its last word: a server that just hangs up, or a connection cut in mid-answer.
    async fn read_end(&mut self, parser: SseParser) -> Result<Answer, AgentError> {
        let last = parser.finish().map_err(not_events)?;
        let last = last.filter(|event| event.data == DONE || serde_json::from_str::<Value>(&event.data).is_ok());
        let progress = self.take(last.as_slice()).await?;
        if progress == Progress::Ended || self.finish.is_some() {
            return Ok(self.answer());
        }
        if self.seen_object && !self.is_completion {
            return Err(not_a_completion());
        }
        Err(cut_short())
    }

    /// Takes events; their text is sent on together, also the text before an error.
    async fn take(&mut self, events: &[Event]) -> Result<Progress, AgentError> {
        let mut text = String::new();
        let mut outcome = Ok(Progress::Open);
        for event in events {
            outcome = self.take_event(event, &mut text);
            if !matches!(outcome, Ok(Progress::Open)) {
                break;
            }
        }
        self.send(text).await?;
        outcome
    }

    fn take_event(&mut self, event: &Event, text: &mut String) -> Result<Progress, AgentError> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(Progress::Open);
        }
        if data == DONE {
            return Ok(Progress::Ended);
        }
        match serde_json::from_str::<Value>(data) {
            Ok(object) => self.add(&object, text),
            Err(_) if event.name == "error" => self.add(&serde_json::json!({ "error": data }), text),
            Err(_) => Err(not_a_completion()),
        }
    }

    fn add(&mut self, object: &Value, text: &mut String) -> Result<Progress, AgentError> {
        let piece = completion::read(object, self.key)?;
        self.seen_object = true;
        self.is_completion |= piece.is_completion;
        self.usage = piece.usage.or(self.usage);
        self.finish = match (self.finish, piece.finish) {
            (Some(FinishReason::Refusal), _) => Some(FinishReason::Refusal),
            (earlier, finish) => finish.or(earlier),
        };
        self.thoughts.push(&sanitize_agent_text(&piece.thought));
        if !piece.text.is_empty() {
            self.thoughts.end();
        }
        let more = sanitize_agent_text(&piece.text);
        let room = MAX_ANSWER_BYTES - self.written_bytes;
        let fitting = &more[..more.floor_char_boundary(room)];
        text.push_str(fitting);
        self.written_bytes += fitting.len();
        if fitting.len() < more.len() {
            self.finish = Some(FinishReason::Length);
            return Ok(Progress::Ended);
        }
        Ok(Progress::Open)
    }

    /// Sends text, and what was thought before it.
    async fn send(&mut self, text: String) -> Result<(), AgentError> {
        let steps = self.thoughts.take_updates().into_iter().map(Update::Step);
        let text = Some(text).filter(|text| !text.is_empty()).map(Update::Text);
        for update in steps.chain(text) {
            self.updates.send(update).await.map_err(|_| AgentError::stopped())?;
        }
        Ok(())
    }

    fn answer(&self) -> Answer {
        Answer { finish_reason: self.finish.unwrap_or(FinishReason::Stop), usage: self.usage }
    }
}

fn not_events(error: SseError) -> AgentError {
    match error {
        SseError::NotEvents => not_a_completion(),
        SseError::TooLong => {
            AgentError::new(ErrorCode::AgentProtocol, "The agent's server sent a line that is too long.")
        }
    }
}

fn not_a_completion() -> AgentError {
    let message = "The agent's server answers with something that is no chat completion: check `base_url`.";
    AgentError::new(ErrorCode::AgentProtocol, message)
}

fn cut_short() -> AgentError {
    AgentError::new(ErrorCode::AgentNetwork, "The connection to the agent's server ended in mid-answer.")
}
