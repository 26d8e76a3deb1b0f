//! Attachments, and which stored files exist.
//!
//! The contents are outside the database. A file is recorded before its object is written and until its object has been
//! deleted, so no crash leaves an object without a row (docs/adr/0019). Files belong to workspaces rather than to
//! users: only [`Store::write`] changes their rows, so that no two stripes wait for each other.

use std::time::Duration;

use sqlx::{FromRow as _, types::Json};

use super::{
    Store, StoreError,
    database_driver::{Connection, Row},
    sqlite,
};
use crate::{
    attachments::{ContentInfo, StoredFile},
    chat::{AcceptedFiles, Attachment, FileName, UserRef},
    clock::Timestamp,
    id::{AttachmentId, FileId, MessageId, TaskId},
};

/// How often a process must call [`Store::touch_file`] while it writes a file.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(15);
/// After how long without a call a file counts as abandoned.
const ABANDONED_AFTER: Duration = Duration::from_mins(1);
/// How long an attachment that is not sent is kept.
const UNSENT_KEPT: Duration = Duration::from_hours(24);
/// The maximum number of rows that change in one transaction.
const BATCH: i64 = 100;
/// The number of files that are listed at once.
const LISTED: i64 = 1000;

/// Selects the columns of an [`Attachment`].
macro_rules! select_attachments {
    () => {
        "SELECT id, name, media_type, size, sha256, width, height, created_at FROM attachment "
    };
}

/// A complete file that becomes an attachment.
#[derive(Clone, Debug)]
pub struct NewAttachment {
    /// The file.
    pub file_id: FileId,
    /// Its name.
    pub name: FileName,
    /// What it contains.
    pub content: ContentInfo,
    /// The client's idempotency key, if any.
    pub key: Option<String>,
    /// The maximum total size of the user's attachments, in bytes; `None` if there is no limit.
    pub user_limit: Option<i64>,
    /// A file with the same content whose object has been lost. The new file replaces it in all attachments.
    pub lost: Option<FileId>,
}

/// A stored attachment.
#[derive(Clone, Debug)]
pub struct StoredAttachment {
    /// The attachment.
    pub attachment: Attachment,
    /// The file whose object is to be deleted, if the content was already stored.
    pub unneeded: Option<FileId>,
}

