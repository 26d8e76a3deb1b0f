//! The built-in demo, a program (`worker demo-agent`) that implements the Agent Client Protocol over stdin and stdout.
//! The `demo` driver starts it like any other agent, so the demo exercises processes, streams, tools, permissions, the
//! Stop button, and loading an earlier session.
//!
//! The demo follows fixed rules and needs neither a key nor network access. The demo is not an AI, and says so. The
//! same conversation always gets the same answer. `small_talk` and `commands` choose the answer, and `sender` sends it
//! at typing speed.

mod commands;
mod driver;
mod files;
mod output_files;
mod sender;
mod server;
mod session_files;
mod small_talk;
mod texts;

use std::time::Duration;

use banter_shared::chat::{HistoryMessage, Role};

use files::DemoFile;
pub use server::serve;

/// Pause after each word in an ordinary answer.
const WORD_PAUSE: Duration = Duration::from_millis(20);

/// An answer that has not been sent yet.
#[derive(Clone, Debug, PartialEq)]
struct DemoAnswer {
    /// What is sent before the text.
    prelude: Prelude,
    /// The text, split into the chunks in which it is sent.
    parts: Vec<String>,
    /// Time from the first chunk to the end of the answer.
    duration: Duration,
    /// How the answer ends.
    end: AnswerEnd,
}

/// What is sent before an answer's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prelude {
    Nothing,
    /// Thoughts.
    Thought,
    /// A plan whose steps are completed one by one.
    Plan,
    /// A tool call that needs permission. If permission is denied, a different text follows.
    Tool,
    /// An image.
    Picture,
    /// A text file.
    File,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnswerEnd {
    /// The turn ends normally.
    Normal,
    /// A permanent error.
    Refusal(&'static str),
    /// A temporary error.
    Failure(&'static str),
    /// The process exits.
    Crash,
}

impl DemoAnswer {
    /// Returns an answer that is sent word by word.
    fn typed(text: &str) -> Self {
        let parts = words(text);
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        Self { prelude: Prelude::Nothing, duration: WORD_PAUSE.saturating_mul(count), parts, end: AnswerEnd::Normal }
    }

    /// Returns an answer that is sent in one chunk, with no pauses. An empty text has no chunks.
    fn at_once(text: &str) -> Self {
        let parts = if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        Self { prelude: Prelude::Nothing, parts, duration: Duration::ZERO, end: AnswerEnd::Normal }
    }

    fn preceded_by(self, prelude: Prelude) -> Self {
        Self { prelude, ..self }
    }

    fn ending_with(self, end: AnswerEnd) -> Self {
        Self { end, ..self }
    }
}

/// Splits text into words, each including the whitespace that follows it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_space = true;
    for part in text.split_inclusive(char::is_whitespace) {
        let is_space = part.chars().all(char::is_whitespace);
        match words.last_mut() {
            Some(word) if is_space || !after_space => word.push_str(part),
            _ => words.push(part.to_owned()),
        }
        after_space = part.ends_with(char::is_whitespace);
    }
    words
}

/// Returns the answer to the last user message in a conversation, which was sent with these files, or a greeting if
/// there is none.
fn answer(history: &[HistoryMessage], files: &[DemoFile]) -> DemoAnswer {
    let Some(message) = history.iter().rfind(|message| message.role == Role::User) else {
        return DemoAnswer::typed(texts::GREETING);
    };
    commands::answer(&message.content).unwrap_or_else(|| {
        let reply = if files.is_empty() { small_talk::reply(history) } else { files::describe(files) };
        DemoAnswer::typed(&reply)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(content: &str) -> DemoAnswer {
        answer(&[HistoryMessage { turn: 1, role: Role::User, content: content.into(), attachments: Vec::new() }], &[])
    }

    #[test]
    fn sends_an_answer_word_by_word() {
        let answer = ask("Hello");

        assert!(answer.parts.len() > 5 && answer.parts.concat().contains("not an AI"), "{answer:?}");
        assert_eq!(answer.duration, WORD_PAUSE * u32::try_from(answer.parts.len()).unwrap());
        assert_eq!(answer.end, AnswerEnd::Normal);
    }

    #[test]
    fn echoes_verbatim_in_one_chunk() {
        assert_eq!(ask("/echo  a\n\nb "), DemoAnswer::at_once(" a\n\nb "));
        assert_eq!(ask("/empty").parts, [""; 0]);
    }

    #[test]
    fn splits_without_losing_characters() {
        for text in ["", " a  b\n\nc", "one", "é 🎭 x\n", "  "] {
            assert_eq!(words(text).concat(), text);
        }
        assert_eq!(words("a  b\n\nc "), ["a  ", "b\n\n", "c "]);
    }
}
