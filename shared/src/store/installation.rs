//! What identifies an installation to its processes.

use std::fmt;

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
        let (id, key): (String, Vec<u8>) =
            sqlx::query_as("SELECT id, relay_key FROM installation").fetch_one(&self.inner.readers).await?;
        let relay_key = key.try_into().map_err(|_| StoreError::Corrupt("relay_key is not 32 bytes".into()))?;
        Ok(Installation { id, relay_key })
    }
}
