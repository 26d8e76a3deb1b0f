//! Idempotency keys. A repeated request with the same key returns the result of the first one.

use std::{sync::LazyLock, time::Duration};

use sha2::{Digest, Sha256};

use super::{StoreError, database_driver::Connection, script::Script};
use crate::{
    chat::UserRef,
    clock::Timestamp,
    hex,
    id::{MessageId, SessionId},
};

/// How long a key is kept.
pub(super) const KEPT: Duration = Duration::from_hours(24);

/// A client's key, with the operation and a hash of the request for which it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub(super) key: String,
    pub(super) operation: String,
    pub(super) request_hash: String,
}

impl IdempotencyKey {
    /// Creates the key for an operation (such as `POST /v1/chat`) and its request.
    #[must_use]
    pub fn new(key: String, operation: String, request: &[u8]) -> Self {
        Self { key, operation, request_hash: hex::encode(&Sha256::digest(request)) }
    }
}

/// The result to which a key refers.
#[derive(sqlx::FromRow)]
pub(super) struct IdempotencyRecord {
    request_hash: String,
    #[sqlx(rename = "chat_session_id")]
    pub(super) session_id: SessionId,
}

/// Returns the result to which the key refers; `None` if the key is unused or expired. Fails if the key was used for a
/// different request.
pub(super) async fn find(
    tx: &mut Connection,
    user: &UserRef,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<IdempotencyRecord>, StoreError> {
    let found: Option<IdempotencyRecord> = sqlx::query_as(
        "SELECT request_hash, chat_session_id FROM idempotency_key \
         WHERE workspace_id = $1 AND user_id = $2 AND operation = $3 AND key = $4 AND created_at > $5",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(&key.operation)
    .bind(&key.key)
    .bind(now.minus(KEPT))
    .fetch_optional(tx)
    .await?;
    if found.as_ref().is_some_and(|earlier| earlier.request_hash != key.request_hash) {
        return Err(StoreError::IdempotencyMismatch);
    }
    Ok(found)
}

/// Stores a request's key with the session and the message to which the key refers. Overwrites an expired key.
pub(super) const INSERT_KEY: &str = "INSERT INTO idempotency_key \
     (workspace_id, user_id, operation, key, request_hash, chat_session_id, message_id, created_at) \
     VALUES ($workspace_id, $user_id, $operation, $idempotency_key, $request_hash, $session_id, $user_message_id, \
     $now) \
     ON CONFLICT (workspace_id, user_id, operation, key) DO UPDATE SET request_hash = excluded.request_hash, \
     chat_session_id = excluded.chat_session_id, message_id = excluded.message_id, created_at = excluded.created_at";

static INSERT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &[
            "workspace_id",
            "user_id",
            "operation",
            "idempotency_key",
            "request_hash",
            "session_id",
            "user_message_id",
            "now",
        ],
        &[INSERT_KEY],
    )
});

/// Stores a key with the session to which it refers, within the transaction that creates the session.
pub(super) async fn insert(
    tx: &mut Connection,
    user: &UserRef,
    key: &IdempotencyKey,
    session_id: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    INSERT
        .call()
        .bind("workspace_id", &user.workspace_id)
        .bind("user_id", &user.user_id)
        .bind("operation", &key.operation)
        .bind("idempotency_key", &key.key)
        .bind("request_hash", &key.request_hash)
        .bind("session_id", session_id)
        .bind("user_message_id", None::<MessageId>)
        .bind("now", now)
        .execute(tx)
        .await
}
