//! A client's state, derived from events according to the contract's rules. Every event is checked against the
//! contract.

mod compare;
mod drafts;
mod events;
mod position;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::client::Client;

pub use compare::Comparison;
pub use drafts::Draft;
pub use position::Position;

/// The messages of one session by ID. Clones share unchanged messages.
type Messages = Arc<BTreeMap<String, Arc<Value>>>;

/// The state of one client. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The session, if the client follows one session's stream. In this case, sequence numbers may have gaps.
    only_session: Option<String>,
    position: Option<Position>,
    sessions: BTreeMap<String, Arc<Value>>,
    messages: BTreeMap<String, Messages>,
    drafts: BTreeMap<String, Draft>,
    created: BTreeSet<Arc<str>>,
    unloaded: BTreeSet<String>,
    /// The tasks whose messages were reported as deleted. The messages may be on another branch, and return.
    absent: BTreeSet<Arc<str>>,
    must_resync: bool,
    stale: bool,
}

impl Model {
    /// Creates the state of a client that follows `/v1/events` and has just fetched everything.
    pub async fn of_user(client: &Client) -> Self {
        let mut model = Self::default();
        model.fetch(client).await;
        model
    }

    /// Creates the state of a client that follows one session's stream and has just fetched the session.
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

    /// Returns whether a `resync` has arrived, so that the state must be fetched again.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Returns whether the client follows one session's stream.
    pub fn is_of_session(&self) -> bool {
        self.only_session.is_some()
    }

    /// Returns the sessions that had messages when they were created, such as imported ones and forks. Their messages
    /// must be fetched.
    pub fn unloaded(&self) -> impl Iterator<Item = &str> {
        self.unloaded.iter().map(String::as_str)
    }

    /// Adds the fetched messages of an unloaded session, or none if it no longer exists. The stream must be opened again
    /// afterward, because events that are on their way may be older than the messages.
    pub fn load_messages(&mut self, session: &str, messages: &[Value]) {
        if self.unloaded.remove(session) {
            self.put_messages(session, messages);
        }
    }

    /// Discards the state that a new stream sends again, such as drafts.
    pub fn disconnect(&mut self) {
        self.drafts.clear();
        self.must_resync = false;
    }

    /// Fetches everything, as a client does at startup and after a `resync`.
    pub async fn fetch(&mut self, client: &Client) {
        self.sessions.clear();
        self.messages.clear();
        self.unloaded.clear();
        let list = client.get("/v1/chat?status=all&limit=100").await.ok(200);
        let mut from = Position::parse(list["as_of"].as_str().unwrap()).unwrap();
        for session in list["items"].as_array().unwrap() {
            let id = session["id"].as_str().unwrap();
            if self.only_session.as_deref().is_some_and(|only| only != id) {
                continue;
            }
            if let Some(chat) = client.find_chat(id).await {
                let as_of = Position::parse(chat["as_of"].as_str().unwrap()).unwrap();
                assert!(as_of.seq >= from.seq, "as_of moved back from {from:?} to {as_of:?}");
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
        self.put_messages(id, chat["messages"].as_array().unwrap());
    }

    fn put_messages(&mut self, session: &str, messages: &[Value]) {
        let by_id = messages.iter().map(|it| (it["id"].as_str().unwrap().to_owned(), Arc::new(it.clone())));
        self.messages.insert(session.to_owned(), Arc::new(by_id.collect()));
    }
}
