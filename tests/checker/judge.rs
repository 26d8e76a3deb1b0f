//! The end against the history: what must be there, what must not, and in which order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use banter_tests::{
    chat::{has_ended, id_of, text_of},
    client::Client,
    fake_openai::FakeOpenAi,
};
use serde_json::Value;

use crate::history::{Action, Change, Fate, History, Send};

/// What may have become of one message.
struct Story<'a> {
    send: &'a Send,
    changes: Vec<&'a Change>,
}

impl Story<'_> {
    fn is_unsent(&self) -> bool {
        self.changes.iter().any(|it| it.action == Action::Unsend && matches!(it.fate, Fate::Acknowledged(_)))
    }

    fn may_be_unsent(&self) -> bool {
        self.changes.iter().any(|it| it.action == Action::Unsend && it.fate != Fate::Refused)
    }

    /// Every text that it may ever have had, and whether that text has certainly been replaced.
    fn texts(&self) -> Vec<(&str, bool)> {
        let acknowledged: Vec<Instant> =
            self.edits().filter_map(|(_, change)| acknowledged_at(&change.fate).map(|_| change.started)).collect();
        let mut texts = vec![(self.send.text.as_str(), !acknowledged.is_empty())];
        for (text, change) in self.edits().filter(|(_, change)| change.fate != Fate::Refused) {
            let ended = acknowledged_at(&change.fate);
            let is_replaced = ended.is_some_and(|ended| acknowledged.iter().any(|started| *started > ended));
            texts.push((text, is_replaced));
        }
        texts
    }

    fn edits(&self) -> impl Iterator<Item = (&str, &Change)> {
        self.changes.iter().filter_map(|change| match &change.action {
            Action::Edit(text) => Some((text.as_str(), *change)),
            Action::Unsend | Action::Retry => None,
        })
    }

    fn may_be_retried(&self) -> bool {
        self.changes.iter().any(|it| it.action == Action::Retry && it.fate != Fate::Refused)
    }
}

fn acknowledged_at(fate: &Fate) -> Option<Instant> {
    if let Fate::Acknowledged(at) = fate { Some(*at) } else { None }
}

/// The whole history, by session.
pub struct Judge<'a> {
    history: &'a History,
    model: &'a FakeOpenAi,
    sends: Vec<Send>,
    changes: Vec<Change>,
}

impl<'a> Judge<'a> {
    /// A judge of what has happened so far.
    pub fn new(history: &'a History, model: &'a FakeOpenAi) -> Self {
        Self { history, model, sends: history.sends(), changes: history.changes() }
    }

