//! Lists users' sessions.

use std::cmp::Reverse;

use super::{Store, StoreError, database_driver::Connection, events, rows::list_sessions_by_id};
use crate::{
    chat::{Session, SessionStatus, UserRef},
    clock::Timestamp,
    event::Cursor,
    id::SessionId,
};

/// The filter for a session list.
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
    /// The sessions: pinned ones first, each group ordered by last activity, newest first.
    pub items: Vec<Session>,
    /// The position of the next page, if there is one.
    pub next: Option<SessionCursor>,
    /// The event cursor that matches this exact state.
    pub as_of: Cursor,
}

/// Selects a user's pinned (`$4` = 0) or unpinned (`$4` = 1) sessions with status `$3`. Starts after the session with
/// last activity `$5` and ID `$6`. `$1` is the workspace ID, and `$2` is the user ID. Must be followed by any other
/// filters and `in_order!`.
macro_rules! select_part {
    () => {
        "SELECT s.id, s.last_activity_at FROM chat_session s \
         WHERE s.workspace_id = $1 AND s.creator_id = $2 AND s.status = $3 AND (s.pinned_at IS NULL) = $4 \
         AND (s.last_activity_at, s.id) < ($5, $6) "
    };
}

/// Ends a statement that begins with `select_part!`. `$7` limits the number of sessions.
macro_rules! in_order {
    () => {
        "ORDER BY s.last_activity_at DESC, s.id DESC LIMIT $7 + 0"
    };
}

const LIST: &str = concat!(select_part!(), in_order!());
const LIST_UNREAD: &str = concat!(select_part!(), "AND s.unread_count > 0 ", in_order!());
const SEARCH: &str = concat!(select_part!(), "AND s.title_folded LIKE $8 ESCAPE '\\' ", in_order!());
const SEARCH_UNREAD: &str =
    concat!(select_part!(), "AND s.unread_count > 0 AND s.title_folded LIKE $8 ESCAPE '\\' ", in_order!());

/// A value that sorts after every time and every ID.
const BEFORE_THE_FIRST: &str = "~";

/// The sort key of a session within the pinned or the unpinned sessions.
#[derive(sqlx::FromRow)]
struct SortKey {
    id: SessionId,
    last_activity_at: Timestamp,
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
        self.read(async |tx| {
            let as_of = events::head(tx, user).await?.head;
            let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
            let mut ids = Vec::new();
            for pinned in [true, false] {
                // A cursor among the unpinned sessions is after all pinned ones.
                if ids.len() <= wanted && !(pinned && filter.after.as_ref().is_some_and(|after| !after.pinned)) {
                    ids.extend(list_part(tx, user, filter, pinned, limit).await?);
                }
            }
            let has_more = ids.len() > wanted;
            ids.truncate(wanted);
            let items = list_sessions_by_id(tx, &ids).await?;
            let next = items.last().filter(|_| has_more).map(|last| SessionCursor {
                pinned: last.pinned_at.is_some(),
                last_activity_at: last.last_activity_at,
                id: last.id,
            });
            Ok(SessionPage { items, next, as_of })
        })
        .await
    }
}

/// Returns the IDs of the pinned or the unpinned sessions, at most `limit` + 1 with each status, in the order of the
/// list.
async fn list_part(
    connection: &mut Connection,
    user: &UserRef,
    filter: &SessionFilter,
    pinned: bool,
    limit: u32,
) -> Result<Vec<SessionId>, StoreError> {
    let pattern = filter.title_contains.as_deref().map(|text| like_pattern(&text.to_lowercase()));
    let query = match (filter.unread, pattern.is_some()) {
        (false, false) => LIST,
        (true, false) => LIST_UNREAD,
        (false, true) => SEARCH,
        (true, true) => SEARCH_UNREAD,
    };
    let after = filter.after.as_ref().filter(|after| after.pinned == pinned);
    let mut entries: Vec<SortKey> = Vec::new();
    for status in statuses(filter) {
        let mut query = sqlx::query_as(query)
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .bind(status)
            .bind(!pinned)
            .bind(after.map_or(BEFORE_THE_FIRST.to_owned(), |after| after.last_activity_at.to_string()))
            .bind(after.map_or(BEFORE_THE_FIRST.to_owned(), |after| after.id.to_string()))
            .bind(i64::from(limit) + 1);
        if let Some(pattern) = &pattern {
            query = query.bind(pattern);
        }
        entries.extend(query.fetch_all(&mut *connection).await?);
    }
    entries.sort_by_key(|entry| Reverse((entry.last_activity_at, entry.id)));
    Ok(entries.into_iter().map(|entry| entry.id).collect())
}

/// Returns the statuses that sessions in a list may have. Archived sessions are never unread.
fn statuses(filter: &SessionFilter) -> Vec<SessionStatus> {
    let all = [SessionStatus::Active, SessionStatus::Archived].into_iter();
    all.filter(|status| filter.status.is_none_or(|wanted| wanted == *status))
        .filter(|status| !filter.unread || *status == SessionStatus::Active)
        .collect()
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
