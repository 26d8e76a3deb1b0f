//! Assembles an answer from the messages in a stream.

use banter_shared::{
    chat::{FinishReason, Usage},
    lenient_json::replace_marks,
};
use serde_json::Value;

use super::{
    chunk::{self, Chunk, Finish},
    images::{Image, ImageContent},
    last_words::LastWords,
    message::ServerMessage,
    output::Output,
    parts::{Part, ToolCall},
    repetition, reports,
};
use crate::agents::{
    AgentError, Answer, Update,
    openai::errors::{self, Context, Failure},
};

/// The effect of a message on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageEffect {
    /// The message adds to the answer.
    Output,
    /// The message is part of the answer but adds nothing to it.
    Idle,
    /// The message is not part of an answer.
    Ignored,
    /// The message ends the answer.
    Done,
}

/// Assembles an answer.
pub(super) struct Assembler<'a> {
    context: Context<'a>,
    output: Output,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    /// The index of the choice used as the answer.
    choice: Option<u64>,
    /// Text or an object that the server has sent outside the answer since the last output.
    words: LastWords,
    flags: Flags,
}

/// Facts about the stream so far.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read on its own")]
struct Flags {
    is_completion: bool,
    is_done: bool,
    has_output: bool,
    /// Parts arrived as deltas.
    has_deltas: bool,
    /// Output arrived after a finish reason.
    was_contradicted: bool,
    /// The usage arrived in a separate chunk, after the finish reason.
    has_final_usage: bool,
    /// A thought without an opening tag was expected, but there was no closing tag.
    was_never_closed: bool,
}

impl<'a> Assembler<'a> {
    pub fn new(context: Context<'a>, is_unopened: bool) -> Self {
        Self {
            context,
            output: Output::new(is_unopened),
            finish: None,
            usage: None,
            choice: None,
            words: LastWords::default(),
            flags: Flags::default(),
        }
    }

    /// Returns the finish reason. Any reason but `Refusal` is discarded when more output follows it.
    pub fn finish(&self) -> Option<FinishReason> {
        self.finish
    }

    /// Returns whether the server has marked the stream as complete, or the answer is too long.
    pub fn is_done(&self) -> bool {
        self.flags.is_done
    }

    /// Returns whether any message was part of a completion.
    pub fn is_completion(&self) -> bool {
        self.flags.is_completion
    }

    /// Returns whether any part of the answer has arrived, even one that was omitted or could not be read.
    pub fn has_output(&self) -> bool {
        self.flags.has_output
    }

    /// Returns whether there have been thoughts but no text.
    pub fn has_only_thoughts(&self) -> bool {
        self.output.has_thoughts() && !self.output.has_text()
    }

    /// Returns whether output has arrived after a finish reason.
    pub fn was_contradicted(&self) -> bool {
        self.flags.was_contradicted
    }

    /// Returns whether to trust the finish reason even if the connection breaks afterward.
    pub fn is_finish_credible(&self) -> bool {
        !self.flags.was_contradicted && !self.has_only_thoughts()
    }

    /// Returns whether the usage arrived in a separate chunk, after the finish reason.
    pub fn has_final_usage(&self) -> bool {
        self.flags.has_final_usage
    }

    /// Returns whether the answer started with a thought that has no opening tag; `None` if unknown.
    pub fn is_unopened(&self) -> Option<bool> {
        if self.output.was_retracted() { Some(true) } else { self.flags.was_never_closed.then_some(false) }
    }

    /// Returns the failure that the server's trailing message reports, or `None` if there is no such message or the
    /// message reports success.
    pub fn explained(&self) -> Option<Failure> {
        self.words.failure(self.context)
    }

    /// Returns the trailing text that the server sent outside the answer, or `None` if it sent an object.
    pub fn last_text(&self) -> Option<&str> {
        self.words.text()
    }

    /// Adds the server's trailing message to an error.
    pub fn with_words(&self, error: AgentError) -> AgentError {
        self.words.added_to(error, self.context)
    }

    /// Processes the next message.
    ///
    /// # Errors
    /// Returns the failure that the message reports.
    pub fn take(&mut self, message: &ServerMessage) -> Result<MessageEffect, Failure> {
        match message {
            ServerMessage::Done => {
                self.flags.is_done = true;
                Ok(MessageEffect::Done)
            }
            ServerMessage::Object { value: Value::Array(items), is_document } => {
                let mut progress = MessageEffect::Ignored;
                for value in items {
                    match self.take_object(value, *is_document)? {
                        MessageEffect::Done => return Ok(MessageEffect::Done),
                        MessageEffect::Output => progress = MessageEffect::Output,
                        MessageEffect::Idle if progress == MessageEffect::Ignored => progress = MessageEffect::Idle,
                        MessageEffect::Idle | MessageEffect::Ignored => {}
                    }
                }
                Ok(progress)
            }
            ServerMessage::Object { value, is_document } => self.take_object(value, *is_document),
            ServerMessage::Plain(chunk) => self.take_chunk(chunk.to_chunk(self.choice), None, false),
            ServerMessage::Error(Value::String(words)) => Err(errors::from_words(words, self.context)),
            ServerMessage::Error(object) => Err(errors::from_object(object, self.context)),
            ServerMessage::TooLong => {
                self.flags.has_output = true;
                self.output.notices.add_omission();
                Ok(MessageEffect::Output)
            }
            ServerMessage::Loss(_) => {
                self.flags.has_output = true;
                self.output.notices.add_loss();
                Ok(MessageEffect::Output)
            }
            ServerMessage::Words(words) => {
                self.words.push(words);
                Ok(MessageEffect::Ignored)
            }
            ServerMessage::Unknown(_) => Ok(MessageEffect::Ignored),
        }
    }

