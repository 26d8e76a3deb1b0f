//! Lists of a user's sessions.

use super::{
    Store, StoreError, events,
    rows::{SessionRow, select_sessions},
};
use crate::{
    chat::{Session, SessionStatus, UserRef},
    clock::Timestamp,
    event::Cursor,
    id::SessionId,
};

/// The filter of a session list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only sessions with this status.
    pub status: Option<SessionStatus>,
    /// Only sessions whose title contains this text, ignoring case.
    pub title_contains: Option<String>,
    /// Only sessions with unread answers.
    pub unread: bool,
    /// Only sessions after this position.
    pub after: Option<SessionCursor>,
}

/// A position in a list: the sort key of the last session on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCursor {
    /// Whether the session is pinned.
    pub pinned: bool,
    /// The time of the session's last activity.
    pub last_activity_at: Timestamp,
    /// The session.
    pub id: SessionId,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct SessionPage {
    /// The sessions: pinned ones first, then by last activity.
    pub items: Vec<Session>,
    /// The position of the next page, if there is one.
    pub next: Option<SessionCursor>,
    /// The event cursor that matches this exact state.
    pub as_of: Cursor,
}

impl Store {
    /// Returns a page of a user's sessions.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_sessions(
        &self,
        user: &UserRef,
        filter: &SessionFilter,
        limit: u32,
    ) -> Result<SessionPage, StoreError> {
        let mut tx = self.begin_read().await?;
        let as_of = events::head(&mut tx, user).await?.head;
        let after = filter.after.as_ref();
        let found: Vec<SessionRow> = sqlx::query_as(concat!(
            select_sessions!(),
            "WHERE s.workspace_id = $1 AND s.creator_id = $2 AND ($3 IS NULL OR s.status = $3) \
             AND ($4 IS NULL OR s.title_folded LIKE $4 ESCAPE '\\') \
             AND (NOT $9 OR (s.status = 'active' AND EXISTS (SELECT 1 FROM chat_message u \
                 WHERE u.chat_session_id = s.id AND u.role = 'assistant' AND u.seq > s.last_read_seq))) \
             AND ($5 IS NULL OR (s.pinned_at IS NULL) > $5 OR ((s.pinned_at IS NULL) = $5 \
                 AND (s.last_activity_at < $6 OR (s.last_activity_at = $6 AND s.id < $7)))) \
             ORDER BY (s.pinned_at IS NULL), s.last_activity_at DESC, s.id DESC LIMIT $8"
        ))
        .bind(&user.workspace_id)
        .bind(&user.user_id)
        .bind(filter.status)
        .bind(filter.title_contains.as_deref().map(|text| like_pattern(&text.to_lowercase())))
        .bind(after.map(|after| !after.pinned))
        .bind(after.map(|after| after.last_activity_at))
        .bind(after.map(|after| after.id))
        .bind(limit + 1)
        .bind(filter.unread)
        .fetch_all(&mut *tx)
        .await?;
        let mut items: Vec<Session> = found.into_iter().map(Session::from).collect();
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > wanted;
        items.truncate(wanted);
        let next = items.last().filter(|_| has_more).map(|last| SessionCursor {
            pinned: last.pinned_at.is_some(),
            last_activity_at: last.last_activity_at,
            id: last.id,
        });
        Ok(SessionPage { items, next, as_of })
    }
}

/// Returns a `LIKE` pattern that matches the text literally at any position.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
