//! The files that an agent has changed.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use crate::text_column::text_enum;

/// How a file was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChangeStatus {
    /// The file is new.
    Added,
    /// The content or the permissions of the file are different.
    Modified,
    /// The file no longer exists.
    Deleted,
    /// The file has another path, and possibly another content.
    Renamed,
    /// A symbolic link has replaced the file, or the reverse.
    TypeChanged,
}

text_enum!(ChangeStatus);

/// A file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedFile {
    /// The path, relative to the folder. Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// The path before the change, if the file was renamed; otherwise null.
    #[schema(required)]
    pub old_path: Option<String>,
    /// How the file was changed.
    pub status: ChangeStatus,
    /// The number of added lines; 0 if the file is binary.
    pub additions: i64,
    /// The number of deleted lines; 0 if the file is binary.
    pub deletions: i64,
    /// Whether the file is binary.
    pub binary: bool,
    /// The hunks of a unified diff with three lines of context, without file headers; null if there are none, or if they
    /// are omitted.
    #[schema(required)]
    pub patch: Option<String>,
    /// Whether the patch is omitted because it is too long.
    pub truncated: bool,
}

/// The number of changed files, and of changed lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeCounts {
    /// The number of changed files.
    pub files: i64,
    /// The number of added lines.
    pub additions: i64,
    /// The number of deleted lines.
    pub deletions: i64,
}

impl ChangeCounts {
    /// Counts the changes of these files.
    #[must_use]
    pub fn of(files: &[ChangedFile]) -> Self {
        Self {
            files: i64::try_from(files.len()).unwrap_or(i64::MAX),
            additions: files.iter().map(|file| file.additions).sum(),
            deletions: files.iter().map(|file| file.deletions).sum(),
        }
    }
}
