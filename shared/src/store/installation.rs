//! The identity of an installation.

use std::fmt;

use super::{Store, StoreError};

/// The identity that all processes of an installation share. Its `Debug` output does not contain the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Installation {
    /// Distinguishes the installation from others that use the same Redis server.
    pub id: String,
    /// The key for signing messages between the processes.
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
    /// Returns an error if the store fails.
    pub async fn installation(&self) -> Result<Installation, StoreError> {
        let (id, key): (String, Vec<u8>) = self
            .read(async |tx| Ok(sqlx::query_as("SELECT id, relay_key FROM installation").fetch_one(tx).await?))
            .await?;
        let relay_key = key.try_into().map_err(|_| StoreError::Corrupt("relay_key is not 32 bytes".into()))?;
        Ok(Installation { id, relay_key })
    }
}
