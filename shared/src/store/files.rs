//! The database's file and its companions: their names, who may read them, and who has them open.
//!
//! Each process that has the database open holds a shared lock on `<db>.lock`; a restore needs it exclusively. Whoever takes
//! either holds `<db>.migrate.lock` meanwhile.

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

use crate::private;

/// How often a lock is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// What follows the database's name: the files that SQLite and these programs keep beside it.
const COMPANIONS: [&str; 6] = ["-wal", "-shm", "-journal", "-wake", ".lock", ".migrate.lock"];
/// What SQLite may keep beside any database.
const SQLITE_COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// What follows the database's name in the name of one that is being restored.
const STAGED: &str = ".restoring";
/// What follows it in the name of one that was replaced by a restore; then comes the time.
const BEFORE_RESTORE: &str = ".before-restore-";

/// `PRAGMA application_id` of a backup that was not restored yet (`BntB`). 0 in a database that is in use.
pub(super) const BACKUP_ID: i32 = 0x426e_7442;
/// Where it is in a database's header (<https://www.sqlite.org/fileformat.html#application_id>).
const APPLICATION_ID_OFFSET: usize = 68;
/// The bytes that connections lock in the database's file (<https://www.sqlite.org/src/file/src/os.h>, `PENDING_BYTE`): each
/// that has read anything from a database in WAL mode holds a lock there until it is closed.
const SQLITE_LOCK_BYTES: (i64, i64) = (0x4000_0000, 512);

/// Proof that this process has the database open, or that nobody else has. Released when it is dropped.
#[derive(Debug)]
pub(super) struct Presence(#[expect(dead_code, reason = "held for its drop")] File);

/// Why [`DatabaseFiles::enter`] failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnterError {
    /// A lock file could not be opened or locked.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A restore is replacing the database.
    #[error("the database is being restored")]
    BeingRestored,
    /// A backup was copied over a database that was not closed cleanly: SQLite would mix both.
    #[error("the file is a backup next to the write-ahead log of another database")]
    ForeignLog,
}

/// A database's file and its companions.
#[derive(Clone, Debug)]
pub(super) struct DatabaseFiles {
    path: PathBuf,
}

impl DatabaseFiles {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// The database itself.
    pub(super) fn database(&self) -> &Path {
        &self.path
    }

    /// The database and all that may be beside it.
    pub(super) fn all(&self) -> Vec<PathBuf> {
        COMPANIONS.iter().map(|suffix| self.companion(suffix)).chain([self.path.clone()]).collect()
    }

    /// The folder that it is in.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// A file whose name begins with the database's.
    pub(super) fn companion(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }

    /// The database that a restore prepares before it takes the place of this one.
    pub(super) fn staged(&self) -> Self {
        Self { path: self.companion(STAGED) }
    }

    /// Where a restore keeps the database that it replaces.
    pub(super) fn before_restore(&self, at: &str) -> Self {
        Self { path: self.companion(&format!("{BEFORE_RESTORE}{at}")) }
    }

    /// Creates the folder if it is missing. One that exists is not changed: it may not be ours alone.
    pub(super) fn create_folder(&self) -> io::Result<()> {
        private::create_folder(self.folder()).map(drop)
    }

    /// Creates an empty private file for the database if there is none: SQLite gives its permissions to the files that it
    /// creates beside it.
    pub(super) fn create(&self) -> io::Result<()> {
        // Closing it does no harm to SQLite's locks: nobody has a file open that did not exist.
        match private::create_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the database and its companions private.
    pub(super) fn restrict(&self) {
        // A companion is never a link of ours: restricting one would change a file that somebody else chose.
        let own = |path: &PathBuf| *path == self.path || !path.is_symlink();
        let changed = self.all().iter().filter(|path| own(path) && private::restrict(path, private::FILE_MODE)).count();
        if changed > 0 {
            let database = self.path.display();
            tracing::info!(%database, files = changed, "restricted the database to this account; others could read it");
        }
    }

    /// Removes the database and what SQLite keeps beside it. What is missing is ignored.
    pub(super) fn remove(&self) -> io::Result<()> {
        let companions = SQLITE_COMPANIONS.iter().map(|suffix| self.companion(suffix));
        companions.chain([self.path.clone()]).try_for_each(|path| remove_if_present(&path))
    }

    /// Removes what a restore left that was killed: its unfinished copy, and the name under which it was about to keep the
    /// present database. Needs the migration lock.
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

    /// Waits for the lock that one process at a time holds while it brings the schema up to date, makes a backup's snapshot,
    /// or restores; at most `limit`. It is released with the file, also if the process dies. Polls instead of blocking: a
    /// blocked thread would keep the process from ending when it is told to.
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
                        tracing::info!("waiting for another process to open the database");
                    }
                    sleep(LOCK_PAUSE).await;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Registers this process as one that has the database open. Needs the migration lock.
    pub(super) fn enter(&self) -> Result<Presence, EnterError> {
        let file = private::open_file(&self.companion(".lock"))?;
        match file.try_lock() {
            // Nobody else has it open: only then may the file be read beside SQLite.
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

    /// Keeps everybody else out. `None` while a process has the database open. Needs the migration lock.
    pub(super) fn enter_alone(&self) -> io::Result<Option<Presence>> {
        let file = private::open_file(&self.companion(".lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Presence(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A process with an SQLite connection to this database, whatever program it is. Must not be called while this process
    /// has a connection itself.
    pub(super) fn find_user(&self) -> io::Result<Option<u32>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (start, length) = SQLITE_LOCK_BYTES;
        // A conflict with this lock, which is not taken.
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

/// Whether both paths lead to the same file.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

/// Removes a file, if there is one.
pub(super) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a change of names in a folder survive a power failure.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
