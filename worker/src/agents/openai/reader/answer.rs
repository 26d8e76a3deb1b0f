//! Assembles an answer from the messages of a stream.

use banter_shared::{
    chat::{ErrorCode, FinishReason, Usage, sanitize_agent_text},
    lenient_json::{SurrogateJoiner, replace_marks},
};
use serde_json::Value;

use super::{
    chunk::{self, Finish},
    message::Message,
    notices::Notices,
    parts::Part,
    reports,
    think_tags::{Segment, ThinkTags},
    thoughts::Thoughts,
};
use crate::agents::{
    AgentError, Answer, Update,
    openai::errors::{self, Context, Failure},
};

/// Maximum length of an answer, in bytes of UTF-8. A longer one is cut off with the finish reason `length`.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The effect of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is part of the answer.
    Open,
    /// It is not part of an answer.
    Ignored,
    /// It ends the answer.
    Done,
}

/// Assembles an answer.
pub(super) struct Assembler<'a> {
    context: Context<'a>,
    tags: ThinkTags,
    text_halves: SurrogateJoiner,
    thought_halves: SurrogateJoiner,
    thoughts: Thoughts,
    notices: Notices,
    updates: Vec<Update>,
    written_bytes: usize,
    /// Bytes of text that were not retracted.
    kept_bytes: usize,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    flags: Flags,
}

/// Events so far.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read on its own")]
struct Flags {
    is_completion: bool,
    is_done: bool,
    has_output: bool,
    has_thoughts: bool,
    /// Thoughts arrived in a field that lists of details repeat.
    has_plain_thoughts: bool,
    /// Output arrived after a finish reason.
    was_contradicted: bool,
    /// The usage arrived after the finish reason, in its own chunk.
    has_final_usage: bool,
    was_retracted: bool,
    /// An expected thought without an opening tag was never closed.
    was_never_closed: bool,
}

impl<'a> Assembler<'a> {
    pub fn new(context: Context<'a>, is_unopened: bool) -> Self {
        Self {
            context,
            tags: ThinkTags::new(is_unopened),
            text_halves: SurrogateJoiner::default(),
            thought_halves: SurrogateJoiner::default(),
            thoughts: Thoughts::default(),
            notices: Notices::default(),
            updates: Vec::new(),
            written_bytes: 0,
            kept_bytes: 0,
            finish: None,
            usage: None,
            flags: Flags::default(),
        }
    }

    /// Returns the finish reason, unless more output followed it.
    pub fn finish(&self) -> Option<FinishReason> {
        self.finish
    }

    /// Returns whether the server has declared the stream complete.
    pub fn is_done(&self) -> bool {
        self.flags.is_done
    }

    /// Returns whether any message was part of a completion.
    pub fn is_completion(&self) -> bool {
        self.flags.is_completion
    }

    /// Returns whether there were texts, thoughts, or notices.
    pub fn has_output(&self) -> bool {
        self.flags.has_output
    }

    /// Returns whether there were thoughts but no text.
    pub fn has_only_thoughts(&self) -> bool {
        self.flags.has_thoughts && self.kept_bytes == 0
    }

    /// Returns whether output arrived after a finish reason.
    pub fn was_contradicted(&self) -> bool {
        self.flags.was_contradicted
    }

    /// Returns whether the finish reason is trusted even if the connection breaks after it.
    pub fn is_finish_credible(&self) -> bool {
        !self.flags.was_contradicted && !self.has_only_thoughts()
    }

    /// Returns whether the usage arrived in its own chunk after the finish reason.
    pub fn has_final_usage(&self) -> bool {
        self.flags.has_final_usage
    }

    /// Returns whether the answer started with a thought without an opening tag; `None` if unknown.
    pub fn is_unopened(&self) -> Option<bool> {
        if self.flags.was_retracted { Some(true) } else { self.flags.was_never_closed.then_some(false) }
    }

    /// Processes the next message.
    ///
    /// # Errors
    /// The error that the message reports.
    pub fn take(&mut self, message: &Message) -> Result<Progress, Failure> {
        match message {
            Message::Done => {
                self.flags.is_done = true;
                Ok(Progress::Done)
            }
            Message::Object { value: Value::Array(items), is_document } => {
                let mut progress = Progress::Ignored;
                for value in items {
                    match self.take_object(value, *is_document)? {
                        Progress::Done => return Ok(Progress::Done),
                        Progress::Open => progress = Progress::Open,
                        Progress::Ignored => {}
                    }
                }
                Ok(progress)
            }
            Message::Object { value, is_document } => self.take_object(value, *is_document),
            Message::Error(Value::String(words)) => Err(errors::from_words(words, self.context)),
            Message::Error(object) => Err(errors::from_object(object, self.context)),
            Message::TooLong => {
                self.flags.has_output = true;
                self.notices.add_omission();
                Ok(Progress::Open)
            }
            Message::Unknown(_) => Ok(Progress::Ignored),
        }
    }

