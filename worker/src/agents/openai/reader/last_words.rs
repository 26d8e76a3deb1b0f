//! Keeps the text or object that a server sends outside the answer. If nothing else follows, it may explain why the
//! answer ended.
//!
//! Proxies and gateways report failures in the middle of a stream as plain text, web pages, or JSON objects.

use serde_json::Value;

use crate::agents::{
    AgentError,
    openai::errors::{self, Context, Failure},
};

/// Maximum length, in bytes, of the text that is kept.
const MAX_BYTES: usize = 8 * 1024;
/// Messages that report success.
const SUCCESSES: [&str; 9] = ["success", "succeeded", "ok", "done", "completed", "complete", "finished", "end", "stop"];

/// What the server has sent outside the answer since the most recent part of the answer.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    /// Lines of plain text or HTML.
    text: String,
    object: Option<Value>,
}

impl LastWords {
    /// Adds text on a new line.
    pub fn push(&mut self, words: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let room = MAX_BYTES.saturating_sub(self.text.len());
        self.text.push_str(&words[..words.floor_char_boundary(room.min(words.len()))]);
    }

    /// Keeps an object that contains a message, unless the object is a ping or reports success.
    pub fn push_object(&mut self, object: &Value) {
        let said = ["message", "msg", "detail", "reason", "error_message"];
        let message = said.iter().find_map(|name| object.get(*name)?.as_str()).map(str::trim);
        let is_ping = object["type"].as_str().is_some_and(|kind| kind.contains("ping") || kind.contains("alive"));
        let states_success = ["status", "state", "code", "success", "ok"].iter().any(|name| match &object[*name] {
            Value::Bool(is_success) => *is_success,
            Value::Number(code) => code.as_u64().is_some_and(|code| code == 0 || (200..300).contains(&code)),
            Value::String(status) => is_success(status),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        });
        let is_harmless = is_ping || states_success;
        if message.is_some_and(|message| !message.is_empty() && !is_success(message)) && !is_harmless {
            self.object = Some(object.clone());
        }
    }

    /// Returns the failure that the text or object reports, or `None` if nothing was sent or the text reports success.
    pub fn failure(&self, context: Context<'_>) -> Option<Failure> {
        let words = self.words();
        (!words.is_empty() && !is_success(&words)).then(|| errors::from_last_words(&words, context))
    }

    /// Adds the text or the object's message to an error.
    pub fn added_to(&self, error: AgentError, context: Context<'_>) -> AgentError {
        errors::with_words(error, &self.words(), context)
    }

    /// Returns the text, unless the server has sent an object.
    pub fn text(&self) -> Option<&str> {
        self.object.is_none().then_some(&self.text)
    }

    fn words(&self) -> String {
        self.object.as_ref().map_or_else(|| self.text.clone(), Value::to_string)
    }
}

fn is_success(words: &str) -> bool {
    let words = words.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    SUCCESSES.contains(&words.as_str())
}
