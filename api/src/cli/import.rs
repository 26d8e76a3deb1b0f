//! `api import`

use std::{
    io::{IsTerminal as _, Write as _},
    path::Path,
};

use anyhow::Context as _;
use banter_shared::{
    archive::{ImportProgress, ImportReport, Importer},
    chat::UserRef,
    config::Config,
    count::count,
    store::Store,
};

use super::files::open_storage;

/// Imports a file for a user, and returns lines about the result and the number of conversations that failed.
///
/// # Errors
/// Returns an error if the file cannot be read or contains no conversations.
pub async fn run(config: &Config, store: &Store, user: &UserRef, file: &Path) -> anyhow::Result<(String, usize)> {
    let named = || file.display().to_string();
    Importer::recognize(file).await.with_context(named)?;
    store.ensure_user(user).await?;
    let storage = open_storage(config)?;
    let importer = Importer {
        store: store.clone(),
        storage,
        limits: config.attachment_limits,
        user: user.clone(),
        name: file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    // Streams find new events by themselves after a moment.
    let report = importer.import(file.to_owned(), |_| {}, show_progress()).await.with_context(named)?;
    Ok((describe(&report), report.failed.len()))
}

/// Returns a function that shows the progress on stderr, if it is a terminal.
fn show_progress() -> impl FnMut(ImportProgress) {
    let is_shown = std::io::stderr().is_terminal();
    move |ImportProgress { done, total }| {
        if is_shown {
            let total = total.map(|total| format!(" of {total}")).unwrap_or_default();
            // A terminal that cannot be written to does not end the import.
            let _ = write!(std::io::stderr(), "\rread {done}{total} chats");
        }
    }
}

fn describe(report: &ImportReport) -> String {
    let chats = |number: usize| count(number as u64, "chat");
    let counts = format!("imported {}, skipped {}\n", chats(report.imported), chats(report.skipped));
    let failed = report.failed.iter().map(|failed| format!("failed: {}: {}\n", failed.source, failed.reason));
    std::iter::once(counts).chain(failed).collect()
}
