//! The candidates in a PostgreSQL database.

use super::tokens::tsquery_condition;
use crate::{
    chat::IndexTerm,
    store::{StoreError, database_driver::Connection},
};

/// The statement that makes the rest of a transaction use the index even if the server's statistics are old.
pub(super) const USE_INDEX: &str = "SET LOCAL enable_seqscan = off";

/// The statement that adds the tokens of an entry to the index.
pub(super) const SET_TOKENS: &str = "UPDATE search_entry SET bucket_id = $2, \
     tokens = array_to_tsvector(array_remove(string_to_array($3, ' '), '')) WHERE id = $1";

/// Returns the entries in the buckets, before an entry, that have all terms. The index is searched once for each bucket,
/// so that it skips the entries of frequent tokens that lack a rare one. `OFFSET 0` prevents a plan that compares all entries
/// with all conditions.
pub(super) async fn find_candidates(
    connection: &mut Connection,
    buckets: &[i64],
    terms: &[IndexTerm],
    before: i64,
) -> Result<Vec<i64>, StoreError> {
    let conditions: Vec<String> = buckets.iter().map(|bucket| tsquery_condition(*bucket, terms)).collect();
    let query = sqlx::query_scalar(
        "SELECT e.id FROM unnest(string_to_array($1, ';')) AS b (condition) CROSS JOIN LATERAL \
         (SELECT id FROM search_entry WHERE tokens @@ CAST(b.condition AS tsquery) OFFSET 0) AS e WHERE e.id < $2",
    );
    Ok(query.bind(conditions.join(";")).bind(before).fetch_all(connection).await?)
}
