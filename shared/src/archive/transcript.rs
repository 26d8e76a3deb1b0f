//! Reads a chat turn by turn.

use std::vec;

use crate::{
    chat::{Message, Role, Step, UserRef},
    id::SessionId,
    store::{Store, StoreError, TurnBound},
};

/// The maximum number of turns that are read at once. The store also limits the size of a page.
const PAGE_TURNS: u32 = 16;

/// A user's message with the steps of its task, or an answer.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The message.
    pub message: Message,
    /// The steps; empty for an answer.
    pub steps: Vec<Step>,
}

/// Reads the messages of a session in the order of the transcript.
#[derive(Debug)]
pub struct Transcript {
    store: Store,
    user: UserRef,
    session_id: SessionId,
    page: vec::IntoIter<Message>,
    last_turn: i64,
    has_more: bool,
}

impl Transcript {
    /// Begins with the first turn.
    pub fn new(store: Store, user: UserRef, session_id: SessionId) -> Self {
        Self { store, user, session_id, page: Vec::new().into_iter(), last_turn: -1, has_more: true }
    }

    /// Returns the next message; `None` after the last one.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session was deleted, or another error if the store fails.
    pub async fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        loop {
            if let Some(message) = self.page.next() {
                return self.with_steps(message).await.map(Some);
            }
            if !self.has_more {
                return Ok(None);
            }
            let bound = TurnBound::After(self.last_turn);
            let page = self.store.list_messages(&self.user, self.session_id, bound, PAGE_TURNS).await?;
            self.last_turn = page.items.last().map_or(self.last_turn, |message| message.turn);
            self.has_more = page.has_more;
            self.page = page.items.into_iter();
        }
    }

    async fn with_steps(&self, message: Message) -> Result<Entry, StoreError> {
        let steps = match message.role {
            Role::User => self.store.find_task(self.session_id, message.task_id).await?.map(|task| task.steps),
            Role::Assistant => None,
        };
        Ok(Entry { message, steps: steps.unwrap_or_default() })
    }
}