    /// Judges one user's sessions. `made` are those that were acknowledged.
    pub async fn user(&self, client: &Client, made: &[(String, &'static str)]) {
        let listed = client.list_all("status=all").await;
        let ids: BTreeSet<String> = listed.iter().map(id_of).collect();
        if ids.len() != listed.len() {
            self.history.complain("a session is listed twice".into());
        }
        for (session, _) in made.iter().filter(|(session, _)| !ids.contains(session)) {
            self.history.complain(format!("an acknowledged session is gone: {session}"));
        }
        for session in &ids {
            let messages = client.messages(session).await;
            self.session(session, &messages);
        }
    }

    /// What the agent was asked must be what was sent, when it was still to be answered.
    pub fn requests(&self) {
        let stories = self.stories(|_| true);
        let mut forbidden = BTreeMap::new();
        let mut known = BTreeSet::new();
        for story in &stories {
            for (text, is_replaced) in story.texts() {
                known.insert(text);
                if story.is_unsent() || is_replaced || story.send.fate == Fate::Refused {
                    forbidden.insert(text, story.send);
                }
            }
        }
        for request in self.model.requests() {
            for (_, text) in request.conversation().iter().filter(|(role, _)| role == "user") {
                if let Some(send) = forbidden.get(text.as_str()) {
                    self.history.complain(format!("an agent has seen {text:?}, which was taken back: {send:?}"));
                } else if !known.contains(text.as_str()) {
                    self.history.complain(format!("an agent was asked {text:?}, which nobody sent"));
                }
            }
        }
    }

    fn stories(&self, of: impl Fn(&Send) -> bool) -> Vec<Story<'_>> {
        let with_changes = |send| {
            let changes = self.changes.iter().filter(|change| is_about(change, send)).collect();
            Story { send, changes }
        };
        self.sends.iter().filter(|send| of(send)).map(with_changes).collect()
    }

    fn session(&self, session: &str, messages: &[Value]) {
        let stories = self.stories(|send| send.session == session);
        let by_id: BTreeMap<&str, &Value> =
            messages.iter().map(|message| (message["id"].as_str().unwrap(), message)).collect();
        if by_id.len() != messages.len() {
            self.complain(session, "a message is listed twice");
        }
        let mut explained = BTreeSet::new();
        let mut stored: Vec<(&Story<'_>, &Value)> = Vec::new();
        for story in &stories {
            let Some((id, task)) = &story.send.ids else { continue };
            match by_id.get(id.as_str()) {
                Some(_) if story.is_unsent() => self.complain(session, &format!("unsent and still there: {id}")),
                Some(message) => {
                    self.text(session, story, message);
                    if message["task_id"] != task.as_str() {
                        self.complain(session, &format!("another task than acknowledged: {message}"));
                    }
                    stored.push((story, message));
                }
                None if story.may_be_unsent() => {}
                None => self.complain(session, &format!("acknowledged and lost: {:?}", story.send)),
            }
            explained.insert(id.as_str());
        }
        // What was never answered may be there, once.
        for message in
            messages.iter().filter(|it| it["role"] == "user" && !explained.contains(it["id"].as_str().unwrap()))
        {
            let text = text_of(message, "content");
            let mut open = stories.iter().filter(|it| it.send.ids.is_none() && it.send.fate == Fate::Unknown);
            let is_first = messages.iter().find(|it| it["role"] == "user" && it["content"] == text.as_str());
            match open.find(|story| story.send.text == text) {
                Some(story) if is_first == Some(message) => stored.push((story, message)),
                _ => self.complain(session, &format!("nobody sent this, or not twice: {message}")),
            }
        }
        self.order(session, &stored);
        self.tasks(session, messages);
        self.first_questions(session, &stored);
    }

    fn text(&self, session: &str, story: &Story<'_>, message: &Value) {
        let text = text_of(message, "content");
        if !story.texts().iter().any(|(known, is_replaced)| *known == text && !is_replaced) {
            let story = format!("{:?} {:?}", story.send, story.changes);
            self.complain(session, &format!("the text is {text:?}: {story}"));
        }
    }

    /// One acknowledged before the other began stands before it.
    fn order(&self, session: &str, stored: &[(&Story<'_>, &Value)]) {
        for (one, message) in stored {
            let Some(acknowledged) = acknowledged_at(&one.send.fate) else { continue };
            for (other, later) in stored.iter().filter(|(other, _)| other.send.started > acknowledged) {
                if message["turn"].as_i64() >= later["turn"].as_i64() {
                    let pair = format!("{:?} and {:?}", one.send, other.send);
                    self.complain(session, &format!("out of order: {message} and {later}: {pair}"));
                }
            }
        }
    }

    /// Every user message has one task with an outcome, and the answer that the outcome asks for, at its turn.
    fn tasks(&self, session: &str, messages: &[Value]) {
        let mut tasks = BTreeSet::new();
        let mut last = (0, 0);
        for message in messages {
            let is_answer = message["role"] == "assistant";
            let place = (message["turn"].as_i64().unwrap(), i32::from(is_answer));
            if place <= last {
                self.complain(session, &format!("{message} stands at {place:?} after {last:?}"));
            }
            last = place;
            if !is_answer {
                if !tasks.insert(message["task_id"].as_str().unwrap()) {
                    self.complain(session, &format!("a task of two messages: {message}"));
                }
                self.outcome(session, message, messages);
            }
        }
        for answer in messages.iter().filter(|message| message["role"] == "assistant") {
            if !tasks.contains(answer["task_id"].as_str().unwrap_or_default()) {
                self.complain(session, &format!("an answer to nothing: {answer}"));
            }
        }
    }

    fn outcome(&self, session: &str, message: &Value, messages: &[Value]) {
        let task = &message["task"];
        if !has_ended(task) {
            self.complain(session, &format!("no outcome: {message}"));
        }
        let is_its_answer = |it: &&Value| it["role"] == "assistant" && it["task_id"] == message["task_id"];
        let answers: Vec<&Value> = messages.iter().filter(is_its_answer).collect();
        if answers.len() > 1 || (task["status"] == "succeeded" && answers.len() != 1) {
            self.complain(session, &format!("{} answers: {message}", answers.len()));
        }
        for answer in answers {
            if answer["turn"] != message["turn"] {
                self.complain(session, &format!("an answer at another turn: {message} {answer}"));
            }
            let reasons: &[&str] = match task["status"].as_str().unwrap_or_default() {
                "succeeded" => &["stop", "length", "refusal", "empty"],
                "failed" => &["error"],
                other => &[other],
            };
            if !reasons.contains(&answer["finish_reason"].as_str().unwrap_or_default()) {
                self.complain(session, &format!("{} ended with {answer}", task["status"]));
            }
            let expected = self.history.answer_to(message["content"].as_str().unwrap());
            let whole = task["status"] == "succeeded";
            if expected.is_some_and(|expected| {
                let text = answer["content"].as_str().unwrap();
                if whole { expected != text } else { !expected.starts_with(text) }
            }) {
                self.complain(session, &format!("not what the agent said to {message}: {answer}"));
            }
        }
    }

    /// A turn that succeeded at its first asking was asked before any later turn.
    fn first_questions(&self, session: &str, stored: &[(&Story<'_>, &Value)]) {
        let prompts = self.model.prompts();
        let asked = |message: &Value| prompts.iter().position(|prompt| message["content"] == prompt.as_str());
        let first = |(story, message): &&(&Story<'_>, &Value)| {
            let at = asked(message)?;
            (!story.may_be_retried()).then_some((
                at,
                message["turn"].as_i64().unwrap(),
                message["task"]["status"].clone(),
            ))
        };
        let turns: Vec<_> = stored.iter().filter_map(|it| first(&it)).collect();
        for (at, turn, status) in &turns {
            for (_, later, _) in turns.iter().filter(|(other, later, _)| later > turn && other < at) {
                if status == "succeeded" {
                    self.complain(session, &format!("turn {later} was asked before turn {turn}"));
                }
            }
        }
    }

    fn complain(&self, session: &str, what: &str) {
        self.history.complain(format!("session {session}: {what}"));
    }
}

fn is_about(change: &Change, send: &Send) -> bool {
    send.ids.as_ref().is_some_and(|(message, _)| *message == change.message)
}
