//! Client state, reduced from events by the rules of the contract and strict about its guarantees.

mod compare;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::{chat::has_ended, client::Client, sse::Event};

pub use compare::Comparison;

/// A position in the user's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The log's epoch.
    pub epoch: String,
    /// The sequence number of the last event.
    pub seq: u64,
}

impl Position {
    /// Parses `<epoch>-<seq>`.
    ///
    /// # Errors
    /// Fails if the text does not have that form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let broken = || format!("not a cursor: {text:?}");
        let (epoch, seq) = text.split_once('-').ok_or_else(broken)?;
        let is_epoch = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        if !is_epoch {
            return Err(broken());
        }
        Ok(Self { epoch: epoch.to_owned(), seq: seq.parse().map_err(|_| broken())? })
    }

    /// Formats the position as `<epoch>-<seq>`.
    pub fn text(&self) -> String {
        format!("{}-{}", self.epoch, self.seq)
    }
}

/// The partial text of a running answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The attempt that produces it.
    pub attempt: i64,
    /// The id that the answer will have.
    pub message_id: String,
    /// The text.
    pub text: String,
}

/// The messages of one session by id. Clones share unchanged messages.
type Messages = Arc<BTreeMap<String, Arc<Value>>>;

/// The state of one client. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The only session whose events are expected; sequence numbers may then have gaps.
    only_session: Option<String>,
    position: Option<Position>,
    sessions: BTreeMap<String, Arc<Value>>,
    messages: BTreeMap<String, Messages>,
    drafts: BTreeMap<String, Draft>,
    created: BTreeSet<Arc<str>>,
    must_resync: bool,
    stale: bool,
}

impl Model {
    /// Creates the state of a client of `/v1/events` that has just fetched everything.
    pub async fn of_user(client: &Client) -> Self {
        let mut model = Self::default();
        model.fetch(client).await;
        model
    }

    /// Creates the state of a client of one session's stream that has just fetched it.
    pub async fn of_session(client: &Client, session: &str) -> Self {
        let mut model = Self { only_session: Some(session.to_owned()), ..Self::default() };
        model.fetch(client).await;
        model
    }

    /// Returns the position as a cursor for `Last-Event-ID`.
    pub fn cursor(&self) -> String {
        self.position.as_ref().unwrap().text()
    }

    /// Returns the sequence number of the last event.
    pub fn seq(&self) -> u64 {
        self.position.as_ref().unwrap().seq
    }

    /// Returns the partial text of a task's answer.
    pub fn draft(&self, task: &str) -> Option<&Draft> {
        self.drafts.get(task)
    }

    /// Returns whether a `resync` arrived, so that the state has to be fetched again.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Returns whether the client follows one session's stream.
    pub fn is_of_session(&self) -> bool {
        self.only_session.is_some()
    }

    /// Drops the state that is bound to a connection; a new stream sends it again.
    pub fn disconnect(&mut self) {
        self.drafts.clear();
        self.must_resync = false;
    }

    /// Fetches everything, as a client does at startup and after a `resync`.
    pub async fn fetch(&mut self, client: &Client) {
        self.sessions.clear();
        self.messages.clear();
        let list = client.get("/v1/chat?status=all&limit=100").await.ok(200);
        let mut from = Position::parse(list["as_of"].as_str().unwrap()).unwrap();
        for session in list["items"].as_array().unwrap() {
            let id = session["id"].as_str().unwrap();
            if self.only_session.as_deref().is_some_and(|only| only != id) {
                continue;
            }
            if let Some(chat) = client.find_chat(id).await {
                let as_of = Position::parse(chat["as_of"].as_str().unwrap()).unwrap();
                assert!(as_of.seq >= from.seq, "as_of went back from {from:?} to {as_of:?}");
                if self.only_session.is_some() {
                    from = as_of;
                }
                self.load(id, &chat);
            }
        }
        if !self.stale {
            self.position = Some(from);
        }
        self.stale = false;
    }

    fn load(&mut self, id: &str, chat: &Value) {
        self.sessions.insert(id.to_owned(), chat["session"].clone().into());
        let messages = chat["messages"].as_array().unwrap();
        let by_id = messages.iter().map(|it| (it["id"].as_str().unwrap().to_owned(), Arc::new(it.clone())));
        self.messages.insert(id.to_owned(), Arc::new(by_id.collect()));
    }

