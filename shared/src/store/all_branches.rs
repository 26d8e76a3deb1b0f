//! Reads the messages of all branches of a session.

use std::collections::HashMap;

use super::{
    Store, StoreError,
    database_driver::Connection,
    messages::PAGE_BYTES,
    rows::{MessageRow, select_inactive_messages, select_messages},
    sessions::owned_session,
};
use crate::{
    chat::{Message, Role, UserRef},
    id::SessionId,
};

/// A message of any branch.
#[derive(Clone, Debug)]
pub struct BranchMessage {
    /// The message.
    pub message: Message,
    /// The turn before the message's turn; `None` for a first turn.
    pub parent_turn: Option<i64>,
    /// Whether the message is part of the transcript.
    pub is_current: bool,
}

/// A page of the messages of all branches.
#[derive(Clone, Debug)]
pub struct BranchPage {
    /// The messages of whole turns, in the order of the turns, with the user's message before the answer.
    pub items: Vec<BranchMessage>,
    /// Whether there are later turns.
    pub has_more: bool,
}

/// The turns after turn `$2`, each with the size of its texts in bytes.
const LIST_TURNS: &str = "SELECT t.turn, t.parent_turn, \
     COALESCE((SELECT SUM(octet_length(m.content)) FROM chat_message m \
         WHERE m.chat_session_id = t.chat_session_id AND m.turn = t.turn), 0) \
     + COALESCE((SELECT SUM(octet_length(i.content)) FROM inactive_message i \
         WHERE i.chat_session_id = t.chat_session_id AND i.turn = t.turn), 0) AS bytes \
     FROM agent_task t WHERE t.chat_session_id = $1 AND t.turn > $2 ORDER BY t.turn LIMIT $3 + 0";

impl Store {
    /// Returns a page of at most `limit` turns after a turn, with the messages of all branches.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn list_all_branches(
        &self,
        user: &UserRef,
        id: SessionId,
        after_turn: i64,
        limit: u32,
    ) -> Result<BranchPage, StoreError> {
        self.read(async |tx| {
            owned_session(tx, user, id).await?;
            read_page(tx, id, after_turn, limit).await
        })
        .await
    }
}

async fn read_page(tx: &mut Connection, id: SessionId, after_turn: i64, limit: u32) -> Result<BranchPage, StoreError> {
    // Read one more turn than requested to determine whether there are more.
    let turns: Vec<(i64, Option<i64>, i64)> =
        sqlx::query_as(LIST_TURNS).bind(id).bind(after_turn).bind(i64::from(limit) + 1).fetch_all(&mut *tx).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut bytes = 0;
    let fitting = turns.iter().take(wanted).enumerate().take_while(|(index, (_, _, size))| {
        bytes += size;
        *index == 0 || bytes <= PAGE_BYTES
    });
    let count = fitting.count();
    let (now, later) = turns.split_at(count);
    let (Some((first, ..)), Some((last, ..))) = (now.first(), now.last()) else {
        return Ok(BranchPage { items: Vec::new(), has_more: false });
    };
    let current: Vec<MessageRow> =
        sqlx::query_as(concat!(select_messages!(), "WHERE m.chat_session_id = $1 AND m.turn BETWEEN $2 AND $3"))
            .bind(id)
            .bind(first)
            .bind(last)
            .fetch_all(&mut *tx)
            .await?;
    let inactive: Vec<MessageRow> = sqlx::query_as(concat!(
        select_inactive_messages!(),
        "WHERE m.chat_session_id = $1 AND m.turn BETWEEN $2 AND $3"
    ))
    .bind(id)
    .bind(first)
    .bind(last)
    .fetch_all(&mut *tx)
    .await?;
    let parents: HashMap<i64, Option<i64>> = now.iter().map(|(turn, parent, _)| (*turn, *parent)).collect();
    let convert = |row: MessageRow, is_current: bool| {
        let message = Message::from(row);
        BranchMessage { parent_turn: parents.get(&message.turn).copied().flatten(), message, is_current }
    };
    let mut items: Vec<BranchMessage> = current.into_iter().map(|row| convert(row, true)).collect();
    items.extend(inactive.into_iter().map(|row| convert(row, false)));
    items.sort_by_key(|item| (item.message.turn, item.message.role == Role::Assistant));
    Ok(BranchPage { items, has_more: !later.is_empty() })
}
