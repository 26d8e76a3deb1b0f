//! Applies events according to the contract's rules.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Model, Position};
use crate::sse::Event;

impl Model {
    /// Applies an event.
    ///
    /// # Errors
    /// Returns a description of the rule that the event violates.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        self.apply_inner(event).map_err(|what| format!("{what}: {event:?}"))
    }

    fn apply_inner(&mut self, event: &Event) -> Result<(), String> {
        if self.must_resync && event.kind != "resync" {
            return Err("hello has a different cursor, and no resync follows".into());
        }
        let session = event.session().to_owned();
        if self.only_session.as_ref().is_some_and(|only| !session.is_empty() && *only != session) {
            return Err("an event for another session".into());
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
            "session.created" => {
                let has_messages = event.data["session"]["last_seq"].as_i64() > Some(0);
                if has_messages && !self.sessions.contains_key(&session) {
                    self.unloaded.insert(session.clone());
                }
            }
            "session.deleted" => {
                self.unloaded.remove(&session);
                self.sessions.remove(&session);
                for message in self.messages.remove(&session).unwrap_or_default().values() {
                    self.drafts.remove(message["task_id"].as_str().unwrap_or_default());
                }
            }
            "message.created" | "message.updated" => self.put_message(&session, event)?,
            "message.deleted" => {
                let id = event.data["message_id"].as_str().ok_or("no message_id")?;
                self.messages_mut(&session).remove(id);
                // It is created again if its branch becomes current.
                self.created.remove(id);
                if event.data["role"] == "user" {
                    self.absent.insert(event.data["task_id"].as_str().ok_or("no task_id")?.into());
                }
            }
            "task.updated" => self.put_task(&session, &event.data["task"])?,
            "message.delta" => self.append_delta(&session, &event.data)?,
            "message.partial" => self.replace_draft(&session, &event.data)?,
            "typing" if event.data["is_typing"] == true => {
                self.refuse_after_the_end(&session, &event.data, None)?;
            }
            _ => {}
        }
        if event.is_durable() && event.kind != "session.deleted" {
            if event.data["session"]["id"] != session.as_str() {
                return Err("a durable event does not contain its session".into());
            }
            self.sessions.insert(session, event.data["session"].clone().into());
        }
        Ok(())
    }

    fn advance(&mut self, to: Position) -> Result<(), String> {
        let from = self.position.as_ref().ok_or("an event before hello")?;
        if self.only_session.is_some() {
            to.check_after(from)?;
        } else {
            to.check_follows(from)?;
        }
        self.position = Some(to);
        Ok(())
    }

    fn put_message(&mut self, session: &str, event: &Event) -> Result<(), String> {
        let message = &event.data["message"];
        let id = message["id"].as_str().ok_or("no message")?;
        if message["chat_session_id"] != session {
            return Err("a message in another session".into());
        }
        if event.kind == "message.created" && !self.created.insert(id.into()) {
            return Err("a message created twice".into());
        }
        if message["role"] == "user" {
            self.absent.remove(message["task_id"].as_str().ok_or("no task_id")?);
        }
        let messages = Arc::make_mut(self.messages.entry(session.to_owned()).or_default());
        if message["role"] == "assistant" {
            let task = message["task_id"].as_str().ok_or("no task_id")?;
            let twin = messages
                .values()
                .any(|other| other["role"] == "assistant" && other["task_id"] == task && other["id"] != id);
            if twin {
                return Err("a second answer to one task".into());
            }
            if let Some(draft) = self.drafts.remove(task) {
                let content = message["content"].as_str().unwrap_or_default();
                if message["finish_reason"] == "stop" && !content.starts_with(&draft.text) {
                    return Err(format!("the answer does not start with the streamed text: {:?}", draft.text));
                }
                if draft.message_id != id {
                    return Err(format!("the answer was streamed with the ID {}", draft.message_id));
                }
            }
        }
        messages.insert(id.to_owned(), message.clone().into());
        Ok(())
    }

    fn put_task(&mut self, session: &str, task: &Value) -> Result<(), String> {
        let id = task["id"].as_str().ok_or("no task")?;
        let attempt = task["attempt"].as_i64().ok_or("no attempt")?;
        // Replayed events contain the state at the time of the replay. If the branch of a message becomes current again
        // meanwhile, the message may be replayed as deleted and its task as updated.
        let Some(known) = self.user_message_mut(session, id) else {
            return if self.absent.contains(id) { Ok(()) } else { Err("a task of an unknown message".into()) };
        };
        if known["task"]["attempt"].as_i64() > Some(attempt) {
            return Err("the attempt number decreased".into());
        }
        known["task"] = task.clone();
        if self.drafts.get(id).is_some_and(|draft| draft.attempt < attempt) {
            self.drafts.remove(id);
        }
        Ok(())
    }

    pub(super) fn user_message(&self, session: &str, task: &str) -> Option<&Value> {
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
}