impl Store {
    /// Records that a file is being written. Its ID names the object.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn begin_file(&self, workspace_id: &str) -> Result<FileId, StoreError> {
        let id = FileId::generate();
        self.write(async |tx| {
            sqlx::query(
                "INSERT INTO stored_file (id, workspace_id, status, touched_at) VALUES ($1, $2, 'writing', $3)",
            )
            .bind(id)
            .bind(workspace_id)
            .bind(self.inner.clock.now())
            .execute(tx)
            .await?;
            Ok(id)
        })
        .await
    }

    /// Records that a file is still being written. Must be called every [`TOUCH_INTERVAL`]. Fails if the file counts as
    /// abandoned.
    ///
    /// # Errors
    /// Returns [`StoreError::UploadExpired`], or another error if the store fails.
    pub async fn touch_file(&self, id: FileId) -> Result<(), StoreError> {
        self.write(async |tx| {
            let touched = sqlx::query("UPDATE stored_file SET touched_at = $2 WHERE id = $1 AND status = 'writing'")
                .bind(id)
                .bind(self.inner.clock.now())
                .execute(tx)
                .await?;
            if touched.rows_affected() == 0 { Err(StoreError::UploadExpired) } else { Ok(()) }
        })
        .await
    }

    /// Stores an attachment whose object is complete. If the workspace already has a file with the same content, the
    /// attachment uses that file, unless its object is [lost](NewAttachment::lost). If the idempotency key was already
    /// used for the same file, returns the attachment that was stored then.
    ///
    /// # Errors
    /// Returns [`StoreError::UploadExpired`], [`StoreError::IdempotencyMismatch`], [`StoreError::StorageLimit`], or
    /// another error if the store fails.
    pub async fn store_attachment(&self, user: &UserRef, new: &NewAttachment) -> Result<StoredAttachment, StoreError> {
        self.write(async |tx| {
            let now = self.inner.clock.now();
            check_writing(tx, new.file_id).await?;
            if let Some(attachment) = find_uploaded(tx, user, new.key.as_deref()).await? {
                if (&attachment.sha256, attachment.name.as_str()) != (&new.content.sha256, new.name.as_str()) {
                    return Err(StoreError::IdempotencyMismatch);
                }
                let (_, unneeded) = keep_one(tx, user, new).await?;
                return Ok(StoredAttachment { attachment, unneeded });
            }
            store_content(tx, user, new, None, now).await
        })
        .await
    }

    /// Stores a file that an agent has returned in an attempt, and whose object is complete. It becomes an attachment
    /// of the attempt's answer.
    ///
    /// # Errors
    /// Returns [`StoreError::UploadExpired`], [`StoreError::LeaseLost`] if the attempt has already ended,
    /// [`StoreError::StorageLimit`], or another error if the store fails.
    pub async fn store_answer_file(
        &self,
        user: &UserRef,
        task_id: TaskId,
        attempt: i64,
        new: &NewAttachment,
    ) -> Result<StoredAttachment, StoreError> {
        self.write(async |tx| {
            check_writing(tx, new.file_id).await?;
            let is_running: Option<i64> =
                sqlx::query_scalar("SELECT 1 FROM agent_task WHERE id = $1 AND attempt = $2 AND status = 'running'")
                    .bind(task_id)
                    .bind(attempt)
                    .fetch_optional(&mut *tx)
                    .await?;
            is_running.ok_or(StoreError::LeaseLost)?;
            store_content(tx, user, new, Some((task_id, attempt)), self.inner.clock.now()).await
        })
        .await
    }

    /// Returns the file with this content in a workspace, if there is one.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_file(&self, workspace_id: &str, sha256: &str) -> Result<Option<StoredFile>, StoreError> {
        let query = sqlx::query(
            "SELECT id, size, sha256 FROM stored_file WHERE workspace_id = $1 AND sha256 = $2 AND status = 'stored'",
        );
        let found = self.read_row(query.bind(workspace_id).bind(sha256)).await?;
        found.as_ref().map(stored_file).transpose()
    }

    /// Returns up to 1,000 files whose objects are complete, in the order of their IDs, beginning after `after`.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_stored_files(&self, after: Option<FileId>) -> Result<Vec<StoredFile>, StoreError> {
        let query = sqlx::query(
            "SELECT id, size, sha256 FROM stored_file WHERE status = 'stored' AND id > $1 ORDER BY id LIMIT $2 + 0",
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.read_rows(query.bind(after).bind(LISTED)).await?.iter().map(stored_file).collect()
    }

    /// Returns which of these files are still stored.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_still_stored(&self, ids: &[FileId]) -> Result<Vec<FileId>, StoreError> {
        let query = sqlx::query(concat!(
            "SELECT id FROM stored_file WHERE id IN ",
            sqlite::listed!(),
            " AND status = 'stored' ORDER BY id"
        ));
        let rows = self.read_rows(query.bind(Json(ids))).await?;
        Ok(rows.iter().map(|row| sqlx::Row::try_get(row, "id")).collect::<Result<_, _>>()?)
    }

    /// Returns an attachment of the user, and the file with its content.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the attachment does not exist or belongs to another user.
    pub async fn find_attachment(&self, user: &UserRef, id: AttachmentId) -> Result<(Attachment, FileId), StoreError> {
        let query = sqlx::query(
            "SELECT id, name, media_type, size, sha256, width, height, created_at, file_id FROM attachment \
             WHERE id = $1 AND workspace_id = $2 AND user_id = $3",
        );
        let found = self.read_row(query.bind(id).bind(&user.workspace_id).bind(&user.user_id)).await?;
        let row = found.ok_or(StoreError::NotFound)?;
        Ok((Attachment::from_row(&row)?, sqlx::Row::try_get(&row, "file_id")?))
    }

    /// Deletes an attachment that is not part of a message.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], [`StoreError::AttachmentSent`], or another error if the store fails.
    pub async fn delete_attachment(&self, user: &UserRef, id: AttachmentId) -> Result<(), StoreError> {
        self.write_and_erase(user, async |tx| {
            let is_sent: Option<bool> = sqlx::query_scalar(
                "SELECT message_id IS NOT NULL OR inactive_message_id IS NOT NULL OR task_id IS NOT NULL FROM attachment \
                 WHERE id = $1 AND workspace_id = $2 AND user_id = $3",
            )
            .bind(id)
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .fetch_optional(&mut *tx)
            .await?;
            if is_sent.ok_or(StoreError::NotFound)? {
                return Err(StoreError::AttachmentSent);
            }
            sqlx::query("DELETE FROM attachment WHERE id = $1").bind(id).execute(tx).await?;
            Ok(())
        })
        .await
    }

    /// Deletes attachments that have not been sent for a day, and returns files to delete: those that no attachment
    /// uses, and those that crashed processes were writing. No attachment can use these files from now on. The caller
    /// deletes the object of each one, and then calls [`Store::forget_file`]. Until then, further calls return the file
    /// again.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn collect_files(&self) -> Result<Vec<FileId>, StoreError> {
        let now = self.inner.clock.now();
        let (unsent_before, abandoned_before) = (now.minus(UNSENT_KEPT), now.minus(ABANDONED_AFTER));
        let has_work = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM released_file) \
             OR EXISTS (SELECT 1 FROM stored_file WHERE status = 'deleting') \
             OR EXISTS (SELECT 1 FROM stored_file WHERE status = 'writing' AND touched_at < $1) \
             OR EXISTS (SELECT 1 FROM attachment WHERE message_id IS NULL AND inactive_message_id IS NULL \
                 AND task_id IS NULL AND created_at < $2) AS has_work",
        );
        let row = self.read_row(has_work.bind(abandoned_before).bind(unsent_before)).await?;
        if !row.map(|row| sqlx::Row::try_get(&row, "has_work")).transpose()?.unwrap_or(false) {
            return Ok(Vec::new());
        }
        self.write(async |tx| {
            sqlx::query(
                "DELETE FROM attachment WHERE id IN (SELECT id FROM attachment \
                 WHERE message_id IS NULL AND inactive_message_id IS NULL AND task_id IS NULL \
                 AND created_at < $1 LIMIT $2 + 0)",
            )
            .bind(unsent_before)
            .bind(BATCH)
            .execute(&mut *tx)
            .await?;
            let last: Option<i64> = sqlx::query_scalar(
                "SELECT MAX(number) FROM (SELECT number FROM released_file ORDER BY number LIMIT $1 + 0) AS batch",
            )
            .bind(BATCH)
            .fetch_one(&mut *tx)
            .await?;
            if let Some(last) = last {
                sqlx::query(
                    "UPDATE stored_file SET status = 'deleting' WHERE status = 'stored' \
                     AND id IN (SELECT file_id FROM released_file WHERE number <= $1) \
                     AND NOT EXISTS (SELECT 1 FROM attachment WHERE attachment.file_id = stored_file.id)",
                )
                .bind(last)
                .execute(&mut *tx)
                .await?;
                sqlx::query("DELETE FROM released_file WHERE number <= $1").bind(last).execute(&mut *tx).await?;
            }
            sqlx::query("UPDATE stored_file SET status = 'deleting' WHERE status = 'writing' AND touched_at < $1")
                .bind(abandoned_before)
                .execute(&mut *tx)
                .await?;
            let query = sqlx::query_scalar("SELECT id FROM stored_file WHERE status = 'deleting' LIMIT $1 + 0");
            Ok(query.bind(BATCH).fetch_all(tx).await?)
        })
        .await
    }

    /// Records that a file is no longer needed, before its object is deleted. Does nothing if the file is in use.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn discard_file(&self, id: FileId) -> Result<(), StoreError> {
        self.write(async |tx| mark_deleting(tx, id).await).await
    }

    /// Removes the record of a file whose object has been deleted.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn forget_file(&self, id: FileId) -> Result<(), StoreError> {
        self.write(async |tx| {
            sqlx::query("DELETE FROM stored_file WHERE id = $1 AND status = 'deleting'").bind(id).execute(tx).await?;
            Ok(())
        })
        .await
    }
}

