//! Adds the tokens of new and changed texts to the index, in small batches.

use super::{postgres, sqlite, tokens::stored_tokens};
use crate::{
    chat::{IndexTokens, UserRef},
    store::{Store, StoreError, database_driver::Connection, rows::Owner},
};

/// The limits of a batch. Other changes wait until its transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexBatch {
    /// The maximum number of a user's entries per transaction. A transaction on SQLite that has reached it ends.
    pub entries: usize,
    /// The size of the entries' texts, in bytes, after which a transaction ends.
    pub bytes: usize,
}

impl IndexBatch {
    /// A batch that takes a few milliseconds.
    pub const SMALL: Self = Self { entries: 64, bytes: 128 * 1024 };
    /// A batch that takes about 25 ms. Larger ones hardly add texts faster, but delay the first message after a pause. All
    /// of a batch's texts, of up to 1 MiB each, are in memory at once.
    pub const LARGE: Self = Self { entries: 128, bytes: 1024 * 1024 };

    /// Returns a batch of twice this size, which is at most [`IndexBatch::LARGE`].
    #[must_use]
    pub fn doubled(self) -> Self {
        let Self { entries, bytes } = Self::LARGE;
        Self { entries: (2 * self.entries).min(entries), bytes: (2 * self.bytes).min(bytes) }
    }
}

/// The maximum number of users per batch.
const USERS: usize = 16;
/// The number of entries in a bucket. With larger buckets, a search reads more entries of frequent words; with smaller
/// ones, it reads more buckets for rare words.
const BUCKET_ENTRIES: i64 = 4096;

/// The number of deleted entries whose tokens are removed per transaction. Each takes a few milliseconds.
const REMOVALS: i64 = 8;

/// The result of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// The number of entries whose tokens were added.
    pub entries: usize,
    /// The last user of the batch, after whom the next one starts; `None` if there are no more users.
    pub last_user: Option<UserRef>,
}

/// An entry without tokens.
#[derive(sqlx::FromRow)]
struct Pending {
    id: i64,
    bucket_id: Option<i64>,
    text: String,
}

/// A bucket of a user.
#[derive(sqlx::FromRow)]
struct Bucket {
    id: i64,
    entries: i64,
    /// Whether there are buckets with later entries. Entries between two buckets always belong to the first one.
    has_later: bool,
}

impl Bucket {
    /// Returns whether the user's next entry belongs to the bucket.
    const fn is_open(&self) -> bool {
        !self.has_later && self.entries < BUCKET_ENTRIES
    }

    /// Counts another entry, and returns the ID of the bucket.
    const fn add(&mut self) -> i64 {
        self.entries += 1;
        self.id
    }
}

/// A user with entries without tokens.
#[derive(sqlx::FromRow)]
struct PendingUser {
    #[sqlx(flatten, try_from = "Owner")]
    user: UserRef,
}

impl Store {
    /// Adds the tokens of some entries that lack them, of the users after the given one. On PostgreSQL, each user's
    /// entries are added in a transaction of their own.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn index_texts(&self, after: Option<&UserRef>, batch: IndexBatch) -> Result<Indexed, StoreError> {
        let users = self.read(async |tx| list_users(tx, after).await).await?;
        let is_last = users.len() < USERS;
        let mut indexed = Indexed { entries: 0, last_user: users.last().filter(|_| !is_last).cloned() };
        if users.is_empty() {
            return Ok(indexed);
        }
        if self.location().file().is_none() {
            for user in &users {
                indexed.entries += self.write_for(user, async |tx| index_user(tx, user, batch).await).await?;
            }
            return Ok(indexed);
        }
        self.write(async |tx| {
            let mut entries = 0;
            for user in &users {
                entries += index_user(tx, user, batch).await?;
                if entries >= batch.entries {
                    return Ok(Indexed { entries, last_user: Some(user.clone()) });
                }
            }
            Ok(Indexed { entries, ..indexed })
        })
        .await
    }
}

impl Store {
    /// Removes the tokens of some deleted entries from the index. Returns the number of entries; 0 on PostgreSQL, which
    /// removes tokens together with their entry.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn remove_deleted_texts(&self) -> Result<usize, StoreError> {
        if self.location().file().is_none() {
            return Ok(0);
        }
        let has_work = self.read(async |tx| Ok(sqlite::list_removals(tx, 1).await?.len())).await?;
        if has_work == 0 {
            return Ok(0);
        }
        let removed = self.write(async |tx| sqlite::remove_deleted(tx, REMOVALS).await).await?;
        // The tokens are remnants of deleted text.
        self.note_deletion();
        Ok(removed)
    }
}

