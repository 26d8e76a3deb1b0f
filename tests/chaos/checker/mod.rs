//! Compares the final state with the history. Checks which objects exist, what their order is, and what they contain.

mod branches;
mod imports;
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
    history::{History, ImportRecord, OperationResult, is_archive, is_delete},
};
use branches::Branches;
use message_history::MessageHistory;
use prompts::{Prompts, StoredTurn};

/// A check of the final state against the complete history.
pub struct Checker<'a> {
    history: &'a History,
    stories: BTreeMap<String, Vec<MessageHistory>>,
    imports: Vec<ImportRecord>,
    requests: Prompts,
}

/// The final state of a session.
struct FinalState<'a> {
    id: &'a str,
    session: &'a Value,
    /// The messages of the current branch.
    transcript: &'a [Value],
    /// The messages of all branches, from the export.
    exported: &'a [Value],
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
        Self { history, stories, imports: history.imports(), requests: Prompts::new(asked) }
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
        let mut exports = Vec::new();
        for session in &ids {
            let chat = client.chat(session).await;
            let mut document = client.get(&format!("/v1/chat/{session}/export")).await.ok(200);
            let exported = document["conversations"][0]["messages"].take();
            let (transcript, exported) = (chat["messages"].as_array().unwrap(), exported.as_array().unwrap().clone());
            let state = FinalState { id: session, session: &chat["session"], transcript, exported: &exported };
            self.session(&state, user);
            self.inactive_tasks(client, session, &exported).await;
            exports.push((session.clone(), exported));
        }
        for violation in imports::violations(self.history, &self.imports, user.number, &exports) {
            self.history.record_violation(violation);
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
        for violation in self.requests.violations(stories, &self.imports) {
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

    fn session(&self, state: &FinalState<'_>, user: &User) {
        let FinalState { id: session, transcript, exported, .. } = state;
        let none = Vec::new();
        let stories = self.stories.get(*session).unwrap_or(&none);
        let branches = Branches::new(exported);
        for violation in branches.violations(transcript, exported) {
            self.record_violation(session, &violation);
        }
        let imported = imports::find(&self.imports, exported);
        let stored = self.stored(state, stories, &branches, imported);
        self.order(session, &stored);
        let changes = self.history.changes(session);
        let (violations, comparisons) = branches.check_path_changes(&changes, stories, &stored);
        (0..comparisons).for_each(|_| self.history.count("check: branch of a message"));
        for violation in violations {
            self.record_violation(session, &violation);
        }
        self.tasks(session, transcript);
        for message in exported.iter().filter(|message| message["role"] == "user") {
            self.outcome(session, message, exported);
        }
        let mut turns: Vec<StoredTurn<'_>> = stored
            .iter()
            .map(|(story, message)| StoredTurn::new(message, story.texts(), story.may_be_retried()))
            .collect();
        turns.extend(imported.into_iter().flat_map(|import| &import.turns).filter_map(|turn| {
            let message = exported.iter().find(|it| it["role"] == "user" && it["turn"] == turn.turn)?;
            Some(StoredTurn::new(message, vec![(turn.text.as_str(), false)], true))
        }));
        for violation in self.requests.order_complaints(&turns, &branches) {
            self.record_violation(session, &violation);
        }
        let mut texts: Vec<&str> = stories.iter().flat_map(MessageHistory::texts).map(|(text, _)| text).collect();
        texts.extend(imported.map(|import| import.title.as_str()));
        for violation in settings::check(state.session, transcript, &changes, &texts) {
            self.record_violation(session, &violation);
        }
        let session_user = (&state.session["workspace_id"], &state.session["creator_id"]);
        if session_user != (&Value::from(user.name.0.as_str()), &Value::from(user.name.1.as_str())) {
            self.record_violation(session, &format!("{:?} sees a session that belongs to {session_user:?}", user.name));
        }
    }

    /// Checks that every acknowledged message is stored once, on any branch, and that every other message was imported
    /// or is that of a send without a conclusive response. Returns the messages that were sent.
    fn stored<'b>(
        &self,
        state: &FinalState<'b>,
        stories: &'b [MessageHistory],
        branches: &Branches,
        imported: Option<&ImportRecord>,
    ) -> Vec<(&'b MessageHistory, &'b Value)> {
        let FinalState { id: session, transcript, exported, .. } = *state;
        let by_id: BTreeMap<&str, &Value> =
            exported.iter().map(|message| (message["id"].as_str().unwrap(), message)).collect();
        if by_id.len() != exported.len() {
            self.record_violation(session, "a message is exported twice");
        }
        let turn_of = |id: &str| by_id.get(id).and_then(|message| message["turn"].as_i64());
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
                    let shown = transcript.iter().find(|shown| shown["id"] == id.as_str());
                    if shown.is_some_and(|shown| shown["task_id"] != task.as_str()) {
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
        let mut open: Vec<&MessageHistory> =
            stories.iter().filter(|it| it.send.ids.is_none() && it.send.result == OperationResult::Unknown).collect();
        for message in exported.iter().filter(|it| it["role"] == "user") {
            let (id, text) = (message["id"].as_str().unwrap(), text_of(message, "content"));
            let is_imported = imported.is_some_and(|it| it.turns.iter().any(|turn| message["turn"] == turn.turn));
            if explained.contains(id) || is_imported {
                continue;
            }
            match open.iter().position(|story| possible_texts(story, stories).contains(&text.as_str())) {
                Some(index) => stored.push((open.swap_remove(index), message)),
                None => self.record_violation(session, &format!("duplicate or never sent: {message}")),
            }
        }
        for (story, message) in &stored {
            let turn = message["turn"].as_i64().unwrap();
            let revised = story.send.revises.as_ref().and_then(|revised| turn_of(&revised.id));
            if revised.is_some_and(|revised| branches.parent(revised) != branches.parent(turn)) {
                self.record_violation(
                    session,
                    &format!("not a version of the revised message: {message} {:?}", story.send),
                );
            }
        }
        stored
    }

    /// Checks that the tasks of other branches can be read.
    async fn inactive_tasks(&self, client: &Client, session: &str, exported: &[Value]) {
        for story in self.stories.get(session).into_iter().flatten() {
            let Some((id, task)) = &story.send.ids else { continue };
            let is_inactive = |message: &&Value| message["id"] == id.as_str() && message["current"] == false;
            let Some(message) = exported.iter().find(is_inactive) else { continue };
            self.history.count("check: message of another branch");
            let found = client.get(&format!("/v1/chat/{session}/tasks/{task}")).await;
            if found.status != 200 || found.json()["status"] != message["task"]["status"] {
                self.record_violation(session, &format!("{message} has the task {}", found.text()));
            }
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

    /// Checks that the messages are listed in order, that every user message has a separate task, and that every answer
    /// belongs to a task.
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
            if !is_answer && !tasks.insert(message["task_id"].as_str().unwrap()) {
                self.record_violation(session, &format!("a task with two messages: {message}"));
            }
        }
        for answer in messages.iter().filter(|message| message["role"] == "assistant") {
            let is_its_message =
                |it: &Value| it["role"] == "user" && it["task_id"] == answer["task_id"] && it["turn"] == answer["turn"];
            if !messages.iter().any(is_its_message) {
                self.record_violation(session, &format!("an answer without a message: {answer}"));
            }
        }
    }

    /// Checks that the task of an exported message has ended, and that the answer matches the task's outcome.
    fn outcome(&self, session: &str, message: &Value, messages: &[Value]) {
        let task = &message["task"];
        if !has_ended(task) {
            self.record_violation(session, &format!("no outcome: {message}"));
        }
        if task["error"]["code"] == "session_archived" && !self.history.may_have(session, is_archive) {
            self.record_violation(session, &format!("cancelled by an archive that was never requested: {message}"));
        }
        let is_its_answer = |it: &&Value| it["role"] == "assistant" && it["turn"] == message["turn"];
        let answers: Vec<&Value> = messages.iter().filter(is_its_answer).collect();
        if answers.len() > 1 || (task["status"] == "succeeded" && answers.len() != 1) {
            self.record_violation(session, &format!("{} answers: {message}", answers.len()));
        }
        for answer in answers {
            if answer["current"] != message["current"] {
                self.record_violation(session, &format!("an answer on another branch: {message} {answer}"));
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

/// Returns every text that a message may have had whose send got no conclusive response.
fn possible_texts<'a>(story: &'a MessageHistory, stories: &'a [MessageHistory]) -> Vec<&'a str> {
    let mut texts = vec![story.send.text.as_str()];
    let revised = story.send.revises.as_ref().filter(|revised| revised.is_repeated);
    let is_revised = |other: &&MessageHistory| {
        let id = other.send.ids.as_ref().map(|(message, _)| message);
        id.is_some() && id == revised.map(|revised| &revised.id)
    };
    texts.extend(stories.iter().filter(is_revised).flat_map(MessageHistory::texts).map(|(text, _)| text));
    texts
}
