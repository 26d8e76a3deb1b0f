//! Compares snapshots.

use std::{collections::VecDeque, ffi::OsStr};

use banter_shared::chat::{ChangeStatus, ChangedFile};

use super::repository::Repository;
use crate::workplace::git::GitError;

/// The maximum number of files in a comparison. Changes to further files are not shown.
const MAX_FILES: usize = 2000;
/// The maximum length of the patch of a file, and of all patches, in bytes.
const MAX_PATCH_BYTES: usize = 256 * 1024;
const MAX_TOTAL_BYTES: usize = 1024 * 1024;
/// The maximum length of git's output with patches, in bytes. Files after it have no patch.
const MAX_OUTPUT_BYTES: usize = 16 * 1024 * 1024;

/// The options of all comparisons. Nothing that a repository configures is executed.
const OPTIONS: [&str; 8] = [
    "diff-tree",
    "-r",
    "--find-renames",
    "-l400",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=none",
];

/// Returns the files that differ between two snapshots, in the order of their paths.
pub(super) async fn compare(repository: &Repository, from: &str, to: &str) -> Result<Vec<ChangedFile>, GitError> {
    if from == to {
        return Ok(Vec::new());
    }
    let arguments = |more: &'static [&'static str]| -> Vec<&OsStr> {
        let mut all: Vec<&OsStr> = OPTIONS.iter().chain(more).map(OsStr::new).collect();
        all.extend([from, to].map(OsStr::new));
        if let Some(scope) = &repository.scope {
            all.extend([OsStr::new("--"), scope.as_os_str()]);
        }
        all
    };
    let listed = repository.git.run(&arguments(&["--raw", "--numstat", "-z"]), Vec::new()).await?;
    let mut changes = parse_list(&listed);
    changes.truncate(MAX_FILES);
    let text = repository.git.run_limited(&arguments(&["-p", "-U3"]), Vec::new(), MAX_OUTPUT_BYTES).await?;
    add_patches(&mut changes, &text.stdout, text.status.is_some());
    let prefix = repository.scope.as_ref().map(|scope| format!("{}/", scope.to_string_lossy()));
    if let Some(prefix) = prefix {
        for file in &mut changes {
            for path in [Some(&mut file.path), file.old_path.as_mut()].into_iter().flatten() {
                *path = path.strip_prefix(&prefix).unwrap_or(path).to_owned();
            }
        }
    }
    Ok(changes)
}

/// Reads the output of `--raw --numstat -z`: the changes of all files, and then their numbers of lines.
fn parse_list(listed: &[u8]) -> Vec<ChangedFile> {
    let mut fields = listed.split(|byte| *byte == 0).peekable();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut files = Vec::new();
    // `:<mode> <mode> <object> <object> <status>\0<path>\0`, with a second path if the file was renamed.
    while let Some(entry) = fields.next_if(|field| field.starts_with(b":")) {
        let letter = entry.rsplit(|byte| *byte == b' ').next().and_then(|status| status.first()).copied();
        let status = match letter {
            Some(b'A' | b'C') => ChangeStatus::Added,
            Some(b'D') => ChangeStatus::Deleted,
            Some(b'R') => ChangeStatus::Renamed,
            Some(b'T') => ChangeStatus::TypeChanged,
            _ => ChangeStatus::Modified,
        };
        let Some(path) = fields.next() else { break };
        let (path, old_path) = match letter {
            Some(b'R' | b'C') => (fields.next().unwrap_or(path), Some(text(path))),
            _ => (path, None),
        };
        files.push(ChangedFile {
            path: text(path),
            old_path: old_path.filter(|_| status == ChangeStatus::Renamed),
            status,
            additions: 0,
            deletions: 0,
            binary: false,
            patch: None,
            truncated: false,
        });
    }
    // `<added>\t<deleted>\t<path>\0`, or `<added>\t<deleted>\t\0<path>\0<path>\0` if the file was renamed.
    for file in &mut files {
        let Some(entry) = fields.next() else { break };
        let mut columns = entry.splitn(3, |byte| *byte == b'\t');
        let (added, deleted) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        if columns.next().is_some_and(<[u8]>::is_empty) {
            fields.next();
            fields.next();
        }
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
        file.binary = added == b"-";
        file.additions = number(added).unwrap_or_default();
        file.deletions = number(deleted).unwrap_or_default();
    }
    files
}

/// Adds the patches to the files. Their order is the same. `is_whole` is false if the text was cut off.
fn add_patches(files: &mut [ChangedFile], text: &[u8], is_whole: bool) {
    let mut parts = split_patches(text);
    if !is_whole {
        parts.pop_back();
    }
    let mut room = MAX_TOTAL_BYTES;
    for file in files {
        // Another type of file is described as a deleted and a new file.
        let count = if file.status == ChangeStatus::TypeChanged { 2 } else { 1 };
        let taken: Vec<Option<&[u8]>> = (0..count).map(|_| parts.pop_front()).collect();
        let patch: Vec<u8> = taken.iter().flatten().flat_map(|part| hunks(part)).copied().collect();
        let is_missing = taken.iter().any(Option::is_none);
        let has_changed_lines = file.additions + file.deletions > 0;
        file.truncated = has_changed_lines && (is_missing || patch.len() > MAX_PATCH_BYTES.min(room));
        if !patch.is_empty() && !file.truncated {
            room -= patch.len();
            file.patch = Some(String::from_utf8_lossy(&patch).into_owned());
        }
    }
}

/// Splits patches at their headers. The lines of hunks begin with a space, a sign, or a backslash.
fn split_patches(text: &[u8]) -> VecDeque<&[u8]> {
    const HEADER: &[u8] = b"diff --git ";
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(HEADER) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Returns the hunks of a patch, without its headers.
fn hunks(patch: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in patch.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"@@") {
            return &patch[at..];
        }
        at += line.len();
    }
    &[]
}
