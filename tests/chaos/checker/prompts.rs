//! The prompts that the agents received, compared with the messages that were sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::message_history::MessageHistory;
use crate::history::{OperationResult, SendRecord};

/// One list per request to the model server, in order of arrival: the texts of the request's user messages.
pub(super) struct Prompts {
    asked: Vec<Vec<String>>,
    /// For each text, the index of the first request in which it is the last user message.
    first: HashMap<String, usize>,
}

impl Prompts {
    pub(super) fn new(asked: Vec<Vec<String>>) -> Self {
        let mut first = HashMap::new();
        for (at, text) in asked.iter().enumerate().filter_map(|(at, texts)| Some((at, texts.last()?))) {
            first.entry(text.clone()).or_insert(at);
        }
        Self { asked, first }
    }

    /// Finds prompts that contain texts that were unsent, replaced, rejected, or never sent, and prompts that mix texts
    /// from different sessions.
    pub(super) fn violations<'a, I: Iterator<Item = &'a MessageHistory>>(
        &self,
        stories: impl Fn() -> I,
    ) -> Vec<String> {
        let mut forbidden: BTreeMap<&str, &SendRecord> = BTreeMap::new();
        let mut session_of: BTreeMap<&str, &str> = BTreeMap::new();
        for story in stories() {
            for (text, is_replaced) in story.texts() {
                session_of.insert(text, &story.send.session);
                if story.is_unsent() || is_replaced || story.send.result == OperationResult::Rejected {
                    forbidden.insert(text, &story.send);
                }
            }
        }
        let mut violations = BTreeSet::new();
        for texts in &self.asked {
            for text in texts {
                if let Some(send) = forbidden.get(text.as_str()) {
                    violations.insert(format!("an agent received {text:?}, which was unsent: {send:?}"));
                } else if !session_of.contains_key(text.as_str()) {
                    violations.insert(format!("an agent received {text:?}, which was never sent"));
                }
            }
            let sessions: BTreeSet<_> = texts.iter().filter_map(|text| session_of.get(text.as_str())).collect();
            if sessions.len() > 1 {
                violations.insert(format!("one request with texts of the sessions {sessions:?}: {texts:?}"));
            }
        }
        violations.into_iter().collect()
    }

    /// Finds out-of-order prompts in a session. Each turn must be sent together with all earlier turns, and none of
    /// them may be included twice. A turn that succeeded must be sent before any later turn, unless a client may have
    /// retried one of the two.
    pub(super) fn order_complaints(&self, stored: &[(&MessageHistory, &Value)]) -> Vec<String> {
        let mut violations = self.first_questions(stored);
        let turn_of: BTreeMap<&str, i64> = stored
            .iter()
            .flat_map(|(story, message)| {
                let turn = message["turn"].as_i64().unwrap_or_default();
                story.texts().into_iter().map(move |(text, _)| (text, turn))
            })
            .collect();
        let all: BTreeSet<i64> = turn_of.values().copied().collect();
        for texts in self.asked.iter().filter(|texts| texts.last().is_some_and(|it| turn_of.contains_key(it.as_str())))
        {
            let turns: Vec<i64> = texts.iter().filter_map(|text| turn_of.get(text.as_str()).copied()).collect();
            let (Some(first), Some(last)) = (turns.first(), turns.last()) else { continue };
            // The oldest part of a long history is omitted, so all turns are expected, starting with the first one that
            // is included.
            let expected: Vec<i64> = all.range(first..=last).copied().collect();
            if turns != expected {
                violations
                    .push(format!("prompted with {texts:?}, which are the turns {turns:?} instead of {expected:?}"));
            }
        }
        violations
    }

    fn first_questions(&self, stored: &[(&MessageHistory, &Value)]) -> Vec<String> {
        let asked = |message: &Value| self.first.get(message["content"].as_str()?).copied();
        let turns: Vec<(usize, i64, bool)> = stored
            .iter()
            .filter(|(story, _)| !story.may_be_retried())
            .filter_map(|(_, message)| {
                Some((asked(message)?, message["turn"].as_i64()?, message["task"]["status"] == "succeeded"))
            })
            .collect();
        let mut violations = Vec::new();
        for (at, turn, _) in turns.iter().filter(|(_, _, succeeded)| *succeeded) {
            for (_, later, _) in turns.iter().filter(|(other, later, _)| later > turn && other < at) {
                violations.push(format!("turn {later} was sent before turn {turn}"));
            }
        }
        violations
    }
}
