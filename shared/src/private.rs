//! Creates files and folders that only the current account can read, regardless of the umask.

use std::{
    env,
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::OFlag,
    sys::stat::{Mode, umask},
    unistd::geteuid,
};

/// The permissions of a private file.
pub const FILE_MODE: u32 = 0o600;
/// The permissions of a private folder.
pub const FOLDER_MODE: u32 = 0o700;

/// The permission bits of a mode.
const ACCESS_BITS: u32 = 0o777;
/// The sticky bit, which is set on folders that several accounts share, such as `/tmp`.
const STICKY_BIT: u32 = 0o1000;

/// Sets the umask so that everything that this process and its children create is private. Must be called first in each
/// `main`.
pub fn set_umask() {
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
}

/// Opens a file for reading and writing, creating it if it is missing. Makes the file private, or logs a warning if
/// that fails.
///
/// In a shared folder, another account may have created something else with this name. Therefore, this function does
/// not follow symbolic links and does not wait for the reader of a pipe.
///
/// # Errors
/// Returns an error if the file cannot be opened or is not a regular file.
pub fn open_file(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(FILE_MODE)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    restrict(path, FILE_MODE);
    Ok(file)
}

/// Like [`open_file`], but ensures that other accounts cannot read or replace the content. The file must belong to this
/// account and must not have another hard link.
///
/// # Errors
/// Returns an error in the same cases as [`open_file`], and if the file belongs to another account, has another hard
/// link, or cannot be made private.
pub fn open_own_file(path: &Path) -> io::Result<File> {
    let file = open_file(path)?;
    let found = file.metadata()?;
    let is_own = found.uid() == geteuid().as_raw() && found.nlink() == 1;
    if !is_own || found.permissions().mode() & ACCESS_BITS != FILE_MODE {
        let reason = format!("{} is not a private file owned by this account; remove it", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    Ok(file)
}

/// Creates a private file.
///
/// # Errors
/// Returns an error if the file exists or cannot be created.
pub fn create_file(path: &Path) -> io::Result<File> {
    let file = File::options().create_new(true).read(true).write(true).mode(FILE_MODE).open(path)?;
    restrict(path, FILE_MODE);
    Ok(file)
}

/// Creates a folder and its missing parents, all of them private. Returns whether it created the folder.
///
/// # Errors
/// Returns an error if a folder cannot be created.
pub fn create_folder(path: &Path) -> io::Result<bool> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        create_folder(parent)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Ok(()) => {
            restrict(path, FOLDER_MODE);
            Ok(true)
        }
        // Another process created the folder in the meantime.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets the permissions of a file or folder. Returns whether they changed. Ignores a missing file. Logs a warning if
/// the permissions cannot be changed, for example because the file belongs to another account.
///
/// Never opens the file, because closing a file that SQLite has open in the same process would release SQLite's locks
/// (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).
pub fn restrict(path: &Path, mode: u32) -> bool {
    let Ok(found) = fs::metadata(path) else { return false };
    if found.permissions().mode() & ACCESS_BITS == mode {
        return false;
    }
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot restrict access to this path; other accounts may be able to read it");
            false
        }
    }
}

/// Makes an existing folder private unless other programs may use it: `/tmp` and other folders with the sticky bit, the
/// home directory, the working directory, and the parents of these two directories are left unchanged. Returns whether
/// the permissions changed.
#[must_use]
pub fn restrict_own_folder(path: &Path) -> bool {
    !is_shared(path) && restrict(path, FOLDER_MODE)
}

fn is_shared(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return true };
    let is_sticky = fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & STICKY_BIT != 0);
    let is_home = env::home_dir().and_then(|home| home.canonicalize().ok()).is_some_and(|home| home.starts_with(&path));
    let is_around = env::current_dir().is_ok_and(|here: PathBuf| here.starts_with(&path));
    is_sticky || is_home || is_around
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn creates_missing_parents_as_private_folders() {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o755);
        let (outer, inner) = (folder.path().join("outer"), folder.path().join("outer/inner"));

        assert!(create_folder(&inner).unwrap());
        assert!(!create_folder(&inner).unwrap(), "the folder already exists");

        assert_eq!((mode(folder.path()), mode(&outer), mode(&inner)), (0o755, 0o700, 0o700));
    }

    #[test]
    fn opening_a_file_makes_it_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "kept").unwrap();
        set_mode(&path, 0o664);

        open_file(&path).unwrap();

        assert_eq!((mode(&path), fs::read_to_string(&path).unwrap().as_str()), (0o600, "kept"));
    }

    #[test]
    fn rejects_a_pipe_without_waiting_for_its_reader() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();

        assert!(open_file(&pipe).is_err());
        // If the pipe has a reader, opening it succeeds.
        let reader = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&pipe).unwrap();
        assert_eq!(open_file(&pipe).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        drop(reader);
    }

    #[test]
    fn rejects_a_file_that_has_another_hard_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        open_own_file(&file).unwrap();
        fs::hard_link(&file, &other).unwrap();

        assert_eq!(open_own_file(&file).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn does_not_open_a_file_through_a_symbolic_link() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::os::unix::fs::symlink(&target, &link).unwrap();

        assert!(open_file(&link).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn does_not_restrict_shared_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (own, shared) = (folder.path().join("own"), folder.path().join("shared"));
        for (path, mode) in [(&own, 0o755), (&shared, 0o1777)] {
            fs::create_dir(path).unwrap();
            set_mode(path, mode);
        }

        let changed = [&own, &shared].map(|path| restrict_own_folder(path));

        assert_eq!(changed, [true, false]);
        assert_eq!((mode(&own), mode(&shared)), (0o700, 0o1777));
        for path in [Path::new("/"), Path::new("."), Path::new("..")] {
            assert!(is_shared(path), "{}", path.display());
        }
    }
}
