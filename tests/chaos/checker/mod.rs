//! Compares the final state with the history. Checks which objects exist, what their order is, and what they contain.

mod message_history;
mod prompts;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use banter_tests::{
    chat::{has_ended, id_of, text_of},
    client::Client,
};
use serde_json::Value;

use crate::{
    clients::User,
    history::{History, OperationResult, is_archive, is_delete},
};
use message_history::MessageHistory;
use prompts::Prompts;

/// A check of the final state against the complete history.
pub struct Checker<'a> {
    history: &'a History,
    stories: BTreeMap<String, Vec<MessageHistory>>,
    requests: Prompts,
}

impl<'a> Checker<'a> {
    /// Creates a checker. `asked` contains one list per request to the model server, in order of arrival: the texts of
    /// the request's user messages.
    pub fn new(history: &'a History, asked: Vec<Vec<String>>) -> Self {
        let mut stories: BTreeMap<String, Vec<MessageHistory>> = BTreeMap::new();
        for send in history.sends() {
            let changes = send.ids.as_ref().map(|(message, _)| history.changes(message)).unwrap_or_default();
            stories.entry(send.session.clone()).or_default().push(MessageHistory { send, changes });
        }
        Self { history, stories, requests: Prompts::new(asked) }
    }

    /// Checks one user's sessions and returns their IDs. `made` contains the IDs of the sessions whose creation was
    /// acknowledged.
    pub async fn user(&self, user: &User, made: &[String]) -> BTreeSet<String> {
        let client = &user.client.apis()[0];
        let listed = client.list_all("status=all").await;
        let ids: BTreeSet<String> = listed.iter().map(id_of).collect();
        if ids.len() != listed.len() {
            self.history.record_violation("a session is listed twice".into());
        }
        for session in made {
            match ids.contains(session) {
                true if self.history.deleted_at(session).is_some() => {
                    self.history.record_violation(format!("a deleted session still exists: {session}"));
                }
                false if !self.history.may_have(session, is_delete) => {
                    self.history.record_violation(format!("an acknowledged session is missing: {session}"));
                }
                _ => {}
            }
        }
        for session in &ids {
            let chat = client.chat(session).await;
            self.session(session, &chat, user);
        }
        for session in made.iter().filter(|session| !ids.contains(*session)) {
            self.deleted(client, session).await;
        }
        ids
    }

    /// Checks that no prompt contains a text that was unsent, replaced, rejected, or never sent, and that none mixes
    /// texts from different sessions.
    pub fn requests(&self) {
        let stories = || self.stories.values().flatten();
        for violation in self.requests.violations(stories) {
            self.history.record_violation(violation);
        }
    }

    async fn deleted(&self, client: &Client, session: &str) {
        for path in ["", "/messages", "/events"] {
            let reply = client.get(&format!("/v1/chat/{session}{path}")).await;
            if reply.status != 404 {
                self.record_violation(session, &format!("deleted, but {path:?} returns {}", reply.status));
            }
        }
    }

    fn session(&self, session: &str, chat: &Value, user: &User) {
        let messages = chat["messages"].as_array().unwrap().as_slice();
        let none = Vec::new();
        let stories = self.stories.get(session).unwrap_or(&none);
        let by_id: BTreeMap<&str, &Value> =
            messages.iter().map(|message| (message["id"].as_str().unwrap(), message)).collect();
        if by_id.len() != messages.len() {
            self.record_violation(session, "a message is listed twice");
        }
        let mut explained = BTreeSet::new();
        let mut stored: Vec<(&MessageHistory, &Value)> = Vec::new();
        for story in stories {
            let Some((id, task)) = &story.send.ids else { continue };
            match by_id.get(id.as_str()) {
                Some(_) if story.is_unsent() => {
                    self.record_violation(session, &format!("unsent but still present: {id}"));
                }
                Some(message) => {
                    self.text(session, story, message);
                    if message["task_id"] != task.as_str() {
                        self.record_violation(
                            session,
                            &format!("the task differs from the acknowledged one: {message}"),
                        );
                    }
                    stored.push((story, message));
                }
                None if story.may_be_unsent() => {}
                None => self.record_violation(session, &format!("acknowledged but missing: {:?}", story.send)),
            }
            explained.insert(id.as_str());
        }
        // If a send got no conclusive response, the message may exist, but only once.
        for message in
            messages.iter().filter(|it| it["role"] == "user" && !explained.contains(it["id"].as_str().unwrap()))
        {
            let text = text_of(message, "content");
            let mut open =
                stories.iter().filter(|it| it.send.ids.is_none() && it.send.result == OperationResult::Unknown);
            let is_first = messages.iter().find(|it| it["role"] == "user" && it["content"] == text.as_str());
            match open.find(|story| story.send.text == text) {
                Some(story) if is_first == Some(message) => stored.push((story, message)),
                _ => self.record_violation(session, &format!("duplicate or never sent: {message}")),
            }
        }
        self.order(session, &stored);
        self.tasks(session, messages);
        for violation in self.requests.order_complaints(&stored) {
            self.record_violation(session, &violation);
        }
        let texts: Vec<&str> = stories.iter().flat_map(MessageHistory::texts).map(|(text, _)| text).collect();
        for violation in settings::check(&chat["session"], messages, &self.history.changes(session), &texts) {
            self.record_violation(session, &violation);
        }
        let session_user = (&chat["session"]["workspace_id"], &chat["session"]["creator_id"]);
        if session_user != (&Value::from(user.name.0.as_str()), &Value::from(user.name.1.as_str())) {
            self.record_violation(session, &format!("{:?} sees a session that belongs to {session_user:?}", user.name));
        }
    }

