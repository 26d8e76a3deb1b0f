//! Reads a chat turn by turn.

use std::vec;

use crate::{
    chat::{Message, Role, Step, UserRef},
    id::SessionId,
    store::{BranchMessage, Store, StoreError, TurnBound},
};

/// The maximum number of turns that are read at once. The store also limits the size of a page.
const PAGE_TURNS: u32 = 16;

/// A message with the steps of its task.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The message.
    pub message: Message,
    /// The turn before the message's turn, if it is known; `None` for a first turn.
    pub parent_turn: Option<i64>,
    /// Whether the message is part of the transcript.
    pub is_current: bool,
    /// The steps; empty for an answer.
    pub steps: Vec<Step>,
}

/// Which messages of a session are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the transcript.
    Transcript,
    /// Those of all branches.
    AllBranches,
}

/// Reads the messages of a session in the order of their turns.
#[derive(Debug)]
pub struct Reader {
    store: Store,
    user: UserRef,
    session_id: SessionId,
    scope: Scope,
    page: vec::IntoIter<BranchMessage>,
    last_turn: i64,
    has_more: bool,
}

impl Reader {
    /// Begins with the first turn.
    pub fn new(store: Store, user: UserRef, session_id: SessionId, scope: Scope) -> Self {
        Self { store, user, session_id, scope, page: Vec::new().into_iter(), last_turn: -1, has_more: true }
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
            let (items, has_more) = self.read_page().await?;
            self.last_turn = items.last().map_or(self.last_turn, |item| item.message.turn);
            self.has_more = has_more;
            self.page = items.into_iter();
        }
    }

    /// Reads the next page. Returns its messages, and whether there are more.
    async fn read_page(&self) -> Result<(Vec<BranchMessage>, bool), StoreError> {
        match self.scope {
            Scope::Transcript => {
                let bound = TurnBound::After(self.last_turn);
                let page = self.store.list_messages(&self.user, self.session_id, bound, PAGE_TURNS).await?;
                let items = page.items.into_iter().map(|message| BranchMessage {
                    message,
                    parent_turn: None,
                    is_current: true,
                });
                Ok((items.collect(), page.has_more))
            }
            Scope::AllBranches => {
                let page =
                    self.store.list_all_branches(&self.user, self.session_id, self.last_turn, PAGE_TURNS).await?;
                Ok((page.items, page.has_more))
            }
        }
    }

    async fn with_steps(&self, item: BranchMessage) -> Result<Entry, StoreError> {
        let BranchMessage { message, parent_turn, is_current } = item;
        let steps = match message.role {
            Role::User => self.store.find_task(self.session_id, message.task_id).await?.map(|task| task.steps),
            Role::Assistant => None,
        };
        Ok(Entry { message, parent_turn, is_current, steps: steps.unwrap_or_default() })
    }
}
