//! What identifies an installation to its processes.

use std::fmt;

use sqlx::Row as _;

use super::{Store, StoreError};

/// What all processes of an installation have in common. Its `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Installation {
    /// Tells it from others that share a Redis.
    pub id: String,
    /// Signs the messages between its processes.
    pub relay_key: [u8; 32],
}

impl fmt::Debug for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installation").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Store {
    /// Returns the identity of this installation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn installation(&self) -> Result<Installation, StoreError> {
        let row = sqlx::query("SELECT id, relay_key FROM installation").fetch_one(&self.inner.readers).await?;
        let key: Vec<u8> = row.try_get("relay_key")?;
        let relay_key = key.try_into().map_err(|_| StoreError::Corrupt("relay_key is not 32 bytes".into()))?;
        Ok(Installation { id: row.try_get("id")?, relay_key })
    }
}
