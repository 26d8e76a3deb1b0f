//! The candidates in a SQLite database.

use super::tokens::fts5_condition;
use crate::{
    chat::IndexTerm,
    store::{StoreError, database_driver::Connection},
};

/// The statement that adds the tokens of an entry to the index (by a trigger).
pub(super) const SET_TOKENS: &str = "UPDATE search_entry SET bucket_id = $2, tokens = $3 WHERE id = $1";

/// Returns the entries in the buckets, before an entry, that have all terms.
pub(super) async fn find_candidates(
    connection: &mut Connection,
    buckets: &[i64],
    terms: &[IndexTerm],
    before: i64,
) -> Result<Vec<i64>, StoreError> {
    let mut found: Vec<i64> = Vec::new();
    for bucket in buckets {
        let in_bucket: Vec<i64> =
            sqlx::query_scalar("SELECT rowid FROM search_index WHERE search_index MATCH $1 AND rowid < $2")
                .bind(fts5_condition(*bucket, terms))
                .bind(before)
                .fetch_all(&mut *connection)
                .await?;
        found.extend(in_bucket);
    }
    Ok(found)
}