/// Returns the next users with entries without tokens, in the order of their IDs.
async fn list_users(connection: &mut Connection, after: Option<&UserRef>) -> Result<Vec<UserRef>, StoreError> {
    let mut users: Vec<UserRef> = Vec::new();
    while users.len() < USERS {
        let last = users.last().or(after);
        let next: Option<PendingUser> = sqlx::query_as(
            "SELECT workspace_id, user_id AS creator_id FROM search_entry \
             WHERE tokens IS NULL AND (workspace_id, user_id) > ($1, $2) ORDER BY workspace_id, user_id LIMIT 1",
        )
        .bind(last.map_or("", |user| &user.workspace_id))
        .bind(last.map_or("", |user| &user.user_id))
        .fetch_optional(&mut *connection)
        .await?;
        let Some(next) = next else { break };
        users.push(next.user);
    }
    Ok(users)
}

/// Adds the tokens of a user's oldest entries that lack them. Returns the number of entries.
async fn index_user(tx: &mut Connection, user: &UserRef, batch: IndexBatch) -> Result<usize, StoreError> {
    let pending: Vec<Pending> = sqlx::query_as(
        "SELECT e.id, e.bucket_id, COALESCE(m.content, s.title) AS text FROM search_entry e \
         JOIN chat_session s ON s.id = e.chat_session_id LEFT JOIN chat_message m ON m.id = e.message_id \
         WHERE e.workspace_id = $1 AND e.user_id = $2 AND e.tokens IS NULL ORDER BY e.id LIMIT $3 + 0",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(i64::try_from(batch.entries).unwrap_or(i64::MAX))
    .fetch_all(&mut *tx)
    .await?;
    let mut bucket: Option<Bucket> = None;
    let (mut count, mut bytes) = (0, 0);
    for entry in pending {
        let bucket_id = match (entry.bucket_id, &mut bucket) {
            (Some(id), _) => id,
            (None, Some(bucket)) if bucket.is_open() => bucket.add(),
            (None, _) => {
                if let Some(full) = &bucket {
                    store_count(tx, full).await?;
                }
                bucket.insert(find_bucket(tx, user, entry.id).await?).add()
            }
        };
        let tokens = stored_tokens(bucket_id, &IndexTokens::of(&entry.text));
        let set = if tx.is_server() { postgres::SET_TOKENS } else { sqlite::SET_TOKENS };
        sqlx::query(set).bind(entry.id).bind(bucket_id).bind(tokens).execute(&mut *tx).await?;
        count += 1;
        bytes += entry.text.len();
        if bytes > batch.bytes {
            break;
        }
    }
    if let Some(bucket) = bucket {
        store_count(tx, &bucket).await?;
    }
    Ok(count)
}

/// Returns the bucket for an entry of a user. If that is the last one and it is full, creates a new one.
async fn find_bucket(tx: &mut Connection, user: &UserRef, entry_id: i64) -> Result<Bucket, StoreError> {
    let found: Option<Bucket> = sqlx::query_as(
        "SELECT b.id, b.entries, EXISTS (SELECT 1 FROM search_bucket n WHERE n.workspace_id = b.workspace_id \
             AND n.user_id = b.user_id AND n.first_entry_id > b.first_entry_id) AS has_later \
         FROM search_bucket b WHERE b.workspace_id = $1 AND b.user_id = $2 AND b.first_entry_id <= $3 \
         ORDER BY b.first_entry_id DESC LIMIT 1",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(entry_id)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(bucket) = found.filter(|bucket| bucket.has_later || bucket.is_open()) {
        return Ok(bucket);
    }
    let id = sqlx::query_scalar(
        "INSERT INTO search_bucket (workspace_id, user_id, first_entry_id) VALUES ($1, $2, $3) RETURNING id",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(entry_id)
    .fetch_one(&mut *tx)
    .await?;
    Ok(Bucket { id, entries: 0, has_later: false })
}

/// Stores the number of entries of a bucket.
async fn store_count(tx: &mut Connection, bucket: &Bucket) -> Result<(), StoreError> {
    sqlx::query("UPDATE search_bucket SET entries = $2 WHERE id = $1")
        .bind(bucket.id)
        .bind(bucket.entries)
        .execute(tx)
        .await?;
    Ok(())
}
