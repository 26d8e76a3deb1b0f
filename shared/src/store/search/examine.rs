//! Compares candidates with a query.

use sqlx::types::Json;

use super::{FoundMessage, SearchFilter, SearchHit};
use crate::{
    chat::{Role, SessionStatus, UserRef, WordMatch, WordQuery},
    clock::Timestamp,
    id::{MessageId, SessionId},
    store::{StoreError, database_driver::Connection, sqlite},
};

/// The number of candidates in the first read, and the maximum number per read. Reads grow while candidates are small or
/// do not belong to sessions that are searched.
const BATCHES: [usize; 2] = [16, 512];
/// The size in bytes of the texts of a read, below which the next read is larger.
const SMALL_READ: usize = 64 * 1024;
/// The maximum number of candidates that one search reads, and the maximum size, in bytes, of their texts. The next page
/// continues after them.
const MAX_CANDIDATES: usize = 8192;
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// A candidate, with the text that may match.
#[derive(sqlx::FromRow)]
struct Candidate {
    entry_id: i64,
    session_id: SessionId,
    title: String,
    status: SessionStatus,
    agent_key: String,
    message_id: Option<MessageId>,
    turn: Option<i64>,
    role: Option<Role>,
    content: Option<String>,
    created_at: Timestamp,
}

/// The candidates of one search.
pub(super) struct Examination<'a> {
    user: &'a UserRef,
    query: &'a WordQuery,
    filter: &'a SearchFilter,
    limit: usize,
    hits: Vec<SearchHit>,
    /// The number of candidates that were read, and the size of their texts.
    candidates: usize,
    bytes: usize,
    batch: usize,
}

impl<'a> Examination<'a> {
    /// Begins an examination that finds at most `limit` hits.
    pub(super) const fn new(user: &'a UserRef, query: &'a WordQuery, filter: &'a SearchFilter, limit: usize) -> Self {
        Self { user, query, filter, limit, hits: Vec::new(), candidates: 0, bytes: 0, batch: BATCHES[0] }
    }

    /// Returns the hits, in the order in which their entries were examined.
    pub(super) fn into_hits(self) -> Vec<SearchHit> {
        self.hits
    }

    /// Examines entries, newest first. Returns the entry before which to continue if there are more hits than the page
    /// has space for, or if the search has to end because it has read enough.
    pub(super) async fn examine(
        &mut self,
        connection: &mut Connection,
        mut entries: &[i64],
    ) -> Result<Option<i64>, StoreError> {
        while !entries.is_empty() {
            let (batch, later) = entries.split_at(self.batch.min(entries.len()));
            let bytes_before = self.bytes;
            for candidate in self.read(connection, batch).await? {
                let text = candidate.content.as_deref().unwrap_or(&candidate.title);
                self.bytes += text.len();
                let Some(WordMatch { snippet, score }) = self.query.find(text) else { continue };
                if self.hits.len() == self.limit {
                    return Ok(self.hits.last().map(|last| last.key));
                }
                let message = match (candidate.message_id, candidate.turn, candidate.role) {
                    (Some(id), Some(turn), Some(role)) => Some(FoundMessage { id, turn, role }),
                    _ => None,
                };
                self.hits.push(SearchHit {
                    session_id: candidate.session_id,
                    title: candidate.title,
                    status: candidate.status,
                    agent_key: candidate.agent_key,
                    message,
                    created_at: candidate.created_at,
                    snippet,
                    key: candidate.entry_id,
                    score,
                });
            }
            self.candidates += batch.len();
            if self.candidates >= MAX_CANDIDATES || self.bytes >= MAX_BYTES {
                return Ok(batch.last().copied());
            }
            if self.bytes - bytes_before < SMALL_READ {
                self.batch = (2 * self.batch).min(BATCHES[1]);
            }
            entries = later;
        }
        Ok(None)
    }

    /// Reads candidates of the sessions that are searched, newest first.
    async fn read(&self, connection: &mut Connection, entries: &[i64]) -> Result<Vec<Candidate>, StoreError> {
        let query = sqlx::query_as(concat!(
            "SELECT e.id AS entry_id, s.id AS session_id, s.title, s.status, s.agent_key, m.id AS message_id, m.turn, \
             m.role, m.content, COALESCE(m.created_at, s.created_at) AS created_at \
             FROM search_entry e JOIN chat_session s ON s.id = e.chat_session_id \
             LEFT JOIN chat_message m ON m.id = e.message_id WHERE e.id IN ",
            sqlite::listed_numbers!(),
            " AND s.workspace_id = $2 AND s.creator_id = $3 AND ($4 = '' OR s.agent_key = $4) \
             AND ($5 = '' OR s.status = $5)",
        ));
        let mut found: Vec<Candidate> = query
            .bind(Json(entries))
            .bind(&self.user.workspace_id)
            .bind(&self.user.user_id)
            .bind(self.filter.agent_key.as_deref().unwrap_or_default())
            .bind(self.filter.status.map(SessionStatus::as_str).unwrap_or_default())
            .fetch_all(connection)
            .await?;
        found.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.entry_id));
        Ok(found)
    }
}