/// Fails if a file counts as abandoned.
async fn check_writing(tx: &mut Connection, id: FileId) -> Result<(), StoreError> {
    let is_writing: Option<i64> = sqlx::query_scalar("SELECT 1 FROM stored_file WHERE id = $1 AND status = 'writing'")
        .bind(id)
        .fetch_optional(tx)
        .await?;
    is_writing.map(|_| ()).ok_or(StoreError::UploadExpired)
}

/// Stores an attachment, which uses its own file, or one of the workspace with the same content. `attempt` is the one
/// that returned the file, if an agent did.
async fn store_content(
    tx: &mut Connection,
    user: &UserRef,
    new: &NewAttachment,
    attempt: Option<(TaskId, i64)>,
    now: Timestamp,
) -> Result<StoredAttachment, StoreError> {
    let ContentInfo { size, sha256, media_type, dimensions } = &new.content;
    check_limit(tx, user, *size, new.user_limit).await?;
    let (file_id, unneeded) = keep_one(tx, user, new).await?;
    let attachment = Attachment {
        id: AttachmentId::generate(),
        name: new.name.as_str().to_owned(),
        media_type: media_type.clone(),
        size: *size,
        sha256: sha256.clone(),
        width: dimensions.map(|(width, _)| width),
        height: dimensions.map(|(_, height)| height),
        created_at: now,
    };
    sqlx::query(
        "INSERT INTO attachment (id, workspace_id, user_id, file_id, name, media_type, size, sha256, width, height, \
         created_at, upload_key, task_id, attempt) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(attachment.id)
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(file_id)
    .bind(&attachment.name)
    .bind(&attachment.media_type)
    .bind(attachment.size)
    .bind(&attachment.sha256)
    .bind(attachment.width)
    .bind(attachment.height)
    .bind(attachment.created_at)
    .bind(new.key.as_deref())
    .bind(attempt.map(|(task_id, _)| task_id))
    .bind(attempt.map(|(_, attempt)| attempt))
    .execute(tx)
    .await?;
    Ok(StoredAttachment { attachment, unneeded })
}

/// Returns the attachment that was uploaded with an idempotency key, if there is one.
async fn find_uploaded(
    tx: &mut Connection,
    user: &UserRef,
    key: Option<&str>,
) -> Result<Option<Attachment>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let query =
        sqlx::query_as(concat!(select_attachments!(), "WHERE workspace_id = $1 AND user_id = $2 AND upload_key = $3"));
    Ok(query.bind(&user.workspace_id).bind(&user.user_id).bind(key).fetch_optional(tx).await?)
}

