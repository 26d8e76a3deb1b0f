//! The commands that read or copy the files of attachments.

use anyhow::Context as _;
use banter_shared::{
    attachments::{STORAGE_URL_FORMS, Storage, StorageUrl, Transfer},
    config::Config,
    count::count,
    id::FileId,
    store::{BackupReport, Store},
    stored_files,
};
use clap::{Args, Subcommand};

use super::print;

/// The maximum number of missing files that a check lists.
const MISSING_LISTED: usize = 20;

/// The commands for files.
#[derive(Debug, Subcommand)]
pub enum FilesCommand {
    /// Copy the files of all attachments to or from another storage. Files that the target already contains are not
    /// copied again, and nothing is deleted. Safe to run at any time.
    Copy(CopyDirection),
}

/// The other storage.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct CopyDirection {
    /// Copy from `ATTACHMENTS_URL` to this storage: `file:///PATH` or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    to: Option<StorageUrl>,
    /// Copy from this storage to `ATTACHMENTS_URL`.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    from: Option<StorageUrl>,
}

fn parse_url(url: &str) -> Result<StorageUrl, String> {
    url.parse().map_err(|_| format!("must be {STORAGE_URL_FORMS}"))
}

/// Opens the storage in `ATTACHMENTS_URL`.
///
/// # Errors
/// Returns an error if the folder cannot be created or the settings of the bucket are invalid.
pub fn open_storage(config: &Config) -> anyhow::Result<Storage> {
    let url = &config.attachments_url;
    Storage::open(url.clone()).with_context(|| format!("ATTACHMENTS_URL={url}: cannot open the storage"))
}

/// Runs a command for files.
///
/// # Errors
/// Returns an error if a storage or the store fails, or if files are missing.
pub async fn run(store: &Store, config: &Config, command: FilesCommand) -> anyhow::Result<()> {
    let FilesCommand::Copy(CopyDirection { to, from }) = command;
    let own = open_storage(config)?;
    let open = |url: StorageUrl| Storage::open(url.clone()).with_context(|| format!("{url}: cannot open the storage"));
    let (from, to) = match (from, to) {
        (Some(from), _) => (open(from)?, own),
        (None, Some(to)) => (own, open(to)?),
        (None, None) => return Ok(()),
    };
    anyhow::ensure!(from.url() != to.url(), "{} is ATTACHMENTS_URL itself; pass another URL", to.url());
    let transfer = Transfer { from, to, linked: Vec::new() };
    let copied = stored_files::copy(store, &transfer).await?;
    let (files, bytes) = (count(copied.copied, "file"), count(copied.copied_bytes, "byte"));
    let (from, to) = (transfer.from.url(), transfer.to.url());
    print(&format!("copied {files} from {from} to {to} ({bytes}); {} already present\n", copied.present))?;
    fail_if_missing(&copied.missing, &from.to_string())
}

/// Checks that each file has an object. Prints the violations and returns their number.
///
/// # Errors
/// Returns an error if the storage or the store fails.
pub async fn check(store: &Store, storage: &Storage) -> anyhow::Result<usize> {
    let found = stored_files::check(store, storage).await?;
    for id in found.missing.iter().take(MISSING_LISTED) {
        print(&format!("violated: a stored file has an object of its size in ATTACHMENTS_URL: {id}\n"))?;
    }
    print(&format!("checked {} in {}\n", count_files(found.files), storage.url()))?;
    Ok(found.missing.len())
}

/// Prints what a backup contains in addition to the database.
///
/// # Errors
/// Returns an error if files are missing from it.
pub fn report_backup(report: &BackupReport, storage: &Storage) -> anyhow::Result<()> {
    if let Some(folder) = &report.folder {
        let (files, new) = (count_files(report.files), report.copied.copied);
        let bytes = count(report.copied.copied_bytes, "byte");
        print(&format!("backed up {files} to {} ({new} new, {bytes})\n", folder.display()))?;
    }
    fail_if_missing(&report.copied.missing, &storage.url().to_string())
}

fn fail_if_missing(missing: &[FileId], place: &str) -> anyhow::Result<()> {
    let Some(first) = missing.first() else { return Ok(()) };
    let (files, are) = (count_files(missing.len()), if missing.len() == 1 { "is" } else { "are" });
    anyhow::bail!("everything else is complete, but {files} {are} missing or damaged in {place}, such as {first}")
}

/// Returns a number of files, such as "1 file" or "2 files".
pub fn count_files(number: usize) -> String {
    count(number as u64, "file")
}
