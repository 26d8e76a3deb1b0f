//! `api export`

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use banter_shared::{
    archive::{Manifest, Progress, bundle_name, write_bundle},
    attachments::Storage,
    chat::UserRef,
    config::Config,
    count::count,
    private,
    store::Store,
};

use super::files::open_storage;

/// Exports all chats of a user, and returns a line about the result. An incomplete file is removed.
///
/// # Errors
/// Returns an error if the user has no chats, if the file exists or cannot be written, or if a chat or file cannot be
/// read.
pub async fn run(config: &Config, store: &Store, user: &UserRef, output: Option<PathBuf>) -> anyhow::Result<String> {
    anyhow::ensure!(
        !store.list_session_ids(user).await?.is_empty(),
        "user `{}` has no chats in workspace `{}`",
        user.user_id,
        user.workspace_id
    );
    let storage = open_storage(config)?;
    let path = output.unwrap_or_else(|| PathBuf::from(bundle_name(store.clock().now())));
    let file = private::create_file(&path).with_context(|| format!("{}: cannot create the file", path.display()))?;
    let written = write(store, &storage, user, file).await;
    if written.is_err() {
        let _ = fs::remove_file(&path);
    }
    Ok(report(&written?, &path))
}

async fn write(store: &Store, storage: &Storage, user: &UserRef, file: fs::File) -> anyhow::Result<Manifest> {
    let output = tokio::fs::File::from_std(file.try_clone()?);
    let manifest = Box::pin(write_bundle(store, storage, user, output, show_progress())).await?;
    file.sync_all()?;
    Ok(manifest)
}

/// Returns a function that shows the progress on stderr, if it is a terminal.
fn show_progress() -> impl FnMut(Progress) + Send {
    let is_shown = std::io::stderr().is_terminal();
    move |Progress { done, total }| {
        if is_shown {
            let end = if done == total { "\n" } else { "" };
            // A terminal that cannot be written to does not end the export.
            let _ = write!(std::io::stderr(), "\rexported {done} of {}{end}", count(total as u64, "chat"));
        }
    }
}

fn report(manifest: &Manifest, path: &Path) -> String {
    let (conversations, attachments) = (manifest.conversations as u64, manifest.attachments as u64);
    let counts = format!("{}, {}", count(conversations, "chat"), count(attachments, "file"));
    let done = format!("exported to {} ({counts})\n", path.display());
    match manifest.missing.len() as u64 {
        0 => done,
        missing => format!("{done}missing from the storage: {}; see manifest.json\n", count(missing, "file")),
    }
}