/// Fails if another file of this size would exceed the limit for the user's files.
async fn check_limit(tx: &mut Connection, user: &UserRef, size: i64, limit: Option<i64>) -> Result<(), StoreError> {
    let Some(limit) = limit else { return Ok(()) };
    let stored: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(size), 0) AS INTEGER) FROM \
         (SELECT MAX(size) AS size FROM attachment WHERE workspace_id = $1 AND user_id = $2 GROUP BY file_id) AS file",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .fetch_one(tx)
    .await?;
    if stored.saturating_add(size) > limit { Err(StoreError::StorageLimit { limit }) } else { Ok(()) }
}

/// Keeps the new file unless its content is already stored in another one. Makes it the content of all attachments of a
/// lost one. Returns the file to use, and the new one if it is not needed.
async fn keep_one(
    tx: &mut Connection,
    user: &UserRef,
    new: &NewAttachment,
) -> Result<(FileId, Option<FileId>), StoreError> {
    let known: Option<FileId> =
        sqlx::query_scalar("SELECT id FROM stored_file WHERE workspace_id = $1 AND sha256 = $2 AND status = 'stored'")
            .bind(&user.workspace_id)
            .bind(&new.content.sha256)
            .fetch_optional(&mut *tx)
            .await?;
    match known {
        Some(lost) if new.lost == Some(lost) => {
            let replace = sqlx::query("UPDATE attachment SET file_id = $2 WHERE file_id = $1");
            replace.bind(lost).bind(new.file_id).execute(&mut *tx).await?;
            let release = sqlx::query("UPDATE stored_file SET status = 'deleting' WHERE id = $1");
            release.bind(lost).execute(&mut *tx).await?;
        }
        Some(known) => {
            mark_deleting(tx, new.file_id).await?;
            return Ok((known, Some(new.file_id)));
        }
        None => {}
    }
    sqlx::query("UPDATE stored_file SET status = 'stored', sha256 = $2, size = $3 WHERE id = $1")
        .bind(new.file_id)
        .bind(&new.content.sha256)
        .bind(new.content.size)
        .execute(tx)
        .await?;
    Ok((new.file_id, None))
}

