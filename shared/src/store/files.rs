//! A database's files: their names, their permissions, and the processes that use them.
//!
//! Each process that uses the database holds a shared lock on `<db>.lock`; a restore requires an exclusive one. Both
//! locks are acquired only while `<db>.migrate.lock` is held.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
};
use tokio::time::{Instant, sleep};

use crate::{companion::companion_path, private};

/// The pause between attempts to acquire a lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// The suffixes of the files that SQLite and Banter keep next to the database.
const COMPANIONS: [&str; 6] = ["-wal", "-shm", "-journal", "-wake", ".lock", ".migrate.lock"];
/// The suffixes of the files that SQLite may keep next to any database.
const SQLITE_COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// The suffix of the copy that a restore prepares.
const STAGED: &str = ".restoring";
/// The suffix of a database that a restore has replaced. It is followed by the time of the restore.
const BEFORE_RESTORE: &str = ".before-restore-";

/// The `PRAGMA application_id` of a backup that has not been restored yet (`BntB` in ASCII). In a database in use, it
/// is 0.
pub(super) const BACKUP_ID: i32 = 0x426e_7442;
/// The offset of the application ID in the database header (<https://www.sqlite.org/fileformat.html#application_id>).
const APPLICATION_ID_OFFSET: usize = 68;
/// The start and the length of the bytes in the database file that connections lock
/// (<https://www.sqlite.org/src/file/src/os.h>, `PENDING_BYTE`). A connection that has read a database in WAL mode
/// holds a lock there until it is closed.
const SQLITE_LOCK_BYTES: (i64, i64) = (0x4000_0000, 512);

/// A lock on `<db>.lock`, which either registers this process as a user of the database or excludes all other
/// processes. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct Presence(#[expect(dead_code, reason = "kept only to be dropped")] File);

/// The reason why [`DatabaseFiles::enter`] failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnterError {
    /// A lock file could not be opened or locked, or the database file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A restore is replacing the database.
    #[error("the database is being restored")]
    BeingRestored,
    /// A backup was copied over a database that was not closed cleanly. SQLite would apply the old database's log to
    /// the backup.
    #[error("the file is a backup next to the write-ahead log of another database")]
    ForeignLog,
}

/// The database file and its companion files.
#[derive(Clone, Debug)]
pub(super) struct DatabaseFiles {
    path: PathBuf,
}

impl DatabaseFiles {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Returns the path of the database.
    pub(super) fn database(&self) -> &Path {
        &self.path
    }

    /// Returns the paths of the database and of all possible companion files.
    pub(super) fn all(&self) -> Vec<PathBuf> {
        COMPANIONS.iter().map(|suffix| self.companion(suffix)).chain([self.path.clone()]).collect()
    }

    /// Returns the folder that contains the database.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Returns the path of a companion file.
    pub(super) fn companion(&self, suffix: &str) -> PathBuf {
        companion_path(&self.path, suffix)
    }

    /// Returns the files of the copy that a restore prepares.
    pub(super) fn staged(&self) -> Self {
        Self { path: self.companion(STAGED) }
    }

    /// Returns the names under which a restore keeps the files of the previous database.
    pub(super) fn before_restore(&self, at: &str) -> Self {
        Self { path: self.companion(&format!("{BEFORE_RESTORE}{at}")) }
    }

    /// Creates the folder if it is missing. Leaves an existing folder unchanged, because other programs may use it.
    pub(super) fn create_folder(&self) -> io::Result<()> {
        private::create_folder(self.folder()).map(drop)
    }

