//! Messages: reading a session's transcript.

use std::collections::BTreeMap;

use super::{
    Store, StoreError, chunks, events,
    events::partial,
    rows::{self, parse, select_messages},
    sessions::owned_session,
    steps,
};
use crate::{
    chat::{Message, Partial, Session, TaskDetail, UserRef},
    event::Cursor,
    id::{SessionId, TaskId},
};
use sqlx::SqliteConnection;

/// A session with the newest part of its transcript, all as of one moment.
#[derive(Clone, Debug)]
pub struct Thread {
    /// The session.
    pub session: Session,
    /// Its newest turns, ascending.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// The running answer.
    pub partial: Option<Partial>,
    /// The event cursor of exactly this state.
    pub as_of: Cursor,
}

/// Which turns a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnBound {
    /// The newest.
    Newest,
    /// The newest before this one.
    Before(i64),
    /// The oldest after this one.
    After(i64),
}

/// A page of a transcript.
#[derive(Clone, Debug)]
pub struct MessagePage {
    /// Whole turns, ascending.
    pub items: Vec<Message>,
    /// Whether there are more in the direction of the page.
    pub has_more: bool,
}

/// A page of whole turns.
async fn page(
    connection: &mut SqliteConnection,
    session_id: SessionId,
    bound: TurnBound,
    limit: u32,
) -> Result<MessagePage, StoreError> {
    // Two messages a turn at most, and one more turn to know whether there is one.
    let row_limit = 2 * (i64::from(limit) + 1);
    let (before, after) = match bound {
        TurnBound::Newest => (None, None),
        TurnBound::Before(turn) => (Some(turn), None),
        TurnBound::After(turn) => (None, Some(turn)),
    };
    let query = if after.is_some() {
        sqlx::query(concat!(
            select_messages!(),
            "WHERE m.chat_session_id = ?1 AND (?2 IS NULL OR m.turn < ?2) AND (?3 IS NULL OR m.turn > ?3) \
             ORDER BY m.turn, m.role DESC LIMIT ?4"
        ))
    } else {
        sqlx::query(concat!(
            select_messages!(),
            "WHERE m.chat_session_id = ?1 AND (?2 IS NULL OR m.turn < ?2) AND (?3 IS NULL OR m.turn > ?3) \
             ORDER BY m.turn DESC, m.role LIMIT ?4"
        ))
    };
    let found =
        query.bind(session_id.to_string()).bind(before).bind(after).bind(row_limit).fetch_all(connection).await?;
    let mut turns: BTreeMap<i64, Vec<Message>> = BTreeMap::new();
    for row in &found {
        let message = rows::message(row)?;
        turns.entry(message.turn).or_default().push(message);
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = turns.len() > wanted;
    while turns.len() > wanted {
        if after.is_some() {
            turns.pop_last()
        } else {
            turns.pop_first()
        };
    }
    let mut items: Vec<Message> = turns.into_values().flatten().collect();
    items.sort_by_key(|message| (message.turn, message.role == crate::chat::Role::Assistant));
    Ok(MessagePage { items, has_more })
}

impl Store {
    /// A session with its newest turns and the running answer, all as of one moment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not the user's.
    pub async fn get_thread(&self, user: &UserRef, id: SessionId, limit: u32) -> Result<Thread, StoreError> {
        let mut tx = self.begin_read().await?;
        let as_of = events::head(&mut tx, user).await?.head;
        let session = owned_session(&mut tx, user, id).await?;
        let MessagePage { items: messages, has_more } = page(&mut tx, id, TurnBound::Newest, limit).await?;
        let partial = match &session.active_task {
            Some(task) => {
                let row = sqlx::query("SELECT answer_message_id FROM agent_task WHERE id = ?1")
                    .bind(task.id.to_string())
                    .fetch_one(&mut *tx)
                    .await?;
                let text = chunks::text_so_far(&mut tx, task.id, task.attempt).await?;
                Some(partial(task.id, task.attempt, parse(&row, "answer_message_id")?, text))
            }
            None => None,
        };
        Ok(Thread { session, messages, has_more, partial, as_of })
    }

    /// A page of a session's transcript.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the session is not the user's.
    pub async fn list_messages(
        &self,
        user: &UserRef,
        id: SessionId,
        bound: TurnBound,
        limit: u32,
    ) -> Result<MessagePage, StoreError> {
        let mut tx = self.begin_read().await?;
        owned_session(&mut tx, user, id).await?;
        page(&mut tx, id, bound, limit).await
    }

    /// Whether a message is in a session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_message(&self, session_id: SessionId, id: crate::id::MessageId) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM chat_message WHERE id = ?1 AND chat_session_id = ?2")
            .bind(id.to_string())
            .bind(session_id.to_string())
            .fetch_optional(&self.inner.readers)
            .await?;
        Ok(found.is_some())
    }

    /// A task of a session with its steps.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find_task(&self, session_id: SessionId, id: TaskId) -> Result<Option<TaskDetail>, StoreError> {
        let mut tx = self.begin_read().await?;
        let Some(task) = rows::find_task(&mut tx, id).await?.filter(|task| task.chat_session_id == session_id) else {
            return Ok(None);
        };
        let steps = steps::list(&mut tx, id).await?;
        Ok(Some(TaskDetail { task, steps }))
    }

    /// A user's message with its task and, once there is one, the answer.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find_exchange(&self, task_id: TaskId) -> Result<Option<(Message, Option<Message>)>, StoreError> {
        let mut tx = self.begin_read().await?;
        let found = sqlx::query(concat!(select_messages!(), "WHERE m.task_id = ?1 ORDER BY m.role DESC"))
            .bind(task_id.to_string())
            .fetch_all(&mut *tx)
            .await?;
        let mut messages = found.iter().map(rows::message).collect::<Result<Vec<_>, _>>()?.into_iter();
        Ok(messages.next().map(|message| (message, messages.next())))
    }
}
