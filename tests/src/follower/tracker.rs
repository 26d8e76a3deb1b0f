//! The state that a follower derives from events.

use serde_json::Value;

use crate::{
    client::Client,
    model::{Model, Position},
    sse::Event,
};

/// The whole state of a client, or only the position in the log.
#[derive(Clone, Debug)]
pub(super) enum Tracker {
    Model(Model),
    Position(Position),
}

impl Tracker {
    /// Starts at the current end of the user's log.
    pub(super) async fn position_of(client: &Client) -> Self {
        let list = client.get("/v1/chat?limit=1").await.ok(200);
        Self::Position(Position::parse(list["as_of"].as_str().unwrap()).unwrap())
    }

    /// Returns the position as a cursor.
    pub(super) fn cursor(&self) -> String {
        match self {
            Self::Model(model) => model.cursor(),
            Self::Position(position) => position.text(),
        }
    }

    /// Returns the whole state. Panics if only the position is tracked.
    pub(super) fn model(&self) -> &Model {
        match self {
            Self::Model(model) => model,
            Self::Position(_) => panic!("this follower has no model"),
        }
    }

    /// Applies an event.
    ///
    /// # Errors
    /// Returns a description of the rule that the event violates.
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), String> {
        match self {
            Self::Model(model) => {
                model.apply(event)?;
                if model.is_stale() { Err(format!("an unexpected resync: {event:?}")) } else { Ok(()) }
            }
            Self::Position(position) => {
                if event.kind == "resync" {
                    *position = Position::parse(event.data["cursor"].as_str().unwrap_or_default())?;
                    return Err(format!("an unexpected resync: {event:?}"));
                }
                let Some(id) = &event.id else { return Ok(()) };
                let (next, before) = (Position::parse(id)?, position.clone());
                *position = next;
                position.check_follows(&before)
            }
        }
    }

    /// Returns the sessions whose messages must be fetched before the next event.
    pub(super) fn unloaded(&self) -> Vec<String> {
        match self {
            Self::Model(model) => model.unloaded().map(str::to_owned).collect(),
            Self::Position(_) => Vec::new(),
        }
    }

    /// Adds the fetched messages of a session.
    pub(super) fn load_messages(&mut self, session: &str, messages: &[Value]) {
        match self {
            Self::Model(model) => model.load_messages(session, messages),
            Self::Position(_) => {}
        }
    }

    /// Discards the state that belongs to a connection.
    pub(super) fn disconnect(&mut self) {
        match self {
            Self::Model(model) => model.disconnect(),
            Self::Position(_) => {}
        }
    }
}
