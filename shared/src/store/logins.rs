//! Browser logins and stream tickets. Both are derived from a key, and become invalid when the key does.

use std::time::Duration;

use sqlx::FromRow as _;

use super::{
    Store, StoreError,
    keys::{random_token, secret_hash},
};
use crate::{
    chat::{Principal, UserRef, UserRole},
    clock::Timestamp,
    id::{KeyId, LoginId},
};

/// How long a browser login is valid.
pub const LOGIN_LIFE: Duration = Duration::from_hours(30 * 24);
/// How long a ticket is valid. Streams that were opened with it stay open.
const TICKET_LIFE: Duration = Duration::from_mins(1);

/// A new secret. The store keeps only its hash.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The secret.
    pub token: String,
    /// When the secret expires.
    pub expires_at: Timestamp,
}

/// The principal of a login or a ticket, as read from the database.
#[derive(sqlx::FromRow)]
struct Holder {
    #[sqlx(flatten)]
    user: UserRef,
    role: UserRole,
    key_id: KeyId,
    login_id: Option<LoginId>,
}

impl From<Holder> for Principal {
    fn from(holder: Holder) -> Self {
        Self { user: holder.user, role: holder.role, key_id: Some(holder.key_id), login_id: holder.login_id }
    }
}

impl Store {
    /// Logs a browser in with a key. Returns `None` if the key is invalid.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn log_in(&self, secret: &str) -> Result<Option<(Principal, NewToken)>, StoreError> {
        let Some(principal) = self.authenticate(secret).await? else { return Ok(None) };
        let (login_id, token) = (LoginId::generate(), random_token());
        self.write(async |tx| {
            let now = self.inner.clock.now();
            let expires_at = now.plus(LOGIN_LIFE);
            sqlx::query(
                "INSERT INTO login (id, token_hash, key_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(login_id)
            .bind(secret_hash(&token))
            .bind(principal.key_id)
            .bind(now)
            .bind(expires_at)
            .execute(&mut *tx)
            .await?;
            let principal = Principal { login_id: Some(login_id), ..principal };
            Ok(Some((principal, NewToken { token, expires_at })))
        })
        .await
    }

    /// Ends a login and its tickets. Has no effect if the login does not exist.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn log_out(&self, login: LoginId) -> Result<(), StoreError> {
        self.write(async |tx| {
            sqlx::query("DELETE FROM login WHERE id = $1").bind(login).execute(&mut *tx).await?;
            Ok(())
        })
        .await
    }

    /// Returns the principal for a login cookie if the login and its key are valid.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn authenticate_login(&self, token: &str) -> Result<Option<Principal>, StoreError> {
        self.find_holder(
            "SELECT l.id AS login_id, k.id AS key_id, k.workspace_id, k.user_id, k.role FROM login l \
             JOIN api_key k ON k.id = l.key_id \
             WHERE l.token_hash = $1 AND l.expires_at > $2 \
             AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)",
            token,
        )
        .await
    }

    /// Creates a ticket for this principal's streams.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn issue_ticket(&self, principal: &Principal) -> Result<NewToken, StoreError> {
        let token = random_token();
        self.write(async |tx| {
            let expires_at = self.inner.clock.now().plus(TICKET_LIFE);
            sqlx::query("INSERT INTO stream_ticket (token_hash, key_id, login_id, expires_at) VALUES ($1, $2, $3, $4)")
                .bind(secret_hash(&token))
                .bind(principal.key_id)
                .bind(principal.login_id)
                .bind(expires_at)
                .execute(&mut *tx)
                .await?;
            Ok(NewToken { token, expires_at })
        })
        .await
    }

    /// Returns the principal for a ticket if the ticket and its key are valid. A ticket that was issued in keyless mode
    /// has no key, so the result is `None`. A ticket is deleted together with its login.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn authenticate_ticket(&self, token: &str) -> Result<Option<Principal>, StoreError> {
        self.find_holder(
            "SELECT t.login_id, k.id AS key_id, k.workspace_id, k.user_id, k.role FROM stream_ticket t \
             JOIN api_key k ON k.id = t.key_id \
             WHERE t.token_hash = $1 AND t.expires_at > $2 \
             AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)",
            token,
        )
        .await
    }

    async fn find_holder(&self, query: &'static str, token: &str) -> Result<Option<Principal>, StoreError> {
        let query = sqlx::query(query).bind(secret_hash(token)).bind(self.inner.clock.now());
        let found = self.read_row(query).await?.map(|row| Holder::from_row(&row)).transpose()?;
        Ok(found.map(Principal::from))
    }

    /// Returns whether a principal's credentials are still valid: the key and, in a browser, the login. In keyless
    /// mode, returns whether there is still no key.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn is_still_valid(&self, principal: &Principal) -> Result<bool, StoreError> {
        let Some(key) = principal.key_id else { return Ok(!self.has_keys().await?) };
        let query = sqlx::query(
            "SELECT 1 FROM api_key WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) \
             AND (CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM login WHERE id = $3 AND expires_at > $2))",
        )
        .bind(key)
        .bind(self.inner.clock.now())
        .bind(principal.login_id);
        Ok(self.read_row(query).await?.is_some())
    }
}
