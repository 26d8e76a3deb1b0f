//! The folders in which agents work, as reported by workers.

use super::{Store, StoreError, workers};
use crate::id::WorkerId;

/// The folder that a user has chosen for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderChoice {
    /// The key of the folder.
    pub key: String,
    /// The git ref from which the session's branch starts; `None` for the current commit.
    pub base: Option<String>,
}

/// What workers have found in a folder.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FolderReport {
    /// The folder's key.
    pub folder_key: String,
    /// Whether agents can work in the folder.
    #[sqlx(rename = "available")]
    pub is_available: bool,
    /// The reason, if agents cannot work in it.
    pub reason: Option<String>,
    /// The current git branch, if there is one.
    pub branch: Option<String>,
}

impl Store {
    /// Replaces a worker's report about the folders. Registers the worker if necessary. Writes nothing if the report is
    /// unchanged.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn report_folders(&self, worker: &WorkerId, found: &[FolderReport]) -> Result<(), StoreError> {
        self.write(async |tx| {
            workers::register(tx, worker, self.inner.clock.now()).await?;
            sqlx::query("DELETE FROM folder_report WHERE worker_id = $1").bind(worker).execute(&mut *tx).await?;
            for folder in found {
                sqlx::query(
                    "INSERT INTO folder_report (folder_key, worker_id, available, reason, branch) \
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(&folder.folder_key)
                .bind(worker)
                .bind(folder.is_available)
                .bind(&folder.reason)
                .bind(&folder.branch)
                .execute(&mut *tx)
                .await?;
            }
            Ok(())
        })
        .await
    }

    /// Returns what workers have found in each folder. A folder is available if at least one worker can use it.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_folder_reports(&self) -> Result<Vec<FolderReport>, StoreError> {
        let query = sqlx::query_as(
            "SELECT folder_key, MAX(available) AS available, MAX(reason) AS reason, MAX(branch) AS branch \
             FROM folder_report GROUP BY folder_key ORDER BY folder_key",
        );
        let mut folders: Vec<FolderReport> = self.read(async |tx| Ok(query.fetch_all(tx).await?)).await?;
        for folder in &mut folders {
            // One worker can use the folder even though another one cannot.
            folder.reason.take_if(|_| folder.is_available);
        }
        Ok(folders)
    }
}