    /// Creates an empty private file for the database if it is missing, because SQLite creates companion files with the
    /// permissions of the database.
    pub(super) fn create(&self) -> io::Result<()> {
        // Closing the file does not affect SQLite's locks, because no connection can have opened a file that did not
        // exist.
        match private::create_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Restricts access to the database and its companion files to this account.
    pub(super) fn restrict(&self) {
        // Banter never creates a companion file as a symbolic link, so restricting one would change a file that Banter
        // did not create.
        let own = |path: &PathBuf| *path == self.path || !path.is_symlink();
        let changed = self.all().iter().filter(|path| own(path) && private::restrict(path, private::FILE_MODE)).count();
        if changed > 0 {
            let database = self.path.display();
            tracing::info!(%database, files = changed, "database was readable by other accounts; access is now restricted to this account");
        }
    }

    /// Removes the database and the files that SQLite keeps next to it. Missing files are ignored.
    pub(super) fn remove(&self) -> io::Result<()> {
        let companions = SQLITE_COMPANIONS.iter().map(|suffix| self.companion(suffix));
        companions.chain([self.path.clone()]).try_for_each(|path| remove_if_present(&path))
    }

    /// Removes the files that a killed restore left behind: the unfinished copy, and the second hard link to the
    /// current database. Requires the migration lock.
    pub(super) fn remove_leftovers(&self) -> io::Result<()> {
        self.staged().remove()?;
        let Ok(present) = fs::metadata(&self.path) else { return Ok(()) };
        if present.nlink() == 1 {
            return Ok(());
        }
        let Some(name) = self.path.file_name() else { return Ok(()) };
        let prefix = format!("{}{BEFORE_RESTORE}", name.to_string_lossy());
        for entry in fs::read_dir(self.folder())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) && is_same_file(&entry.path(), &self.path) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Acquires the migration lock. A process holds it while it opens the database or restores a backup. If `limit` is
    /// given, returns `None` after that time.
    ///
    /// The lock is released when the file is closed, even if the process is killed. Polls instead of blocking, because
    /// a blocked thread would prevent the process from shutting down.
    pub(super) async fn lock_migration(&self, limit: Option<Duration>) -> io::Result<Option<File>> {
        let file = private::open_file(&self.companion(".migrate.lock"))?;
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut has_waited = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if deadline.is_some_and(|deadline| Instant::now() > deadline) => {
                    return Ok(None);
                }
                Err(TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut has_waited, true) {
                        tracing::info!("waiting for another process to finish opening the database");
                    }
                    sleep(LOCK_PAUSE).await;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Registers this process as a user of the database. Requires the migration lock.
    pub(super) fn enter(&self) -> Result<Presence, EnterError> {
        let file = private::open_file(&self.companion(".lock"))?;
        match file.try_lock() {
            // No other process has the database open, so it is safe to read the file without SQLite.
            Ok(()) if self.is_backup_with_foreign_log()? => return Err(EnterError::ForeignLog),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        match file.try_lock_shared() {
            Ok(()) => Ok(Presence(file)),
            Err(TryLockError::WouldBlock) => Err(EnterError::BeingRestored),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Excludes all other processes. Returns `None` if another process is using the database. Requires the migration
    /// lock.
    pub(super) fn enter_alone(&self) -> io::Result<Option<Presence>> {
        let file = private::open_file(&self.companion(".lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Presence(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns the ID of another process that has an SQLite connection to this database, whichever program it runs.
    /// Must not be called while this process itself has a connection.
    pub(super) fn find_user(&self) -> io::Result<Option<u32>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (start, length) = SQLITE_LOCK_BYTES;
        // A lock that would conflict with a connection's lock. It is only tested, not acquired.
        let mut lock = libc::flock {
            l_type: i16::try_from(libc::F_WRLCK).unwrap_or_default(),
            l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
            l_start: start,
            l_len: length,
            l_pid: 0,
        };
        fcntl(&file, FcntlArg::F_GETLK(&mut lock))?;
        let is_free = i32::from(lock.l_type) == libc::F_UNLCK;
        Ok((!is_free).then(|| u32::try_from(lock.l_pid).unwrap_or_default()))
    }

    fn is_backup_with_foreign_log(&self) -> io::Result<bool> {
        if !fs::metadata(self.companion("-wal")).is_ok_and(|log| log.len() > 0) {
            return Ok(false);
        }
        let mut header = [0; APPLICATION_ID_OFFSET + 4];
        match File::open(&self.path).and_then(|mut file| file.read_exact(&mut header)) {
            Ok(()) => Ok(header[APPLICATION_ID_OFFSET..] == BACKUP_ID.to_be_bytes()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether two paths refer to the same file.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

/// Removes a file if it exists.
pub(super) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Syncs a folder, so that renames in it survive a power failure.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Returns a user-facing description of a process.
pub(super) fn describe_user(pid: Option<u32>) -> String {
    match pid.filter(|pid| *pid > 0) {
        Some(pid) => match fs::read_to_string(format!("/proc/{pid}/comm")) {
            Ok(name) => format!("process {pid} ({})", name.trim()),
            Err(_) => format!("process {pid}"),
        },
        None => "another process".into(),
    }
}
