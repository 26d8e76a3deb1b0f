//! Searches users' messages and titles (docs/adr/0020).
//!
//! The index finds candidates by their tokens. Each candidate is then compared with the query, so the results are the
//! same on both databases, and do not depend on how much of the text is already in the index.

mod examine;
mod indexing;
mod postgres;
mod session;
mod sqlite;
mod tokens;
mod walk;

use std::cmp::Reverse;

pub use indexing::{IndexBatch, Indexed};

use super::{Store, StoreError, database_driver::Connection, sessions::owned_session};
use crate::{
    chat::{Role, Session, SessionStatus, Snippet, TextQuery, UserRef, WordQuery},
    clock::Timestamp,
    id::{MessageId, SessionId},
};

/// The maximum number of hits that are ranked together. The newest ones come first.
const RANKED: usize = 200;

/// What to search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchText {
    /// Words.
    Words(WordQuery),
    /// Parts of words, which only the search of a single session finds.
    Parts(TextQuery),
}

impl SearchText {
    /// Compares a text with the query. Returns the snippet, and how well the text matches.
    fn find(&self, text: &str) -> Option<(Snippet, i64)> {
        match self {
            Self::Words(query) => query.find(text).map(|found| (found.snippet, found.score)),
            Self::Parts(query) => query.find(text).map(|snippet| (snippet, 0)),
        }
    }
}

/// Which sessions to search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchFilter {
    /// Only sessions with this agent.
    pub agent_key: Option<String>,
    /// Only sessions with this status.
    pub status: Option<SessionStatus>,
}

impl SearchFilter {
    /// Returns whether a session is searched.
    fn includes(&self, session: &Session) -> bool {
        self.agent_key.as_ref().is_none_or(|key| *key == session.agent_key)
            && self.status.is_none_or(|status| status == session.status)
    }
}

/// The order of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchOrder {
    /// Newest first.
    #[default]
    Recent,
    /// Best match first, among up to 200 hits at a time, beginning with the newest.
    Relevance,
}

/// A position in the results: the sort key of the last hit on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchPosition {
    /// Before the hit with this key, newest first.
    Recent(i64),
    /// After the hit with this score and this key, among the ranked hits before the anchor.
    Ranked {
        /// All ranked hits have lower keys.
        anchor: i64,
        /// The score of the last hit.
        score: i64,
        /// The key of the last hit.
        key: i64,
    },
}

impl SearchPosition {
    /// Returns the order of the results in which the position is.
    #[must_use]
    pub const fn order(self) -> SearchOrder {
        match self {
            Self::Recent(_) => SearchOrder::Recent,
            Self::Ranked { .. } => SearchOrder::Relevance,
        }
    }
}

/// Where to search, and which page of the results to return.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Which sessions to search.
    pub filter: SearchFilter,
    /// The order of the results.
    pub order: SearchOrder,
    /// Where the page starts; `None` for the first page. Must be a position in the same order.
    pub after: Option<SearchPosition>,
    /// The maximum number of results on the page.
    pub limit: usize,
}

/// A message or a title that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// The session.
    pub session_id: SessionId,
    /// The title of the session; may be empty.
    pub title: String,
    /// The status of the session.
    pub status: SessionStatus,
    /// The key of the session's agent.
    pub agent_key: String,
    /// The message; `None` if the title matches.
    pub message: Option<FoundMessage>,
    /// When the message was created or, for a title, when the session was created.
    pub created_at: Timestamp,
    /// The part of the text around the first match.
    pub snippet: Snippet,
    /// The position in time among the user's hits: higher for newer ones.
    key: i64,
    /// How well the text matches.
    score: i64,
}

/// A message that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundMessage {
    /// The message.
    pub id: MessageId,
    /// The turn of the message.
    pub turn: i64,
    /// The role of the message.
    pub role: Role,
}

/// A page of results.
#[derive(Clone, Debug)]
pub struct SearchPage {
    /// The results.
    pub items: Vec<SearchHit>,
    /// Where the next page starts, if there may be more results. The page itself may be empty.
    pub next: Option<SearchPosition>,
}

/// Which hits to find.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// Only hits with lower keys.
    before: i64,
    /// The maximum number of hits, which are the newest ones.
    limit: usize,
}

/// The newest hits before a position.
struct Hits {
    /// The hits, newest first.
    items: Vec<SearchHit>,
    /// The key before which there may be more hits; `None` if there are none.
    next: Option<i64>,
}

impl SearchOptions {
    /// Returns which hits have to be found for the page.
    fn extent(&self) -> Extent {
        match self.after {
            Some(SearchPosition::Ranked { anchor, .. }) => Extent { before: anchor, limit: RANKED },
            Some(SearchPosition::Recent(key)) => Extent { before: key, limit: self.limit },
            None if self.order == SearchOrder::Relevance => Extent { before: i64::MAX, limit: RANKED },
            None => Extent { before: i64::MAX, limit: self.limit },
        }
    }

    /// Puts hits in order, and selects those on the page.
    fn page(&self, hits: Hits) -> SearchPage {
        if self.order == SearchOrder::Recent {
            return SearchPage { items: hits.items, next: hits.next.map(SearchPosition::Recent) };
        }
        let newest = hits.items.first().map_or(0, |hit| hit.key);
        let mut items = hits.items;
        items.sort_by_key(|hit| Reverse((hit.score, hit.key)));
        let anchor = match self.after {
            Some(SearchPosition::Ranked { anchor, score, key }) => {
                items.retain(|hit| (hit.score, hit.key) < (score, key));
                anchor
            }
            Some(SearchPosition::Recent(_)) | None => newest + 1,
        };
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| SearchPosition::Ranked { anchor, score: last.score, key: last.key });
        // The older hits are ranked among themselves.
        let older = hits.next.map(|anchor| SearchPosition::Ranked { anchor, score: i64::MAX, key: i64::MAX });
        let next = next.or(older);
        SearchPage { items, next }
    }
}

impl Store {
    /// Searches the messages and titles of all sessions of a user.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn search(
        &self,
        user: &UserRef,
        query: &WordQuery,
        options: &SearchOptions,
    ) -> Result<SearchPage, StoreError> {
        let extent = options.extent();
        let hits = self.read(async |tx| walk::find_hits(tx, user, query, &options.filter, extent).await).await?;
        Ok(options.page(hits))
    }

    /// Searches the messages of one session.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn search_session(
        &self,
        user: &UserRef,
        session_id: SessionId,
        text: &SearchText,
        options: &SearchOptions,
    ) -> Result<SearchPage, StoreError> {
        let extent = options.extent();
        let find = async |tx: &mut Connection| {
            let session = owned_session(tx, user, session_id).await?;
            if options.filter.includes(&session) {
                session::find_hits(tx, &session, text, extent).await
            } else {
                Ok(Hits { items: Vec::new(), next: None })
            }
        };
        Ok(options.page(self.read(find).await?))
    }
}
