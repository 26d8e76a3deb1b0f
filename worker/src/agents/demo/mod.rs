//! The built-in demo: an agent of its own that speaks the Agent Client Protocol over stdin and stdout (`worker demo-agent`).
//! The driver `demo` starts it as any other agent, so that a first try goes the whole way: a process, a stream, tools,
//! permissions, Stop, and a session that is loaded again.
//!
//! It answers by fixed rules, without a key and without a network. It is not an AI and says so. The same conversation gets
//! the same answer. What is said is decided in `talk` and `commands`, without time; `server` sends it at the pace of
//! somebody who types.

mod commands;
mod server;
mod talk;
mod texts;

use std::time::Duration;

use banter_shared::chat::{HistoryMessage, Role};

pub use server::serve;

/// The pause after each word of an ordinary answer.
const WORD_PAUSE: Duration = Duration::from_millis(20);

/// An answer before it is sent.
#[derive(Clone, Debug, PartialEq)]
struct Performance {
    /// What comes before the text.
    prelude: Prelude,
    /// The text, in the parts it is sent in.
    parts: Vec<String>,
    /// From the first part to the end.
    duration: Duration,
    /// How it ends.
    ending: Ending,
}

/// What comes before the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prelude {
    Nothing,
    /// Thoughts.
    Thought,
    /// A plan whose steps are done one by one.
    Plan,
    /// A tool that needs to be allowed; if it is not, another text follows.
    Tool,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Well.
    Well,
    /// With an error that is final.
    Refusal(&'static str),
    /// With an error that may pass.
    Failure(&'static str),
    /// The process is gone.
    Crash,
}

impl Performance {
    /// A text, word by word.
    fn spoken(text: &str) -> Self {
        let parts = words(text);
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        Self { prelude: Prelude::Nothing, duration: WORD_PAUSE.saturating_mul(count), parts, ending: Ending::Well }
    }

    /// A text in one piece, without a pause. An empty text is no part at all.
    fn at_once(text: &str) -> Self {
        let parts = if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        Self { prelude: Prelude::Nothing, parts, duration: Duration::ZERO, ending: Ending::Well }
    }

    fn after(self, prelude: Prelude) -> Self {
        Self { prelude, ..self }
    }

    fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }
}

/// The words of a text, each with the white space after it.
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

/// What is answered to a conversation whose last message is the user's.
fn perform(history: &[HistoryMessage]) -> Performance {
    let Some(message) = history.iter().rfind(|message| message.role == Role::User) else {
        return Performance::spoken(texts::GREETING);
    };
    commands::perform(&message.content).unwrap_or_else(|| Performance::spoken(&talk::reply(history)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(content: &str) -> Performance {
        perform(&[HistoryMessage { turn: 1, role: Role::User, content: content.into() }])
    }

    #[test]
    fn an_answer_comes_word_by_word() {
        let answer = ask("Hello");

        assert!(answer.parts.len() > 5 && answer.parts.concat().contains("not an AI"), "{answer:?}");
        assert_eq!(answer.duration, WORD_PAUSE * u32::try_from(answer.parts.len()).unwrap());
        assert_eq!(answer.ending, Ending::Well);
    }

    #[test]
    fn echo_is_exact_and_at_once() {
        assert_eq!(ask("/echo  a\n\nb "), Performance::at_once(" a\n\nb "));
        assert_eq!(ask("/empty").parts, [""; 0]);
    }

    #[test]
    fn words_add_up_to_the_text() {
        for text in ["", " a  b\n\nc", "one", "é 🎭 x\n", "  "] {
            assert_eq!(words(text).concat(), text);
        }
        assert_eq!(words("a  b\n\nc "), ["a  ", "b\n\n", "c "]);
    }
}
