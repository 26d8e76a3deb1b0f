//! Collects the text of an answer. Inserts paragraph breaks between messages and after interruptions, such as tool
//! calls.

use banter_shared::{chat::MAX_ANSWER_BYTES, lenient_json::SurrogateJoiner};

use super::Flow;
use crate::agents::{Update, acp::content::cut};

/// Maximum length, in bytes, of an answer that could be an error message.
const MAX_BEGINNING_BYTES: usize = 1000;

/// The state of an answer's text, of which only the start is kept.
#[derive(Default)]
pub(super) struct AnswerText {
    surrogates: SurrogateJoiner,
    bytes: usize,
    /// The start of the text, for agents that send an error message as their only text.
    beginning: String,
    /// The message ID of the most recent text.
    message_id: Option<String>,
    ends_in_space: bool,
    /// Whether there has been an interruption since the most recent text.
    was_interrupted: bool,
}

impl AnswerText {
    /// Joins the halves of surrogate pairs. A first half at the end of the text is held back until the second half
    /// arrives.
    pub fn decode(&mut self, text: &str) -> String {
        self.surrogates.push(text).into_owned()
    }

    /// Appends decoded, nonempty text.
    pub fn push(&mut self, text: &str, message_id: Option<String>, out: &mut Vec<Update>) -> Flow {
        let is_new = message_id.is_some() && self.message_id.is_some() && message_id != self.message_id;
        // The text before a tool call and the text after it are separate paragraphs.
        let needs_break = self.bytes > 0 && !self.ends_in_space && (self.was_interrupted || is_new);
        self.message_id = message_id.or_else(|| self.message_id.take());
        self.was_interrupted = false;
        if needs_break {
            self.append("\n\n", out);
        }
        self.append(text, out)
    }

    /// Records an interruption, such as a tool call. A thought is not an interruption.
    pub fn interrupt(&mut self) {
        self.was_interrupted = true;
    }

    /// Ends the text. An unpaired surrogate half becomes a replacement character.
    pub fn finish(&mut self, out: &mut Vec<Update>) {
        let last = self.surrogates.finish();
        self.append(last, out);
    }

    /// Returns whether there is no text yet.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Returns the entire text if it is short enough to be an error message.
    pub fn short(&self) -> Option<&str> {
        (self.bytes > 0 && self.bytes == self.beginning.len()).then_some(self.beginning.as_str())
    }

    fn append(&mut self, text: &str, out: &mut Vec<Update>) -> Flow {
        let (kept, is_cut) = cut(text, MAX_ANSWER_BYTES - self.bytes);
        self.bytes += kept.len();
        self.ends_in_space = text.ends_with(char::is_whitespace);
        self.beginning.push_str(cut(kept, MAX_BEGINNING_BYTES - self.beginning.len()).0);
        if let Some(Update::Text(before)) = out.last_mut() {
            // Merge the text into the previous update, because some agents send each character separately.
            before.push_str(kept);
        } else if !kept.is_empty() {
            out.push(Update::Text(kept.to_owned()));
        }
        if is_cut { Flow::TooLong } else { Flow::Continue }
    }
}
