//! Walks through the entries of a user, newest first, in groups of buckets.

use super::{Extent, Hits, SearchFilter, examine::Examination, postgres, sqlite};
use crate::{
    chat::{UserRef, WordQuery},
    store::{StoreError, database_driver::Connection},
};

/// The maximum number of entries without tokens that one search reads. The next page continues after them.
const MAX_PENDING: i64 = 2000;
/// The maximum number of buckets that are searched together.
const MAX_GROUP: usize = 64;

/// A bucket of a user.
#[derive(sqlx::FromRow)]
struct Bucket {
    id: i64,
    first_entry_id: i64,
}

/// Returns a user's buckets with entries before the given one, newest first.
async fn list_buckets(connection: &mut Connection, user: &UserRef, before: i64) -> Result<Vec<Bucket>, StoreError> {
    let query = sqlx::query_as(
        "SELECT id, first_entry_id FROM search_bucket \
         WHERE workspace_id = $1 AND user_id = $2 AND first_entry_id < $3 ORDER BY first_entry_id DESC",
    );
    Ok(query.bind(&user.workspace_id).bind(&user.user_id).bind(before).fetch_all(connection).await?)
}

/// Returns a user's newest entries without tokens, before the given one, newest first.
async fn list_pending(connection: &mut Connection, user: &UserRef, before: i64) -> Result<Vec<i64>, StoreError> {
    let query = sqlx::query_scalar(
        "SELECT id FROM search_entry WHERE workspace_id = $1 AND user_id = $2 AND tokens IS NULL AND id < $3 \
         ORDER BY id DESC LIMIT $4 + 0",
    );
    Ok(query.bind(&user.workspace_id).bind(&user.user_id).bind(before).bind(MAX_PENDING).fetch_all(connection).await?)
}

/// Returns the newest hits among the messages and titles of a user. Their keys are the IDs of their entries.
pub(super) async fn find_hits(
    connection: &mut Connection,
    user: &UserRef,
    query: &WordQuery,
    filter: &SearchFilter,
    Extent { before, limit }: Extent,
) -> Result<Hits, StoreError> {
    let terms = query.index_terms();
    if connection.is_server() {
        connection.exec(postgres::USE_INDEX).await?;
    }
    let pending = list_pending(connection, user, before).await?;
    // Older entries without tokens are unknown.
    let is_partial = i64::try_from(pending.len()).is_ok_and(|count| count == MAX_PENDING);
    let floor = pending.last().filter(|_| is_partial).copied().unwrap_or(0);
    let mut pending = pending.into_iter().peekable();
    let buckets = list_buckets(connection, user, before).await?;
    let mut examination = Examination::new(user, query, filter, limit);
    let mut rest = buckets.as_slice();
    let mut size = 1;
    loop {
        let (group, later) = rest.split_at(size.min(rest.len()));
        let ids: Vec<i64> = group.iter().map(|bucket| bucket.id).collect();
        let mut candidates = if ids.is_empty() {
            Vec::new()
        } else if connection.is_server() {
            postgres::find_candidates(connection, &ids, &terms, before).await?
        } else {
            sqlite::find_candidates(connection, &ids, &terms, before).await?
        };
        let is_last = later.is_empty();
        let first = if is_last { 0 } else { group.last().map_or(0, |bucket| bucket.first_entry_id) }.max(floor);
        while let Some(entry) = pending.next_if(|entry| *entry >= first) {
            candidates.push(entry);
        }
        candidates.retain(|entry| *entry >= first);
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        candidates.dedup();
        if let Some(next) = examination.examine(connection, &candidates).await? {
            return Ok(Hits { items: examination.into_hits(), next: Some(next) });
        }
        if is_last || first == floor && floor > 0 {
            let next = (floor > 0).then_some(floor);
            return Ok(Hits { items: examination.into_hits(), next });
        }
        rest = later;
        size = (2 * size).min(MAX_GROUP);
    }
}
