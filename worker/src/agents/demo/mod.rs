//! Driver `demo`: answers by fixed rules, without a key and without a network, so that a new installation can be tried
//! and every way an answer can go can be seen. It is not an AI and says so.
//!
//! The same conversation gets the same answer. What is said is decided in [`talk`] and [`commands`], without time; here
//! it is only sent at the pace of somebody who types.

mod commands;
mod talk;
mod texts;

use std::time::Duration;

use async_trait::async_trait;
use banter_shared::chat::{ErrorCode, FinishReason, Role};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Agent, AgentError, Answer, HistoryMessage, Turn, Update};

/// The pause after each word of an ordinary answer.
const WORD_PAUSE: Duration = Duration::from_millis(20);

/// The demo. It remembers nothing but what the conversation itself says.
#[derive(Clone, Copy, Debug, Default)]
pub struct DemoAgent;

/// An answer before it is sent.
#[derive(Clone, Debug, PartialEq)]
struct Performance {
    /// The text, in the parts it is sent in.
    parts: Vec<String>,
    /// From the first part to the end.
    duration: Duration,
    /// Instead of an end: the error that follows the text.
    failure: Option<(ErrorCode, &'static str)>,
}

impl Performance {
    /// A text, word by word.
    fn spoken(text: &str) -> Self {
        let parts = words(text);
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        Self { duration: WORD_PAUSE.saturating_mul(count), parts, failure: None }
    }

    /// A text in one piece, without a pause. An empty text is no part at all.
    fn at_once(text: &str) -> Self {
        let parts = if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        Self { parts, duration: Duration::ZERO, failure: None }
    }

    fn failing(self, code: ErrorCode, message: &'static str) -> Self {
        Self { failure: Some((code, message)), ..self }
    }

    async fn play(self, updates: &mpsc::Sender<Update>) -> Result<Answer, AgentError> {
        let start = Instant::now();
        let count = u32::try_from(self.parts.len()).unwrap_or(u32::MAX).max(1);
        for (index, part) in (1..).zip(self.parts) {
            updates.send(Update::Text(part)).await.map_err(|_| AgentError::stopped())?;
            if !self.duration.is_zero() {
                sleep_until(start + self.duration.mul_f64(f64::from(index) / f64::from(count))).await;
            }
        }
        match self.failure {
            Some((code, message)) => Err(AgentError::new(code, message)),
            None => Ok(Answer { finish_reason: FinishReason::Stop, usage: None }),
        }
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

fn perform(history: &[HistoryMessage]) -> Performance {
    let Some(message) = history.iter().rfind(|message| message.role == Role::User) else {
        return Performance::spoken(texts::GREETING);
    };
    commands::perform(&message.content).unwrap_or_else(|| Performance::spoken(&talk::reply(history)))
}

#[async_trait]
impl Agent for DemoAgent {
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError> {
        let performance = perform(&turn.history).play(&updates);
        stop.run_until_cancelled(performance).await.unwrap_or_else(|| Err(AgentError::stopped()))
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::id::{SessionId, TaskId};

    use super::*;

    fn turn(content: &str) -> Turn {
        let history = vec![HistoryMessage { turn: 1, role: Role::User, content: content.into() }];
        Turn { session_id: SessionId::generate(), task_id: TaskId::generate(), turn: 1, resume: None, history }
    }

    async fn ask(content: &str) -> (Vec<String>, Result<Answer, AgentError>) {
        let (updates, mut received) = mpsc::channel(4);
        let answer = DemoAgent.answer(turn(content), updates, CancellationToken::new());
        let collect = async {
            let mut parts = Vec::new();
            while let Some(Update::Text(part)) = received.recv().await {
                parts.push(part);
            }
            parts
        };
        let (outcome, parts) = tokio::join!(answer, collect);
        (parts, outcome)
    }

    #[tokio::test]
    async fn an_answer_comes_word_by_word() {
        let start = Instant::now();

        let (parts, outcome) = ask("Hello").await;

        assert!(parts.len() > 5 && parts.concat().contains("not an AI"), "{parts:?}");
        assert_eq!(outcome.unwrap().finish_reason, FinishReason::Stop);
        assert!(start.elapsed() >= WORD_PAUSE * u32::try_from(parts.len()).unwrap());
    }

    #[tokio::test]
    async fn a_slow_answer_takes_as_long_as_asked() {
        for (message, expected) in [("/slow 1", 1000), ("/slow 0.2", 200)] {
            let start = Instant::now();

            let (parts, outcome) = ask(message).await;

            assert!(parts.len() >= 5 && outcome.is_ok(), "{parts:?}");
            assert!(start.elapsed() >= Duration::from_millis(expected), "{message}: {:?}", start.elapsed());
        }
    }

    #[tokio::test]
    async fn echo_is_exact_and_at_once() {
        let start = Instant::now();

        assert_eq!(ask("/echo  a\n\nb ").await.0, [" a\n\nb "]);
        assert_eq!(ask("/empty").await.0, [""; 0]);
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_failure_follows_the_text_before_it() {
        let (parts, outcome) = ask("/fail").await;
        assert_eq!((parts.len(), outcome.unwrap_err().code), (0, ErrorCode::AgentRefused));

        let (parts, outcome) = ask("/fail retry").await;
        assert_eq!((parts.len(), outcome.unwrap_err().code), (0, ErrorCode::AgentError));

        let (parts, outcome) = ask("/fail late").await;
        assert!(parts.len() > 5);
        assert_eq!(outcome.unwrap_err().code, ErrorCode::AgentRefused);
    }

    #[tokio::test]
    async fn a_stop_ends_the_answer_at_once() {
        let (updates, mut received) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let start = Instant::now();

        let answer = DemoAgent.answer(turn("/slow 600"), updates, stop.clone());
        let stop_after_text = async {
            assert!(received.recv().await.is_some());
            stop.cancel();
        };
        let (outcome, ()) = tokio::join!(answer, stop_after_text);

        assert_eq!(outcome, Err(AgentError::stopped()));
        assert!(start.elapsed() < Duration::from_mins(1));
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_stops() {
        let (updates, received) = mpsc::channel(4);
        drop(received);

        let outcome = DemoAgent.answer(turn("Hello"), updates, CancellationToken::new()).await;

        assert_eq!(outcome, Err(AgentError::stopped()));
    }

    #[test]
    fn words_add_up_to_the_text() {
        for text in ["", " a  b\n\nc", "one", "é 🎭 x\n", "  "] {
            assert_eq!(words(text).concat(), text);
        }
        assert_eq!(words("a  b\n\nc "), ["a  ", "b\n\n", "c "]);
    }
}