    fn text(&self, session: &str, story: &MessageHistory, message: &Value) {
        let text = text_of(message, "content");
        if !story.texts().iter().any(|(known, is_replaced)| *known == text && !is_replaced) {
            let story = format!("{:?} {:?}", story.send, story.changes);
            self.record_violation(session, &format!("unexpected text {text:?}: {story}"));
        }
    }

    /// If a message was acknowledged before another one was sent, checks that it also precedes the other one.
    fn order(&self, session: &str, stored: &[(&MessageHistory, &Value)]) {
        for (one, message) in stored {
            let Some(acknowledged) = one.send.result.acknowledged_at() else { continue };
            for (other, later) in stored.iter().filter(|(other, _)| other.send.started > acknowledged) {
                if message["turn"].as_i64() >= later["turn"].as_i64() {
                    let pair = format!("{:?} and {:?}", one.send, other.send);
                    self.record_violation(session, &format!("out of order: {message} and {later}: {pair}"));
                }
            }
        }
    }

    /// Checks that the messages are listed in order, that every user message has a separate task, that every task has
    /// ended, and that every answer belongs to a task and matches the task's outcome.
    fn tasks(&self, session: &str, messages: &[Value]) {
        let mut tasks = BTreeSet::new();
        let mut last = (0, 0);
        for message in messages {
            let is_answer = message["role"] == "assistant";
            let position = (message["turn"].as_i64().unwrap(), i32::from(is_answer));
            if position <= last {
                self.record_violation(session, &format!("{message} is at {position:?} after {last:?}"));
            }
            last = position;
            if !is_answer {
                if !tasks.insert(message["task_id"].as_str().unwrap()) {
                    self.record_violation(session, &format!("a task with two messages: {message}"));
                }
                self.outcome(session, message, messages);
            }
        }
        for answer in messages.iter().filter(|message| message["role"] == "assistant") {
            if !tasks.contains(answer["task_id"].as_str().unwrap_or_default()) {
                self.record_violation(session, &format!("an answer without a message: {answer}"));
            }
        }
    }

    fn outcome(&self, session: &str, message: &Value, messages: &[Value]) {
        let task = &message["task"];
        if !has_ended(task) {
            self.record_violation(session, &format!("no outcome: {message}"));
        }
        if task["error"]["code"] == "session_archived" && !self.history.may_have(session, is_archive) {
            self.record_violation(session, &format!("cancelled by an archive that was never requested: {message}"));
        }
        let is_its_answer = |it: &&Value| it["role"] == "assistant" && it["task_id"] == message["task_id"];
        let answers: Vec<&Value> = messages.iter().filter(is_its_answer).collect();
        if answers.len() > 1 || (task["status"] == "succeeded" && answers.len() != 1) {
            self.record_violation(session, &format!("{} answers: {message}", answers.len()));
        }
        for answer in answers {
            if answer["turn"] != message["turn"] {
                self.record_violation(session, &format!("an answer in the wrong turn: {message} {answer}"));
            }
            let reasons: &[&str] = match task["status"].as_str().unwrap_or_default() {
                "succeeded" => &["stop", "length", "refusal", "empty"],
                "failed" => &["error"],
                other => &[other],
            };
            if !reasons.contains(&answer["finish_reason"].as_str().unwrap_or_default()) {
                self.record_violation(session, &format!("{} ended with {answer}", task["status"]));
            }
            let expected = self.history.answer_to(message["content"].as_str().unwrap());
            let whole = task["status"] == "succeeded";
            if expected.is_some_and(|expected| {
                let text = answer["content"].as_str().unwrap();
                if whole { expected != text } else { !expected.starts_with(text) }
            }) {
                self.record_violation(session, &format!("the answer to {message} is not the scripted one: {answer}"));
            }
        }
    }

    fn record_violation(&self, session: &str, what: &str) {
        self.history.record_violation(format!("session {session}: {what}"));
    }
}
