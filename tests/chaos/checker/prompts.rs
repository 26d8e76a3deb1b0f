//! The prompts that the agents received, compared with the messages that were sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{branches::Branches, message_history::MessageHistory};
use crate::history::{ImportRecord, OperationResult, SendRecord};

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
    /// from different sessions. Repeated messages have the same text as the original, which may have been replaced in
    /// only one of them.
    pub(super) fn violations<'a, I: Iterator<Item = &'a MessageHistory>>(
        &self,
        stories: impl Fn() -> I,
        imports: &'a [ImportRecord],
    ) -> Vec<String> {
        let mut forbidden: BTreeMap<&str, &SendRecord> = BTreeMap::new();
        let mut allowed: BTreeSet<&str> = BTreeSet::new();
        let mut sessions_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let has_own_text =
            |send: &SendRecord| send.ids.is_some() || send.revises.as_ref().is_none_or(|revised| !revised.is_repeated);
        for story in stories().filter(|story| has_own_text(&story.send)) {
            for (text, is_replaced) in story.texts() {
                sessions_of.entry(text).or_default().insert(&story.send.session);
                if story.is_unsent() || is_replaced || story.send.result == OperationResult::Rejected {
                    forbidden.insert(text, &story.send);
                } else {
                    allowed.insert(text);
                }
            }
        }
        for import in imports {
            for turn in &import.turns {
                allowed.insert(&turn.text);
                sessions_of.entry(&turn.text).or_default().extend(import.sessions.iter().map(String::as_str));
            }
        }
        let mut violations = BTreeSet::new();
        for texts in &self.asked {
            for text in texts {
                if let Some(send) = forbidden.get(text.as_str()).filter(|_| !allowed.contains(text.as_str())) {
                    violations.insert(format!("an agent received {text:?}, which was unsent: {send:?}"));
                } else if !sessions_of.contains_key(text.as_str()) {
                    violations.insert(format!("an agent received {text:?}, which was never sent"));
                }
            }
            let known = texts.iter().filter_map(|text| sessions_of.get(text.as_str()));
            let common = known.cloned().reduce(|one, other| one.intersection(&other).copied().collect());
            if common.is_some_and(|sessions| sessions.is_empty()) {
                violations.insert(format!("one request with texts of different sessions: {texts:?}"));
            }
        }
        violations.into_iter().collect()
    }

    /// Finds prompts in a session that do not follow a branch. Each turn must be sent together with all turns before it
    /// on its branch, and none of them may be included twice. A turn that succeeded must be sent before any later turn,
    /// unless a client may have retried one of the two.
    pub(super) fn order_complaints(&self, turns: &[StoredTurn<'_>], branches: &Branches) -> Vec<String> {
        let mut violations = self.first_questions(turns);
        let by_turn: BTreeMap<i64, &StoredTurn<'_>> = turns.iter().map(|turn| (turn.turn, turn)).collect();
        let mut turns_of: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for turn in turns {
            turn.texts.iter().for_each(|text| turns_of.entry(text).or_default().push(turn.turn));
        }
        for texts in &self.asked {
            let Some(candidates) = texts.last().and_then(|last| turns_of.get(last.as_str())) else { continue };
            // The oldest part of a long history is omitted.
            let is_of = |turn: i64, text: &str| by_turn.get(&turn).is_some_and(|it| it.texts.contains(&text));
            let is_branch = |last: &i64| {
                let path = branches.path_to(*last);
                let skipped = path.len().checked_sub(texts.len());
                skipped.is_some_and(|skipped| path[skipped..].iter().zip(texts).all(|(turn, text)| is_of(*turn, text)))
            };
            if !candidates.iter().any(is_branch) {
                let expected: Vec<Vec<i64>> = candidates.iter().map(|last| branches.path_to(*last)).collect();
                violations.push(format!("prompted with {texts:?} instead of one of the branches {expected:?}"));
            }
        }
        violations
    }

    fn first_questions(&self, turns: &[StoredTurn<'_>]) -> Vec<String> {
        let asked = |turn: &StoredTurn<'_>| self.first.get(turn.content).copied();
        // A repeated message was not sent first when its text was.
        let is_repeated = |it: &StoredTurn<'_>| turns.iter().any(|o| o.content == it.content && o.turn < it.turn);
        let turns: Vec<(usize, i64, bool)> = turns
            .iter()
            .filter(|turn| !turn.may_be_retried && !is_repeated(turn))
            .filter_map(|turn| Some((asked(turn)?, turn.turn, turn.has_succeeded)))
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

/// A turn of any branch of a session.
pub(super) struct StoredTurn<'a> {
    turn: i64,
    content: &'a str,
    /// Every text that the user's message may have had.
    texts: Vec<&'a str>,
    may_be_retried: bool,
    has_succeeded: bool,
}

impl<'a> StoredTurn<'a> {
    /// Creates a turn from the user's message in an export.
    pub(super) fn new(message: &'a Value, texts: Vec<(&'a str, bool)>, may_be_retried: bool) -> Self {
        let content = message["content"].as_str().unwrap_or_default();
        let mut texts: Vec<&str> = texts.into_iter().map(|(text, _)| text).collect();
        texts.push(content);
        let has_succeeded = message["task"]["status"] == "succeeded";
        Self { turn: message["turn"].as_i64().unwrap_or_default(), content, texts, may_be_retried, has_succeeded }
    }
}