    /// Applies one event.
    ///
    /// # Errors
    /// Describes the rule that the event violates.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        self.apply_inner(event).map_err(|what| format!("{what}: {event:?}"))
    }

    fn apply_inner(&mut self, event: &Event) -> Result<(), String> {
        if self.must_resync && event.kind != "resync" {
            return Err("hello has another cursor than ours, and no resync follows".into());
        }
        let session = event.session().to_owned();
        if self.only_session.as_ref().is_some_and(|only| !session.is_empty() && *only != session) {
            return Err("another session's event".into());
        }
        if let Some(id) = &event.id {
            self.advance(Position::parse(id)?)?;
        }
        match event.kind.as_str() {
            "hello" => {
                let cursor = Position::parse(event.data["cursor"].as_str().unwrap_or_default())?;
                self.must_resync = self.position.as_ref() != Some(&cursor);
            }
            "resync" => {
                self.position = Some(Position::parse(event.data["cursor"].as_str().unwrap_or_default())?);
                self.must_resync = false;
                self.stale = true;
            }
            "session.deleted" => {
                self.sessions.remove(&session);
                for message in self.messages.remove(&session).unwrap_or_default().values() {
                    self.drafts.remove(message["task_id"].as_str().unwrap_or_default());
                }
            }
            "message.created" | "message.updated" => self.put_message(&session, event)?,
            "message.deleted" => {
                let id = event.data["message_id"].as_str().ok_or("no message_id")?;
                self.messages_mut(&session).remove(id);
            }
            "task.updated" => self.put_task(&session, &event.data["task"])?,
            "message.delta" => self.append(&session, &event.data)?,
            "message.partial" => self.replace(&session, &event.data)?,
            "typing" if event.data["is_typing"] == true => {
                self.refuse_after_the_end(&session, &event.data, None)?;
            }
            _ => {}
        }
        if event.is_durable() && event.kind != "session.deleted" {
            if event.data["session"]["id"] != session.as_str() {
                return Err("a durable event about a session carries it".into());
            }
            self.sessions.insert(session, event.data["session"].clone().into());
        }
        Ok(())
    }

    fn advance(&mut self, to: Position) -> Result<(), String> {
        let from = self.position.as_ref().ok_or("an event before hello")?;
        let follows = if self.only_session.is_some() { to.seq > from.seq } else { to.seq == from.seq + 1 };
        if to.epoch != from.epoch || !follows {
            return Err(format!("{} does not follow {}", to.text(), from.text()));
        }
        self.position = Some(to);
        Ok(())
    }

    fn put_message(&mut self, session: &str, event: &Event) -> Result<(), String> {
        let message = &event.data["message"];
        let id = message["id"].as_str().ok_or("no message")?;
        if message["chat_session_id"] != session {
            return Err("a message of another session".into());
        }
        if event.kind == "message.created" && !self.created.insert(id.into()) {
            return Err("created twice".into());
        }
        let messages = Arc::make_mut(self.messages.entry(session.to_owned()).or_default());
        if message["role"] == "assistant" {
            let task = message["task_id"].as_str().ok_or("no task_id")?;
            let twin = messages
                .values()
                .any(|other| other["role"] == "assistant" && other["task_id"] == task && other["id"] != id);
            if twin {
                return Err("a second answer of one task".into());
            }
            if let Some(draft) = self.drafts.remove(task) {
                let content = message["content"].as_str().unwrap_or_default();
                if message["finish_reason"] == "stop" && !content.starts_with(&draft.text) {
                    return Err(format!("the answer does not begin as it was streamed: {:?}", draft.text));
                }
                if draft.message_id != id {
                    return Err(format!("the answer was streamed as {}", draft.message_id));
                }
            }
        }
        messages.insert(id.to_owned(), message.clone().into());
        Ok(())
    }

    fn put_task(&mut self, session: &str, task: &Value) -> Result<(), String> {
        let id = task["id"].as_str().ok_or("no task")?;
        let attempt = task["attempt"].as_i64().ok_or("no attempt")?;
        let known = self.user_message_mut(session, id).ok_or("a task of no known message")?;
        if known["task"]["attempt"].as_i64() > Some(attempt) {
            return Err("the attempt fell".into());
        }
        known["task"] = task.clone();
        if self.drafts.get(id).is_some_and(|draft| draft.attempt < attempt) {
            self.drafts.remove(id);
        }
        Ok(())
    }

    fn user_message(&self, session: &str, task: &str) -> Option<&Value> {
        let messages = self.messages.get(session)?;
        messages.values().map(Arc::as_ref).find(|message| message["role"] == "user" && message["task_id"] == task)
    }

    fn user_message_mut(&mut self, session: &str, task: &str) -> Option<&mut Value> {
        let messages = Arc::make_mut(self.messages.get_mut(session)?);
        messages.values_mut().find(|message| message["role"] == "user" && message["task_id"] == task).map(Arc::make_mut)
    }

    fn messages_mut(&mut self, session: &str) -> &mut BTreeMap<String, Arc<Value>> {
        Arc::make_mut(self.messages.entry(session.to_owned()).or_default())
    }

    /// Live events of an attempt that this client has seen end would bring its draft back to life.
    fn refuse_after_the_end(&self, session: &str, data: &Value, attempt: Option<i64>) -> Result<(), String> {
        let task = data["task_id"].as_str().ok_or("no task_id")?;
        let Some(known) = self.user_message(session, task) else { return Ok(()) };
        let of_the_ended = known["task"]["attempt"].as_i64() >= attempt;
        if has_ended(&known["task"]) && of_the_ended { Err("live after the task's end".into()) } else { Ok(()) }
    }

    fn append(&mut self, session: &str, data: &Value) -> Result<(), String> {
        let number = |field: &str| data[field].as_i64().ok_or_else(|| format!("no {field}"));
        let (attempt, offset, end) = (number("attempt")?, number("offset")?, number("next_offset")?);
        let text = data["text"].as_str().ok_or("no text")?;
        let (task, id) = (data["task_id"].as_str().ok_or("no task_id")?, data["message_id"].as_str().ok_or("no id")?);
        if offset + length(text) != end || text.is_empty() {
            return Err("offsets do not count the text's bytes".into());
        }
        self.refuse_after_the_end(session, data, Some(attempt))?;
        if self.drafts.get(task).is_none_or(|draft| draft.attempt < attempt) {
            let fresh = Draft { attempt, message_id: id.to_owned(), text: String::new() };
            self.drafts.insert(task.to_owned(), fresh);
        }
        let draft = self.drafts.get_mut(task).ok_or("no draft")?;
        if attempt < draft.attempt {
            return Ok(());
        }
        if draft.message_id != id {
            return Err(format!("another message_id than {}", draft.message_id));
        }
        let here = length(&draft.text);
        if offset > here {
            return Err(format!("a hole: {here} bytes so far"));
        }
        if offset == here {
            draft.text.push_str(text);
        } else if end > here {
            return Err(format!("a delta straddles offset {here}"));
        }
        Ok(())
    }

    fn replace(&mut self, session: &str, data: &Value) -> Result<(), String> {
        let attempt = data["attempt"].as_i64().ok_or("no attempt")?;
        let text = data["text"].as_str().ok_or("no text")?;
        let (task, id) = (data["task_id"].as_str().ok_or("no task_id")?, data["message_id"].as_str().ok_or("no id")?);
        if data["next_offset"].as_i64() != Some(length(text)) {
            return Err("next_offset is not the text's length".into());
        }
        self.refuse_after_the_end(session, data, Some(attempt))?;
        match self.drafts.get(task) {
            Some(draft) if draft.attempt > attempt => return Ok(()),
            Some(draft) if draft.attempt == attempt && !agree(&draft.text, text) => {
                return Err(format!("contradicts what was streamed: {:?}", draft.text));
            }
            _ => {}
        }
        self.drafts.insert(task.to_owned(), Draft { attempt, message_id: id.to_owned(), text: text.to_owned() });
        Ok(())
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap()
}

/// Returns whether one text is a prefix of the other.
fn agree(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
