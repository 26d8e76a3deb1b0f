//! The names of the files and folders next to a database.

use std::path::{Path, PathBuf};

/// Returns the path of a database followed by a suffix, such as `-wake`.
pub(crate) fn companion_path(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
