//! Separates the text of an answer from thoughts that the model writes between tags such as `<think>` and `</think>`.
//!
//! An opening tag is recognized only at the start of an answer or directly after another thought; elsewhere, it is
//! treated as text. Some chat templates omit the opening tag. If a closing tag then follows text, the text was a
//! thought and is retracted, unless the tag is in code or is merely mentioned. Chunks may split a tag at any position.

mod tags;
#[cfg(test)]
mod tests;

use self::tags::{LONGEST_TAG_BYTES, TAGS, closing_tags, find_tag, held_bytes, is_in_code, is_mention};

/// Maximum length, in bytes, of a thought that has no opening tag.
const MAX_UNOPENED_BYTES: usize = 256 * 1024;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Part of the answer's text.
    Text(String),
    /// Part of a thought.
    Thought(String),
    /// The end of a thought.
    ThoughtEnd,
    /// All of the text so far turned out to be this thought.
    Retract(String),
}

/// Separates the text of an answer from the thoughts before it.
#[derive(Debug)]
pub(super) struct ThinkTags {
    state: State,
    /// Text that may belong to an incomplete tag.
    held: String,
    /// The text so far, kept until it is known whether it is a thought or part of the answer.
    text_so_far: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the start, with nothing but whitespace so far.
    Start,
    /// Inside a thought.
    Thinking { closing: &'static str, is_empty: bool },
    /// Inside an expected thought without an opening tag. The model's earlier answers started with such a thought.
    Unopened { is_empty: bool },
    /// After a thought. Whitespace is dropped.
    AfterThought,
    /// In text that is a thought if a closing tag follows.
    Suspicious,
    /// In the answer's text.
    Text,
}

impl ThinkTags {
    /// Creates an instance for a new answer. `is_thinking` is true if the model's earlier answers started with a
    /// thought without an opening tag.
    pub fn new(is_thinking: bool) -> Self {
        let state = if is_thinking { State::Unopened { is_empty: true } } else { State::Start };
        Self { state, held: String::new(), text_so_far: String::new() }
    }

    /// Records that the server sends thoughts separately, so the text so far is not a thought.
    pub fn set_separate(&mut self) {
        self.state = match self.state {
            State::Suspicious => State::Text,
            State::Unopened { is_empty: true } => State::Start,
            other => other,
        };
    }

    /// Returns whether the current position is inside a thought without an opening tag.
    pub fn is_unopened(&self) -> bool {
        matches!(self.state, State::Unopened { .. })
    }

    /// Processes the answer's next piece of text and returns the segments known so far.
    pub fn push(&mut self, text: &str) -> Vec<Segment> {
        self.held.push_str(text);
        let mut segments = Vec::new();
        while self.advance(&mut segments) {}
        segments
    }

    /// Ends the answer and returns the remaining segments.
    pub fn finish(&mut self) -> Vec<Segment> {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Start | State::Suspicious | State::Text if held.is_empty() => Vec::new(),
            State::Start | State::Suspicious | State::Text => vec![Segment::Text(held)],
            State::AfterThought => Vec::new(),
            State::Thinking { .. } => {
                let rest = held.trim_end();
                let thought = (!rest.is_empty()).then(|| Segment::Thought(rest.to_owned()));
                thought.into_iter().chain([Segment::ThoughtEnd]).collect()
            }
            // There was no closing tag, so this text was the answer.
            State::Unopened { .. } => {
                let text = std::mem::take(&mut self.text_so_far) + &held;
                let text = Some(text).filter(|text| !text.is_empty()).map(Segment::Text);
                std::iter::once(Segment::ThoughtEnd).chain(text).collect()
            }
        }
    }

    /// Processes the held text in the current state. Returns whether this method must be called again.
    fn advance(&mut self, segments: &mut Vec<Segment>) -> bool {
        match self.state {
            State::Start | State::AfterThought => self.leave_start(),
            State::Thinking { closing, is_empty } => self.think(&[closing], is_empty, segments),
            State::Unopened { is_empty } => self.think_unopened(is_empty, segments),
            State::Suspicious => self.find_closing_tag(segments),
            State::Text => {
                if !self.held.is_empty() {
                    segments.push(Segment::Text(std::mem::take(&mut self.held)));
                }
                false
            }
        }
    }

