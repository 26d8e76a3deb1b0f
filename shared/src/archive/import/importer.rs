//! Stores the conversations of a file, one by one.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde::Serialize;
use tokio::{sync::mpsc, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::{
    conversation::ImportedConversation,
    failure::Failure,
    files::{FileStorage, SharedArchive},
    input::{self, Found},
};
use crate::{attachments::Storage, chat::UserRef, config::AttachmentLimits, event::Hints, store::Store};

/// The number of conversations that are read ahead.
const READ_AHEAD: usize = 1;
/// Imports files for a user.
#[derive(Clone, Debug)]
pub struct Importer {
    /// The store.
    pub store: Store,
    /// The storage for files.
    pub storage: Storage,
    /// The limits on files.
    pub limits: AttachmentLimits,
    /// The user who will own the chats.
    pub user: UserRef,
    /// The name of the file in reports.
    pub name: String,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImportProgress {
    /// The number of conversations that were read.
    pub done: usize,
    /// The number of conversations in the file; `None` if it is not known.
    pub total: Option<usize>,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The number of conversations that were imported.
    pub imported: usize,
    /// The number of conversations that had been imported before, or that still exist.
    pub skipped: usize,
    /// The conversations that could not be imported. Nothing of them was stored.
    pub failed: Vec<FailedImport>,
}

/// A conversation that could not be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedImport {
    /// Where the conversation is.
    pub source: String,
    /// Why it could not be imported, as a sentence.
    pub reason: String,
}

impl FailedImport {
    fn new(source: String, reason: &str) -> Self {
        Self { source, reason: sentence(reason) }
    }
}

/// The reason why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file contains no conversations in a known format.
    #[error(
        "the file contains no supported conversations. Import an export from Banter, ChatGPT, Claude, Open WebUI, or \
         LibreChat, or a session log from Claude Code or Codex (ZIP, JSON, or JSONL)"
    )]
    Unrecognized,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
}

impl ImportError {
    /// Returns the reason as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence(&self.to_string())
    }
}

/// Returns a reason as a sentence.
fn sentence(reason: &str) -> String {
    let mut chars = reason.trim_end_matches('.').chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

impl Importer {
    /// Checks that a file contains conversations.
    ///
    /// # Errors
    /// Returns [`ImportError`] if it contains none, or cannot be read.
    pub async fn recognize(path: &Path) -> Result<(), ImportError> {
        let path = path.to_owned();
        let stop = CancellationToken::new();
        let _stop_on_return = stop.clone().drop_guard();
        let found = spawn_blocking(move || {
            let mut is_found = false;
            let mut first_failure = None;
            let read = input::read(&path, "", &stop, &mut |read| {
                is_found |= read.is_ok();
                first_failure = first_failure.take().or(read.err());
                !is_found
            });
            match read {
                Ok(()) => Ok(is_found || first_failure.is_some()),
                Err(error) if !is_found => Err(error),
                Err(_) => Ok(true),
            }
        });
        if found.await.map_err(io::Error::other)?? { Ok(()) } else { Err(ImportError::Unrecognized) }
    }

    /// Imports all conversations of a file that have not been imported yet. `announce` notifies other
    /// processes of a change, and `on_progress` is called after each conversation.
    ///
    /// # Errors
    /// Returns [`ImportError`] if the file cannot be opened.
    pub async fn import(
        &self,
        path: PathBuf,
        announce: impl Fn(Hints),
        mut on_progress: impl FnMut(ImportProgress),
    ) -> Result<ImportReport, ImportError> {
        let counted = path.clone();
        let total = spawn_blocking(move || input::count(&counted)).await.map_err(io::Error::other)?;
        let opened = path.clone();
        let archive = spawn_blocking(move || input::open_zip(&opened)).await.map_err(io::Error::other)??;
        let archive: SharedArchive = Arc::new(Mutex::new(archive));
        let (sender, mut receiver) = mpsc::channel::<Found>(READ_AHEAD);
        let (stop, name) = (CancellationToken::new(), self.name.clone());
        let _stop_on_return = stop.clone().drop_guard();
        let reading =
            spawn_blocking(move || input::read(&path, &name, &stop, &mut |found| sender.blocking_send(found).is_ok()));
        let mut report = ImportReport::default();
        let mut done = 0;
        while let Some(read) = receiver.recv().await {
            match read {
                Ok(conversation) => {
                    let source = describe(&conversation);
                    match self.import_conversation(&archive, *conversation).await {
                        Ok(Some(hints)) => {
                            report.imported += 1;
                            announce(hints);
                        }
                        Ok(None) => report.skipped += 1,
                        Err(failure) => {
                            tracing::warn!(error = %failure, "failed to import a conversation");
                            report.failed.push(FailedImport::new(source, &failure.reason()));
                        }
                    }
                }
                Err((source, reason)) => report.failed.push(FailedImport::new(source, &reason)),
            }
            done += 1;
            on_progress(ImportProgress { done, total });
        }
        // A file that ends early, for example.
        if let Err(error) = reading.await.map_err(io::Error::other)? {
            report.failed.push(FailedImport::new(self.name.clone(), &error.to_string()));
        }
        Ok(report)
    }

    /// Stores a conversation with its files. Returns `None` if it already exists.
    async fn import_conversation(
        &self,
        archive: &SharedArchive,
        conversation: ImportedConversation,
    ) -> Result<Option<Hints>, Failure> {
        if self.store.is_imported(&self.user, &conversation.source, conversation.session_id).await? {
            return Ok(None);
        }
        let mut files = FileStorage::new(&self.store, &self.storage, self.limits, &self.user, archive);
        let result = async {
            let conversation = files.store_all(conversation).await?;
            Ok::<_, Failure>(self.store.import_session(&self.user, &conversation).await?)
        }
        .await;
        if !matches!(result, Ok(Some(_))) {
            files.discard().await;
        }
        Ok(result?.map(|change| change.hints))
    }
}

/// Returns the name of a conversation in reports.
fn describe(conversation: &ImportedConversation) -> String {
    let title = conversation.title.trim();
    if title.is_empty() { conversation.source.clone() } else { format!("{} {title}", conversation.source) }
}