    fn take_object(&mut self, object: &Value, is_document: bool) -> Result<Progress, Failure> {
        let chunk = chunk::read(object);
        let report = reports::find(object);
        if report.is_none() && !chunk.is_completion && chunk.usage.is_none() {
            return Ok(Progress::Ignored);
        }
        let has_output = !chunk.parts.is_empty();
        self.flags.is_completion |= chunk.is_completion;
        if has_output && self.finish.is_some() {
            self.flags.was_contradicted = true;
            self.finish = self.finish.filter(|finish| *finish == FinishReason::Refusal);
        }
        self.flags.has_final_usage =
            self.finish.is_some() && chunk.usage.is_some() && chunk.finish.is_none() && !has_output;
        self.usage = chunk.usage.or(self.usage);
        for part in chunk.parts {
            if !self.take_part(part) {
                self.finish = Some(FinishReason::Length);
                self.flags.is_done = true;
                return Ok(Progress::Done);
            }
        }
        if let Some(error) = report {
            return Err(errors::from_object(error, self.context));
        }
        match chunk.finish {
            Some(Finish::Aborted) => {
                let message = "The agent's server aborted the answer.";
                return Err(AgentError::new(ErrorCode::AgentError, message).into());
            }
            Some(Finish::Reason(reason)) if self.finish != Some(FinishReason::Refusal) => self.finish = Some(reason),
            // A document is parsed as a whole, so its message is complete, too.
            None if chunk.is_whole && is_document => self.finish = self.finish.or(Some(FinishReason::Stop)),
            Some(Finish::Reason(_)) | None => {}
        }
        Ok(Progress::Open)
    }

    /// Processes a part of the answer. Returns false if the answer is too long.
    fn take_part(&mut self, part: Part) -> bool {
        self.flags.has_output = true;
        match part {
            Part::Text(text) => return self.take_text(&text),
            Part::Refusal(text) => {
                self.finish = Some(FinishReason::Refusal);
                return self.take_text(&text);
            }
            Part::Thought(text) => {
                self.flags.has_plain_thoughts = true;
                self.take_thought(&text);
            }
            Part::ThoughtDetail(text) if !self.flags.has_plain_thoughts => self.take_thought(&text),
            Part::ThoughtDetail(_) => {}
            Part::Image(image) => self.notices.add_image(&image),
            Part::ToolCall(name) => self.notices.add_tool_call(&replace_marks(&name)),
        }
        true
    }

    fn take_thought(&mut self, text: &str) {
        self.tags.set_separate();
        let text = self.thought_halves.push(text);
        self.think(&text);
    }

    fn think(&mut self, text: &str) {
        self.flags.has_thoughts |= !text.trim().is_empty();
        self.thoughts.push(&sanitize_agent_text(text));
    }

    fn take_text(&mut self, text: &str) -> bool {
        self.end_thought_halves();
        let text = self.text_halves.push(text).into_owned();
        let segments = self.tags.push(&sanitize_agent_text(&text));
        self.take_segments(segments)
    }

    fn end_thought_halves(&mut self) {
        let half = self.thought_halves.finish();
        self.thoughts.push(half);
    }

    fn take_segments(&mut self, segments: Vec<Segment>) -> bool {
        for segment in segments {
            match segment {
                Segment::Text(text) => {
                    if !self.write(&text) {
                        return false;
                    }
                }
                Segment::Thought(thought) => self.think(&thought),
                Segment::ThoughtEnd => self.thoughts.end(),
                Segment::Retract(thought) => {
                    self.flags.was_retracted = true;
                    self.kept_bytes = 0;
                    self.updates.push(Update::Retract);
                    self.think(&thought);
                    self.thoughts.end();
                }
            }
        }
        true
    }

    fn write(&mut self, text: &str) -> bool {
        if text.is_empty() {
            return true;
        }
        self.thoughts.end();
        self.push_steps();
        let fitting = &text[..text.floor_char_boundary((MAX_ANSWER_BYTES - self.written_bytes).min(text.len()))];
        self.written_bytes += fitting.len();
        self.kept_bytes += fitting.len();
        match self.updates.last_mut() {
            Some(Update::Text(last)) => last.push_str(fitting),
            _ if fitting.is_empty() => {}
            _ => self.updates.push(Update::Text(fitting.to_owned())),
        }
        fitting.len() == text.len()
    }

    fn push_steps(&mut self) {
        let steps = self.thoughts.take_updates().into_iter().chain(self.notices.take_updates());
        self.updates.extend(steps.map(Update::Step));
    }

    /// Ends the answer: emits text that was held back, and a notice if the token limit was reached without any text.
    pub fn end(&mut self, is_complete: bool) {
        self.end_thought_halves();
        let half = self.text_halves.finish();
        let mut segments = self.tags.push(half);
        self.flags.was_never_closed = is_complete && self.tags.is_unopened();
        segments.extend(self.tags.finish());
        self.take_segments(segments);
        self.thoughts.end();
        if is_complete && self.kept_bytes == 0 && self.finish == Some(FinishReason::Length) {
            self.notices.add_token_limit();
        }
    }

    /// Returns the updates since the last call.
    pub fn take_updates(&mut self) -> Vec<Update> {
        self.push_steps();
        std::mem::take(&mut self.updates)
    }

    /// Returns the end of the answer.
    pub fn answer(&self) -> Answer {
        Answer { finish_reason: self.finish.unwrap_or(FinishReason::Stop), usage: self.usage }
    }
}
