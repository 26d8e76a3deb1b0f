//! Creates, authenticates, and revokes API keys.

use std::{sync::atomic::Ordering, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use sqlx::FromRow as _;

use super::{Store, StoreError, events};
use crate::{
    chat::{Principal, UserRef, UserRole},
    clock::Timestamp,
    hex,
    id::KeyId,
};

/// The minimum interval between updates of the last-used time of a key.
const LAST_USED_PRECISION: Duration = Duration::from_mins(1);

/// Selects all keys, in the order in which they were created.
const LIST: &str = "SELECT id, workspace_id, user_id, role, created_at, expires_at, last_used_at, revoked_at \
     FROM api_key ORDER BY created_at, id";
/// Selects the key whose secret has the hash `$1` if the key is valid at `$2`.
const FIND_VALID: &str = "SELECT id, workspace_id, user_id, role, created_at, expires_at, last_used_at, revoked_at \
     FROM api_key WHERE secret_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";

/// An API key. Its secret is not stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ApiKey {
    /// The ID, which is used to revoke the key.
    pub id: KeyId,
    /// The user.
    #[sqlx(flatten)]
    pub user: UserRef,
    /// The role.
    pub role: UserRole,
    /// When the key was created.
    pub created_at: Timestamp,
    /// When the key expires.
    pub expires_at: Option<Timestamp>,
    /// Approximately when the key was last used.
    pub last_used_at: Option<Timestamp>,
    /// When the key was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A new API key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The ID.
    pub id: KeyId,
    /// The secret: `bnt_…`. It is not stored.
    pub secret: String,
}

/// Generates a secret of 256 random bits.
pub(super) fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

pub(super) fn secret_hash(secret: &str) -> String {
    hex::encode(&Sha256::digest(secret.as_bytes()))
}

impl Store {
    /// Creates a key.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn create_key(
        &self,
        user: &UserRef,
        role: UserRole,
        valid_for: Option<Duration>,
    ) -> Result<NewKey, StoreError> {
        let id = KeyId::generate();
        let secret = format!("bnt_{}", random_token());
        self.write(async |tx| {
            let now = self.inner.clock.now();
            sqlx::query(
                "INSERT INTO api_key (id, secret_hash, workspace_id, user_id, role, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(id)
            .bind(secret_hash(&secret))
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .bind(role)
            .bind(now)
            .bind(valid_for.map(|valid_for| now.plus(valid_for)))
            .execute(&mut *tx)
            .await?;
            events::append(tx, user, now, &[]).await?;
            Ok(NewKey { id, secret })
        })
        .await
    }

    /// Lists all keys, oldest first.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.read(async |tx| Ok(sqlx::query_as(LIST).fetch_all(tx).await?)).await
    }

    /// Revokes a key. Revoking it again has no effect.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the key does not exist.
    pub async fn revoke_key(&self, id: KeyId) -> Result<(), StoreError> {
        self.write(async |tx| {
            let changed = sqlx::query("UPDATE api_key SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1")
                .bind(id)
                .bind(self.inner.clock.now())
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
        })
        .await
    }

    /// Returns whether any key was ever created. If so, keyless mode is off.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn has_keys(&self) -> Result<bool, StoreError> {
        Ok(self.read_row(sqlx::query("SELECT 1 FROM api_key LIMIT 1")).await?.is_some())
    }

    /// Returns the principal for a secret if it belongs to a valid key.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Principal>, StoreError> {
        let now = self.inner.clock.now();
        let found = self.read_row(sqlx::query(FIND_VALID).bind(secret_hash(secret)).bind(now)).await?;
        let Some(key) = found.map(|row| ApiKey::from_row(&row)).transpose()? else { return Ok(None) };
        if key.last_used_at.is_none_or(|used| used < now.minus(LAST_USED_PRECISION)) {
            self.record_use(key.id, now);
        }
        Ok(Some(Principal { user: key.user, role: key.role, key_id: Some(key.id), login_id: None }))
    }

    /// Records the use of a key in the background, so that no request waits for the write. Uses of any key are not
    /// recorded while such a write is in progress.
    fn record_use(&self, id: KeyId, now: Timestamp) {
        if self.inner.is_recording_use.swap(true, Ordering::AcqRel) {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            if let Err(error) = store.write_last_use(id, now).await {
                tracing::debug!(%error, "failed to record the last use of a key");
            }
            store.inner.is_recording_use.store(false, Ordering::Release);
        });
    }

    async fn write_last_use(&self, id: KeyId, now: Timestamp) -> Result<(), StoreError> {
        self.write(async |tx| {
            sqlx::query("UPDATE api_key SET last_used_at = $2 WHERE id = $1")
                .bind(id)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            Ok(())
        })
        .await
    }
}
