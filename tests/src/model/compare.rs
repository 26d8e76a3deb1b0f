//! Compares the derived state with a fresh GET.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{Model, drafts::agree};
use crate::client::Client;

/// The result of a comparison with a fresh GET.
#[derive(Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The states are equal.
    Equal,
    /// The server's state is at another position, or changed during the comparison.
    Elsewhere,
    /// The states differ.
    Different(String),
}

impl Model {
    /// Compares the state with a fresh GET of all objects.
    pub async fn compare(&self, client: &Client) -> Comparison {
        let list = client.get("/v1/chat?status=all&limit=100").await.ok(200);
        let here = self.cursor();
        // A session's stream omits other sessions' events, so the stream's position may be behind the user's position.
        let moved = |as_of: &Value| self.only_session.is_none() && *as_of != here.as_str();
        if moved(&list["as_of"]) {
            return Comparison::Elsewhere;
        }
        let mut fresh = Self { only_session: self.only_session.clone(), ..Self::default() };
        for session in list["items"].as_array().unwrap() {
            let id = session["id"].as_str().unwrap();
            if self.only_session.as_deref().is_some_and(|only| only != id) {
                continue;
            }
            let Some(chat) = client.find_chat(id).await else { return Comparison::Elsewhere };
            if moved(&chat["as_of"]) {
                return Comparison::Elsewhere;
            }
            if *session != chat["session"] {
                return Comparison::Different(format!("list and chat differ: {session} {}", chat["session"]));
            }
            fresh.load(id, &chat);
            if let Some(complaint) = self.compare_partial(&chat) {
                return Comparison::Different(complaint);
            }
        }
        let (sessions, messages) = (difference(&self.sessions, &fresh.sessions), self.compare_messages(&fresh));
        match sessions.or(messages) {
            Some(complaint) => Comparison::Different(complaint),
            None => Comparison::Equal,
        }
    }

    fn compare_messages(&self, fresh: &Self) -> Option<String> {
        let none = super::Messages::default();
        let all: BTreeSet<&String> = self.messages.keys().chain(fresh.messages.keys()).collect();
        all.into_iter()
            .find_map(|id| difference(self.messages.get(id).unwrap_or(&none), fresh.messages.get(id).unwrap_or(&none)))
    }

    fn compare_partial(&self, chat: &Value) -> Option<String> {
        let (running, partial) = (&chat["session"]["active_task"], &chat["partial"]);
        if partial.is_null() {
            return None;
        }
        if partial["task_id"] != running["id"] || partial["attempt"] != running["attempt"] {
            return Some(format!("a partial answer without a running task: {partial}"));
        }
        let text = partial["text"].as_str()?;
        let draft = self.drafts.get(partial["task_id"].as_str()?)?;
        let same = draft.attempt == partial["attempt"].as_i64()?;
        (same && !agree(&draft.text, text)).then(|| format!("{draft:?} and {partial}"))
    }
}

/// Returns the first difference between the derived state and the fetched state.
fn difference(folded: &BTreeMap<String, Arc<Value>>, fetched: &BTreeMap<String, Arc<Value>>) -> Option<String> {
    let all: BTreeSet<&String> = folded.keys().chain(fetched.keys()).collect();
    all.into_iter()
        .find(|id| folded.get(*id) != fetched.get(*id))
        .map(|id| format!("by events: {:#?}\nby GET: {:#?}", folded.get(id), fetched.get(id)))
}
