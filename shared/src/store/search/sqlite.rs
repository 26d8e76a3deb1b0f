//! The candidates in a SQLite database.

use super::tokens::fts5_condition;
use crate::{
    chat::IndexTerm,
    store::{StoreError, database_driver::Connection},
};

/// An entry that was deleted, and whose tokens are still in the index.
#[derive(sqlx::FromRow)]
pub(super) struct Removal {
    entry_id: i64,
    tokens: String,
}

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

/// Returns some of the deleted entries whose tokens are still in the index.
pub(super) async fn list_removals(connection: &mut Connection, limit: i64) -> Result<Vec<Removal>, StoreError> {
    let query =
        sqlx::query_as("SELECT entry_id, tokens FROM search_index_removal ORDER BY entry_id LIMIT $1 + 0").bind(limit);
    Ok(query.fetch_all(connection).await?)
}

/// Removes the tokens of some deleted entries from the index. Returns the number of entries.
pub(super) async fn remove_deleted(tx: &mut Connection, limit: i64) -> Result<usize, StoreError> {
    let removals = list_removals(tx, limit).await?;
    for Removal { entry_id, tokens } in &removals {
        sqlx::query("INSERT INTO search_index (search_index, rowid, tokens) VALUES ('delete', $1, $2)")
            .bind(entry_id)
            .bind(tokens)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM search_index_removal WHERE entry_id = $1").bind(entry_id).execute(&mut *tx).await?;
    }
    Ok(removals.len())
}