    fn take_object(&mut self, object: &Value, is_document: bool) -> Result<MessageEffect, Failure> {
        let mut chunk = chunk::read(object, self.choice);
        if chunk.is_repeatable && (self.flags.has_deltas || chunk.finish.is_some()) {
            repetition::remove(&mut chunk.parts, &self.output);
        }
        if chunk.parts.is_empty() {
            self.words.push_object(object);
        }
        self.take_chunk(chunk, reports::find(object), is_document)
    }

    /// Processes a chunk and the error that it reports, if any.
    fn take_chunk(
        &mut self,
        chunk: Chunk,
        report: Option<&Value>,
        is_document: bool,
    ) -> Result<MessageEffect, Failure> {
        if !chunk.parts.is_empty() {
            self.choice.get_or_insert(chunk.index);
            self.flags.has_deltas |= !chunk.is_repeatable;
        }
        if chunk.has_others {
            self.output.notices.add_choices();
        }
        let has_output = !chunk.parts.is_empty();
        if has_output {
            self.words = LastWords::default();
        }
        if report.is_none() && !chunk.is_completion && chunk.usage.is_none() {
            return Ok(MessageEffect::Ignored);
        }
        self.flags.is_completion |= chunk.is_completion;
        if has_output && self.finish.is_some() {
            self.flags.was_contradicted = true;
            self.finish = self.finish.filter(|finish| *finish == FinishReason::Refusal);
        }
        let has_new_usage = chunk.usage.is_some() && chunk.usage != self.usage;
        if has_output || chunk.usage.is_some() {
            self.flags.has_final_usage = self.finish.is_some() && chunk.finish.is_none() && !has_output;
        }
        self.usage = chunk.usage.or(self.usage);
        let finish = self.finish;
        for part in chunk.parts {
            if !self.take_part(part) {
                self.finish = Some(FinishReason::Length);
                self.flags.is_done = true;
                return Ok(MessageEffect::Done);
            }
        }
        if let Some(error) = report {
            return Err(errors::from_object(error, self.context));
        }
        match chunk.finish {
            Some(Finish::Aborted(reason)) => return Err(errors::from_abort(&reason, self.context)),
            Some(Finish::Reason(reason)) => self.finish = Some(stronger(self.finish, reason)),
            Some(Finish::Unknown(reason)) => {
                self.finish = self.finish.or(Some(FinishReason::Stop));
                self.output.notices.add_finish_reason(&reason);
            }
            // A document has arrived completely, and so has the message in it.
            None if chunk.is_whole && is_document => self.finish = self.finish.or(Some(FinishReason::Stop)),
            None => {}
        }
        let is_news = has_output || has_new_usage || self.finish != finish;
        Ok(if is_news { MessageEffect::Output } else { MessageEffect::Idle })
    }

    /// Processes a part of the answer. Returns `false` if the answer is too long.
    fn take_part(&mut self, part: Part) -> bool {
        self.flags.has_output = true;
        match part {
            Part::Text(text) => return self.output.push_text(&text),
            Part::Refusal(text) => {
                self.finish = Some(FinishReason::Refusal);
                return self.output.push_text(&text);
            }
            Part::Thought(text) => self.output.push_thought(&text),
            Part::ThoughtDetail(text) => self.output.push_thought_detail(&text),
            Part::Image(image) => return self.take_image(image),
            Part::ToolCall(call) => {
                let name = replace_marks(&call.name).into_owned();
                self.output.notices.add_tool_call(ToolCall { name, ..call });
            }
        }
        true
    }

    /// Processes an image or another file. A link is shown as text, because the worker does not open addresses that an
    /// answer names. Returns `false` if the answer is too long.
    fn take_image(&mut self, image: Image) -> bool {
        match image.content {
            ImageContent::Bytes(content) => self.output.push_file(image.media_type, content),
            ImageContent::Link(address) if !address.contains(is_unsafe_in_link) => {
                return self.output.push_link(&address);
            }
            ImageContent::Link(_) | ImageContent::TooLarge(_) | ImageContent::Unreadable => {
                self.output.notices.add_image(&image);
            }
        }
        true
    }

    /// Ends the answer and emits the text that was held back. Adds a notice for each tool call, and a notice if the
    /// token limit was reached before any text.
    pub fn end(&mut self, is_complete: bool) {
        let is_unopened = self.output.end();
        self.flags.was_never_closed = is_complete && is_unopened;
        self.output.notices.end_tool_calls();
        if is_complete && !self.output.has_text() && self.finish == Some(FinishReason::Length) {
            self.output.notices.add_token_limit();
        }
    }

    /// Returns the updates since the last call.
    pub fn take_updates(&mut self) -> Vec<Update> {
        self.output.take_updates()
    }

    /// Returns the answer's finish reason and usage.
    pub fn answer(&self) -> Answer {
        Answer { finish_reason: self.finish.unwrap_or(FinishReason::Stop), usage: self.usage }
    }
}

/// Returns whether a character ends the address in a link of the form `<https://…>`.
fn is_unsafe_in_link(c: char) -> bool {
    matches!(c, '<' | '>') || c.is_whitespace() || c.is_control()
}

/// Returns the finish reason that takes precedence if a server sends two.
fn stronger(earlier: Option<FinishReason>, later: FinishReason) -> FinishReason {
    match earlier {
        Some(FinishReason::Refusal) => FinishReason::Refusal,
        Some(FinishReason::Length) if later == FinishReason::Stop => FinishReason::Length,
        Some(_) | None => later,
    }
}