fn stored_file(row: &Row) -> Result<StoredFile, StoreError> {
    let size: i64 = sqlx::Row::try_get(row, "size")?;
    let (id, sha256) = (sqlx::Row::try_get(row, "id")?, sqlx::Row::try_get(row, "sha256")?);
    Ok(StoredFile { id, size: u64::try_from(size).unwrap_or_default(), sha256 })
}

async fn mark_deleting(tx: &mut Connection, id: FileId) -> Result<(), StoreError> {
    sqlx::query("UPDATE stored_file SET status = 'deleting' WHERE id = $1 AND status = 'writing'")
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns the files that an attempt has returned.
pub(super) async fn list_of_attempt(
    tx: &mut Connection,
    task_id: TaskId,
    attempt: i64,
) -> Result<Vec<Attachment>, StoreError> {
    let query = sqlx::query_as(concat!(select_attachments!(), "WHERE task_id = $1 AND attempt = $2 ORDER BY id"));
    Ok(query.bind(task_id).bind(attempt).fetch_all(tx).await?)
}

/// Creates an attachment with the same file as another one, as part of a message or, for `None`, before it is sent.
pub(super) async fn copy_attachment(
    tx: &mut Connection,
    attachment: &Attachment,
    message_id: Option<MessageId>,
    now: Timestamp,
) -> Result<Attachment, StoreError> {
    let copy = Attachment { id: AttachmentId::generate(), created_at: now, ..attachment.clone() };
    sqlx::query(
        "INSERT INTO attachment (id, workspace_id, user_id, message_id, file_id, name, media_type, size, sha256, width, \
         height, created_at) SELECT $2, workspace_id, user_id, $3, file_id, name, media_type, size, sha256, width, height, \
         $4 FROM attachment WHERE id = $1",
    )
    .bind(attachment.id)
    .bind(copy.id)
    .bind(message_id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(copy)
}

/// Returns the attachments with these IDs, in this order, for a message to an agent that accepts `accepted`. Fails if
/// one of them does not exist, belongs to another user, is part of a message, or is not accepted.
pub(super) async fn take_unsent(
    tx: &mut Connection,
    user: &UserRef,
    ids: &[AttachmentId],
    accepted: AcceptedFiles,
) -> Result<Vec<Attachment>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: Vec<Attachment> = sqlx::query_as(concat!(
        select_attachments!(),
        "WHERE id IN ",
        sqlite::listed!(),
        " AND workspace_id = $2 AND user_id = $3 AND message_id IS NULL AND inactive_message_id IS NULL AND task_id IS NULL"
    ))
    .bind(Json(ids))
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .fetch_all(tx)
    .await?;
    let mut attachments = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        // An ID that is listed twice is found only once.
        let position = found.iter().position(|attachment| attachment.id == *id);
        let attachment = found.swap_remove(position.ok_or(StoreError::UnknownAttachment { index })?);
        if !accepted.include(&attachment) {
            return Err(StoreError::AttachmentUnsupported { index, name: attachment.name });
        }
        attachments.push(attachment);
    }
    Ok(attachments)
}
