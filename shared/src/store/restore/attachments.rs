//! The files of attachments: those of the backup, which are copied before the database is replaced, and those of the
//! previous database, which are kept for a while.
//!
//! Objects are only added. Each one has a row in the current database at any moment, so that the background work can
//! delete it if the restore is not completed (docs/adr/0019).

use std::path::Path;

use futures::TryStreamExt as _;
use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::{FILES_KEPT, error::RestoreError};
use crate::{
    attachments::{Storage, StorageUrl, StoredFile, Transfer, TransferReport, is_intact},
    clock::Timestamp,
    id::FileId,
    store::{
        backup::{files_folder, has_files, list_stored},
        files::DatabaseFiles,
        sqlite,
    },
};

/// Copies the files of the backup that the storage lacks, and prepares the staged database for the files of the
/// previous one.
pub(super) async fn restore(
    files: &DatabaseFiles,
    staged: &DatabaseFiles,
    source: &Path,
    storage: &Storage,
    now: Timestamp,
) -> Result<TransferReport, RestoreError> {
    let store = |path: &Path| {
        let path = path.to_path_buf();
        |source: sqlx::Error| RestoreError::Store { path, source: source.into() }
    };
    let mut copy = open(staged.database()).await.map_err(store(source))?;
    let mut previous = open_previous(files).await.map_err(store(files.database()))?;
    let mut report = TransferReport::default();
    let mut after = None;
    loop {
        let listed = list_stored(&mut copy, after).await.map_err(store(source))?;
        let Some(last) = listed.last() else { break };
        after = Some(last.id);
        let lacking = list_lacking(storage, &listed).await?;
        report.present += (listed.len() - lacking.len()) as u64;
        if lacking.is_empty() {
            continue;
        }
        let folder = files_folder(source);
        if !folder.is_dir() {
            report.missing.extend(lacking.iter().map(|file| file.id));
            continue;
        }
        if let Some(open) = &mut previous {
            match announce(open, &lacking, now).await {
                Err(error) if sqlite::is_damage(&error) => previous = None,
                announced => announced.map_err(store(files.database()))?,
            }
        }
        let from = StorageUrl::Folder(folder);
        let from =
            Storage::open(from.clone()).map_err(|source| RestoreError::Storage { place: from.to_string(), source })?;
        report.add(Transfer { from, to: storage.clone(), linked: Vec::new() }.run(&lacking).await?);
    }
    if let Some(mut previous) = previous {
        match keep_previous(&mut copy, &mut previous, now).await {
            // The files of a damaged database that cannot be listed stay in the storage.
            Err(error) if sqlite::is_damage(&error) => {}
            kept => {
                kept.map_err(store(files.database()))?;
                previous.close().await.map_err(store(files.database()))?;
            }
        }
    }
    copy.close().await.map_err(store(source))?;
    Ok(report)
}

async fn open(database: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(database).synchronous(SqliteSynchronous::Full);
    options.disable_statement_logging().connect().await
}

/// Opens the previous database. Returns `None` if there is none, if it is corrupted, or if it has no files.
async fn open_previous(files: &DatabaseFiles) -> Result<Option<SqliteConnection>, sqlx::Error> {
    if !files.database().is_file() {
        return Ok(None);
    }
    let opened = async {
        let mut previous = open(files.database()).await?;
        Ok(has_files(&mut previous).await?.then_some(previous))
    };
    match opened.await {
        Err(error) if sqlite::is_damage(&error) => Ok(None),
        opened => opened,
    }
}

/// Returns the files that the storage lacks.
async fn list_lacking(storage: &Storage, files: &[StoredFile]) -> Result<Vec<StoredFile>, RestoreError> {
    let mut lacking = Vec::new();
    for file in files {
        let is_present = is_intact(storage, file).await;
        if !is_present.map_err(|source| RestoreError::Storage { place: storage.url().to_string(), source })? {
            lacking.push(file.clone());
        }
    }
    Ok(lacking)
}

/// Records in the previous database that these files are being written.
async fn announce(previous: &mut SqliteConnection, files: &[StoredFile], now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = previous.begin().await?;
    for file in files {
        sqlx::query(
            "INSERT INTO stored_file (id, workspace_id, status, touched_at) VALUES ($1, '', 'writing', $2) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(file.id)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

/// Records the files of the previous database that the staged one does not use, so that they are deleted after
/// [`FILES_KEPT`].
async fn keep_previous(
    copy: &mut SqliteConnection,
    previous: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut tx = copy.begin().await?;
    let mut files =
        sqlx::query_as::<_, (FileId, String)>("SELECT id, workspace_id FROM stored_file ORDER BY id").fetch(previous);
    while let Some((id, workspace_id)) = files.try_next().await? {
        sqlx::query(
            "INSERT INTO stored_file (id, workspace_id, status, touched_at) VALUES ($1, $2, 'writing', $3) \
             ON CONFLICT (id) DO UPDATE SET status = 'writing', touched_at = excluded.touched_at \
             WHERE stored_file.status != 'stored'",
        )
        .bind(id)
        .bind(workspace_id)
        .bind(now.plus(FILES_KEPT))
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}
