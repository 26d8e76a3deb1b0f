//! Assembles an answer from the messages of a stream.

use banter_shared::{
    chat::{ErrorCode, FinishReason, Usage},
    lenient_json::replace_marks,
};
use serde_json::Value;

use super::{
    chunk::{self, Finish},
    message::Message,
    output::Output,
    parts::Part,
    reports,
};
use crate::agents::{
    AgentError, Answer, Update,
    openai::errors::{self, Context, Failure},
};

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
    output: Output,
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
    /// Thoughts arrived in a field that lists of details repeat.
    has_plain_thoughts: bool,
    /// Output arrived after a finish reason.
    was_contradicted: bool,
    /// The usage arrived after the finish reason, in its own chunk.
    has_final_usage: bool,
    /// An expected thought without an opening tag was never closed.
    was_never_closed: bool,
}

impl<'a> Assembler<'a> {
    pub fn new(context: Context<'a>, is_unopened: bool) -> Self {
        Self { context, output: Output::new(is_unopened), finish: None, usage: None, flags: Flags::default() }
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
        self.output.has_thoughts() && !self.output.has_text()
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
        if self.output.was_retracted() { Some(true) } else { self.flags.was_never_closed.then_some(false) }
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
                self.output.notices.add_omission();
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
            Part::Text(text) => return self.output.push_text(&text),
            Part::Refusal(text) => {
                self.finish = Some(FinishReason::Refusal);
                return self.output.push_text(&text);
            }
            Part::Thought(text) => {
                self.flags.has_plain_thoughts = true;
                self.output.push_thought(&text);
            }
            Part::ThoughtDetail(text) if !self.flags.has_plain_thoughts => self.output.push_thought(&text),
            Part::ThoughtDetail(_) => {}
            Part::Image(image) => self.output.notices.add_image(&image),
            Part::ToolCall(name) => self.output.notices.add_tool_call(&replace_marks(&name)),
        }
        true
    }

    /// Ends the answer: emits text that was held back, and a notice if the token limit was reached without any text.
    pub fn end(&mut self, is_complete: bool) {
        let is_unopened = self.output.end();
        self.flags.was_never_closed = is_complete && is_unopened;
        if is_complete && !self.output.has_text() && self.finish == Some(FinishReason::Length) {
            self.output.notices.add_token_limit();
        }
    }

    /// Returns the updates since the last call.
    pub fn take_updates(&mut self) -> Vec<Update> {
        self.output.take_updates()
    }

    /// Returns the end of the answer.
    pub fn answer(&self) -> Answer {
        Answer { finish_reason: self.finish.unwrap_or(FinishReason::Stop), usage: self.usage }
    }
}
