//! Converts the parts of an answer to updates.

use std::collections::BTreeSet;

use banter_shared::{
    chat::{MAX_ANSWER_BYTES, sanitize_agent_text},
    lenient_json::SurrogateJoiner,
};
use bytes::Bytes;

use super::{
    notices::AnswerNotices,
    think_tags::{Segment, ThinkTags},
    thoughts::Thoughts,
};
use crate::agents::{AgentFile, FileContent, Update};

/// Collects an answer's output.
pub(super) struct Output {
    /// Notices about the answer.
    pub notices: AnswerNotices,
    tags: ThinkTags,
    text_surrogates: SurrogateJoiner,
    thought_surrogates: SurrogateJoiner,
    thoughts: Thoughts,
    updates: Vec<Update>,
    /// The addresses that have been added to the text.
    links: BTreeSet<String>,
    written_bytes: usize,
    /// The text that has not been retracted.
    kept: String,
    /// The text as received, which is used to recognize repetitions.
    received: String,
    /// The thoughts that were received separately from the text.
    received_thoughts: String,
    /// Number of bytes at the start of `received_thoughts` that lists of details have repeated so far.
    repeated_bytes: usize,
    has_thoughts: bool,
    was_retracted: bool,
}

impl Output {
    /// Creates an empty output. For `is_unopened`, see [`ThinkTags::new`].
    pub fn new(is_unopened: bool) -> Self {
        Self {
            notices: AnswerNotices::default(),
            tags: ThinkTags::new(is_unopened),
            text_surrogates: SurrogateJoiner::default(),
            thought_surrogates: SurrogateJoiner::default(),
            thoughts: Thoughts::default(),
            updates: Vec::new(),
            links: BTreeSet::new(),
            written_bytes: 0,
            kept: String::new(),
            received: String::new(),
            received_thoughts: String::new(),
            repeated_bytes: 0,
            has_thoughts: false,
            was_retracted: false,
        }
    }

    /// Returns whether there have been any thoughts.
    pub fn has_thoughts(&self) -> bool {
        self.has_thoughts
    }

    /// Returns whether there is any text that has not been retracted.
    pub fn has_text(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Returns the text that has not been retracted.
    pub fn kept(&self) -> &str {
        &self.kept
    }

    /// Returns the text as received, including tags.
    pub fn received(&self) -> &str {
        &self.received
    }

    /// Returns whether text was retracted because it turned out to be a thought.
    pub fn was_retracted(&self) -> bool {
        self.was_retracted
    }

    /// Ends the output and emits anything that was held back. Returns whether a thought without an opening tag was
    /// never closed.
    pub fn end(&mut self) -> bool {
        self.end_thought_surrogates();
        let half = self.text_surrogates.finish();
        let mut segments = self.tags.push(half);
        let is_unopened = self.tags.is_unopened();
        segments.extend(self.tags.finish());
        self.push_segments(segments);
        self.thoughts.end();
        is_unopened
    }

    /// Returns the updates since the last call.
    pub fn take_updates(&mut self) -> Vec<Update> {
        self.push_steps();
        std::mem::take(&mut self.updates)
    }

    /// Adds a file to the answer.
    pub fn push_file(&mut self, media_type: String, content: Bytes) {
        let media_type = Some(media_type).filter(|media_type| !media_type.is_empty());
        self.updates.push(Update::File(AgentFile { name: None, media_type, content: FileContent::Bytes(content) }));
    }

    /// Adds a link to the text, unless it has been added: some servers repeat the images in each message. Returns `false`
    /// if the answer is too long.
    pub fn push_link(&mut self, address: &str) -> bool {
        !self.links.insert(address.to_owned()) || self.push_text(&format!("\n\n<{address}>\n\n"))
    }

    /// Appends to the thoughts that are received separately from the text.
    pub fn push_thought(&mut self, text: &str) {
        append(&mut self.received_thoughts, text);
        self.append_thought(text);
    }

    /// Appends a thought from a list of details, unless it repeats earlier thoughts. Such lists often repeat a field
    /// from earlier chunks.
    pub fn push_thought_detail(&mut self, text: &str) {
        if self.received_thoughts[self.repeated_bytes..].starts_with(text) {
            self.repeated_bytes += text.len();
        } else {
            self.append_thought(text);
        }
    }

    fn append_thought(&mut self, text: &str) {
        self.tags.set_separate();
        let text = self.thought_surrogates.push(text);
        self.think(&text);
    }

    fn think(&mut self, text: &str) {
        self.has_thoughts |= !text.trim().is_empty();
        self.thoughts.push(&sanitize_agent_text(text));
    }

    /// Appends text that may contain thought tags. Returns `false` if the answer is too long.
    pub fn push_text(&mut self, text: &str) -> bool {
        self.end_thought_surrogates();
        let text = self.text_surrogates.push(text).into_owned();
        append(&mut self.received, &text);
        let segments = self.tags.push(&sanitize_agent_text(&text));
        self.push_segments(segments)
    }

    fn end_thought_surrogates(&mut self) {
        let half = self.thought_surrogates.finish();
        self.thoughts.push(half);
    }

    fn push_segments(&mut self, segments: Vec<Segment>) -> bool {
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
                    self.was_retracted = true;
                    self.kept.clear();
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
        self.kept.push_str(fitting);
        if let Some(Update::Text(last)) = self.updates.last_mut() {
            last.push_str(fitting);
        } else if !fitting.is_empty() {
            self.updates.push(Update::Text(fitting.to_owned()));
        }
        fitting.len() == text.len()
    }

    fn push_steps(&mut self) {
        let steps = self.thoughts.take_updates().into_iter().chain(self.notices.take_updates());
        self.updates.extend(steps.map(|step| Update::Step(Box::new(step))));
    }
}

/// Appends as much of the text as fits within [`MAX_ANSWER_BYTES`].
fn append(received: &mut String, text: &str) {
    let room = MAX_ANSWER_BYTES.saturating_sub(received.len());
    received.push_str(&text[..text.floor_char_boundary(room.min(text.len()))]);
}