    fn leave_start(&mut self) -> bool {
        let text = self.held.trim_start();
        let lower = text.to_ascii_lowercase();
        if let Some((opening, closing)) = TAGS.iter().find(|(opening, _)| lower.starts_with(opening)) {
            let rest = text[opening.len()..].to_owned();
            self.state = State::Thinking { closing, is_empty: true };
            self.held = rest;
            return true;
        }
        if let Some((_, closing)) = TAGS.iter().find(|(_, closing)| lower.starts_with(closing)) {
            self.held = text[closing.len()..].to_owned();
            self.state = State::AfterThought;
            return true;
        }
        let may_be_tag =
            TAGS.iter().any(|(opening, closing)| opening.starts_with(&lower) || closing.starts_with(&lower));
        if text.is_empty() || may_be_tag {
            return false;
        }
        if self.state == State::AfterThought {
            self.held = text.to_owned();
            self.state = State::Text;
        } else {
            self.state = State::Suspicious;
        }
        true
    }

    /// Emits a thought up to its closing tag.
    fn think(&mut self, closing: &[&'static str], is_empty: bool, segments: &mut Vec<Segment>) -> bool {
        if is_empty {
            let text = self.held.trim_start().to_owned();
            self.held = text;
        }
        let Some((at, tag)) = find_tag(&self.held, closing) else {
            // Whitespace before the closing tag is not part of the thought.
            let text = &self.held[..self.held.len() - held_bytes(&self.held, closing)];
            let known = text.trim_end().len();
            if known > 0 {
                let rest = self.held.split_off(known);
                let thought = std::mem::replace(&mut self.held, rest);
                if let State::Thinking { closing, .. } = self.state {
                    self.state = State::Thinking { closing, is_empty: false };
                }
                segments.push(Segment::Thought(thought));
            }
            return false;
        };
        let thought = self.held[..at].trim_end();
        if !thought.is_empty() {
            segments.push(Segment::Thought(thought.to_owned()));
        }
        segments.push(Segment::ThoughtEnd);
        self.held = self.held[at + tag.len()..].to_owned();
        self.state = State::AfterThought;
        true
    }

    fn think_unopened(&mut self, is_empty: bool, segments: &mut Vec<Segment>) -> bool {
        if is_empty {
            let lower = self.held.trim_start().to_ascii_lowercase();
            let is_tag = TAGS.iter().any(|(opening, _)| lower.starts_with(opening));
            if is_tag {
                self.state = State::Start;
                return true;
            }
            let may_be_tag = TAGS.iter().any(|(opening, _)| opening.starts_with(&lower));
            if may_be_tag {
                return false;
            }
            self.state = State::Unopened { is_empty: false };
            let text = self.held.trim_start().to_owned();
            self.held = text;
        }
        let before = segments.len();
        let is_closed = self.think(&closing_tags(), false, segments);
        for segment in &segments[before..] {
            if let Segment::Thought(thought) = segment
                && self.text_so_far.len() < MAX_UNOPENED_BYTES
            {
                self.text_so_far.push_str(thought);
            }
        }
        if is_closed {
            self.text_so_far.clear();
        }
        is_closed
    }

    /// Emits text while looking for a closing tag that has no opening tag.
    fn find_closing_tag(&mut self, segments: &mut Vec<Segment>) -> bool {
        let closing = closing_tags();
        let openings: Vec<&str> = TAGS.iter().map(|(opening, _)| *opening).collect();
        let found = find_tag(&self.held, &closing);
        let before = found.map_or(self.held.len() - held_bytes(&self.held, &closing), |(at, _)| at);
        let text = self.held[..before].to_owned();
        self.text_so_far.push_str(&text);
        // An opening tag may have started in the preceding text.
        let recent =
            self.text_so_far.floor_char_boundary(self.text_so_far.len().saturating_sub(text.len() + LONGEST_TAG_BYTES));
        let is_mentioned = find_tag(&self.text_so_far[recent..], &openings).is_some();
        if is_mentioned || self.text_so_far.len() > MAX_UNOPENED_BYTES {
            self.switch_to_text();
            return true;
        }
        let Some((_, tag)) = found else {
            self.held.drain(..before);
            if !text.is_empty() {
                segments.push(Segment::Text(text));
            }
            return false;
        };
        let after = &self.held[before + tag.len()..];
        if after.is_empty() && self.text_so_far.ends_with(' ') {
            // The text that follows determines whether this is a tag or just a mention of one.
            self.text_so_far.truncate(self.text_so_far.len() - text.len());
            return false;
        }
        if is_in_code(&self.text_so_far) || is_mention(&self.text_so_far, after) {
            self.switch_to_text();
            return true;
        }
        self.held = after.to_owned();
        self.state = State::AfterThought;
        if !text.is_empty() {
            segments.push(Segment::Text(text));
        }
        segments.push(Segment::Retract(std::mem::take(&mut self.text_so_far).trim().to_owned()));
        true
    }

    fn switch_to_text(&mut self) {
        self.state = State::Text;
        self.text_so_far = String::new();
    }
}
