//! The folder that contains the sockets on which processes receive live text.
//!
//! A socket is renamed to `*.sock` only once it accepts connections. A `*.sock` socket that refuses connections
//! therefore belongs to a process that has exited, and is removed.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use nix::{fcntl::OFlag, unistd::geteuid};
use tokio::net::{UnixListener, UnixStream};
use uuid::Uuid;

use crate::{companion::companion_path, private};

/// The file extension of a socket.
const SOCKET: &str = "sock";
/// The file extension of a socket that does not accept connections yet.
const UNFINISHED: &str = "new";

/// The folder that contains the sockets, next to the database.
#[derive(Clone, Debug)]
pub(super) struct SocketFolder {
    path: PathBuf,
}

impl SocketFolder {
    /// Returns the folder for a database.
    pub(super) fn of(database: &Path) -> Self {
        Self { path: companion_path(database, "-live") }
    }

    /// Opens the folder, creating it if it is missing, and makes it private.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created or opened, is a symbolic link, or belongs to another account.
    pub(super) fn open(&self) -> io::Result<OpenFolder> {
        match fs::DirBuilder::new().mode(private::FOLDER_MODE).create(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let flags = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits();
        let folder = File::options().read(true).custom_flags(flags).open(&self.path)?;
        if folder.metadata()?.uid() != geteuid().as_raw() {
            let reason = format!("{} belongs to another account; remove it", self.path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        folder.set_permissions(fs::Permissions::from_mode(private::FOLDER_MODE))?;
        Ok(OpenFolder { folder, path: self.path.clone() })
    }
}

/// The open folder. Socket addresses refer to it by its file descriptor, because the full path may be too long for an
/// address (`sun_path`, unix(7)).
#[derive(Debug)]
pub(super) struct OpenFolder {
    folder: File,
    path: PathBuf,
}

impl OpenFolder {
    fn short_path(&self, name: &OsString) -> PathBuf {
        Path::new("/proc/self/fd").join(self.folder.as_raw_fd().to_string()).join(name)
    }

    /// Creates a socket that accepts connections.
    ///
    /// # Errors
    /// Returns an error if the socket cannot be created, for example on a file system that does not support sockets.
    pub(super) fn listen(&self) -> io::Result<(UnixListener, SocketFile)> {
        let id = Uuid::new_v4();
        let unfinished = OsString::from(format!("{id}.{UNFINISHED}"));
        let listener = UnixListener::bind(self.short_path(&unfinished))?;
        let path = self.path.join(unfinished);
        private::restrict(&path, private::FILE_MODE);
        let inode = fs::symlink_metadata(&path)?.ino();
        let mut file = SocketFile { path, inode };
        let path = self.path.join(format!("{id}.{SOCKET}"));
        fs::rename(&file.path, &path)?;
        file.path = path;
        Ok((listener, file))
    }

    /// Lists the names of the sockets that belong to this account. Other accounts may have created sockets before the
    /// folder was private.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read.
    pub(super) fn list(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // The socket may have been removed in the meantime.
            let Ok(found) = entry.metadata() else { continue };
            let is_own_socket = found.file_type().is_socket() && found.uid() == geteuid().as_raw();
            if is_own_socket && Path::new(&entry.file_name()).extension().is_some_and(|end| end == SOCKET) {
                names.push(entry.file_name());
            }
        }
        Ok(names)
    }

    /// Connects to a socket. Removes the socket if its process has exited.
    ///
    /// # Errors
    /// Returns an error if the process cannot be reached.
    pub(super) async fn connect(&self, name: &OsString) -> io::Result<UnixStream> {
        let connected = UnixStream::connect(self.short_path(name)).await;
        if connected.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            let _ = fs::remove_file(self.path.join(name));
        }
        connected
    }
}

/// A socket's file, which is removed on drop.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    /// Returns whether the file still exists. Once it is removed, other processes can no longer connect.
    pub(super) fn exists(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lists_sockets_and_removes_those_of_exited_processes() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("x".repeat(200));
        fs::create_dir(&long).unwrap();
        let folder = SocketFolder::of(&long.join("chat.db")).open().unwrap();
        let (listener, file) = folder.listen().unwrap();
        let [name] = &folder.list().unwrap()[..] else { panic!("one socket") };
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, private::FILE_MODE);
        assert!(folder.connect(name).await.is_ok());

        drop(listener);
        assert!(file.exists());
        assert!(folder.connect(name).await.is_err());

        assert!(!file.exists());
        assert!(folder.list().unwrap().is_empty());
    }

    #[test]
    fn makes_the_folder_private_and_refuses_a_link() {
        let parent = tempfile::tempdir().unwrap();
        let folder = SocketFolder::of(&parent.path().join("chat.db"));
        drop(folder.open().unwrap());

        fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o755)).unwrap();
        drop(folder.open().unwrap());
        assert_eq!(fs::metadata(&folder.path).unwrap().permissions().mode() & 0o777, private::FOLDER_MODE);
        fs::remove_dir(&folder.path).unwrap();
        std::os::unix::fs::symlink(parent.path(), &folder.path).unwrap();

        assert!(folder.open().is_err());
    }
}
