//! Records which data folder contains the work folder of a session. Claims prefer the workers that use that data folder.

use super::{Store, StoreError};
use crate::{chat::UserRef, id::SessionId};

/// The data folder (`DATA_DIR`) of one or more workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolder {
    /// The ID, which stays the same if the folder is moved to another host.
    pub id: String,
    /// The name of the host.
    pub host: String,
}

/// Where the work folder of a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkFolder {
    /// The data folder that contains it, and the last known host.
    pub data_folder: DataFolder,
    /// The host on which the session's previous work folder is, if there was one.
    pub previous_host: Option<String>,
    /// The turn in which the session started to use this work folder, if there was a previous one.
    pub moved_in_turn: Option<i64>,
}

impl WorkFolder {
    /// Returns the host on which a turn's agent leaves the session's files behind if it runs with the data folder
    /// `here`.
    #[must_use]
    pub fn host_left(&self, here: &DataFolder, turn: i64) -> Option<&str> {
        if self.data_folder.id != here.id {
            return Some(&self.data_folder.host);
        }
        self.previous_host.as_deref().filter(|_| self.moved_in_turn == Some(turn))
    }
}

impl Store {
    /// Records that the work folder of one of the user's sessions is in a data folder as of this turn. Does nothing if
    /// the session has been deleted.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn record_work_folder(
        &self,
        user: &UserRef,
        session_id: SessionId,
        turn: i64,
        folder: &DataFolder,
    ) -> Result<(), StoreError> {
        self.write_for(user, async |tx| {
            sqlx::query(
                "INSERT INTO work_folder (chat_session_id, data_folder_id, host) \
                 SELECT id, $2, $3 FROM chat_session WHERE id = $1 \
                 ON CONFLICT (chat_session_id) DO UPDATE SET \
                 previous_host = CASE WHEN work_folder.data_folder_id = excluded.data_folder_id \
                     THEN work_folder.previous_host ELSE work_folder.host END, \
                 moved_in_turn = CASE WHEN work_folder.data_folder_id = excluded.data_folder_id \
                     THEN work_folder.moved_in_turn ELSE $4 END, \
                 data_folder_id = excluded.data_folder_id, host = excluded.host",
            )
            .bind(session_id)
            .bind(&folder.id)
            .bind(&folder.host)
            .bind(turn)
            .execute(tx)
            .await?;
            Ok(())
        })
        .await
    }
}
