//! Stores the files that an agent returns in an attempt.
//!
//! Guarantees:
//! - The files are stored in the order in which they arrive, each content once per name.
//! - At most [`MAX_FILES`] files are stored. The agent waits while [`MAX_WAITING_BYTES`] are waiting to be stored.
//! - A file that cannot be stored is reported, and does not fail the attempt.

use std::{
    collections::{HashSet, VecDeque},
    io,
    path::Path,
    time::Duration,
};

use banter_shared::{
    attachments::{ContentInfo, Inspector, Storage},
    chat::FileName,
    config::AttachmentLimits,
    id::FileId,
    store::{Claim, NewAttachment, Store, StoreError},
    upkeep::{self, FileError},
};
use bytes::Bytes;
use nix::fcntl::OFlag;
use tokio::{
    fs,
    io::AsyncReadExt as _,
    task::{JoinError, JoinHandle},
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::agents::{AgentFile, FileContent, numbered};

/// Maximum number of files in an answer.
const MAX_FILES: usize = 20;
/// Total size, in bytes, of the waiting files from which on no more updates are received from the agent.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// How long to try again after a failure.
const RETRY_LIMIT: Duration = Duration::from_secs(15);
/// How long one try to store a file may take. The largest file takes 20 s at 10 Mbit/s.
const STORE_LIMIT: Duration = Duration::from_mins(1);
/// The maximum number of files that are waiting to be stored, including repeated ones.
const MAX_WAITING: usize = 200;
/// Pause after a failure.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// Size of the pieces in which a file is written to the storage, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// The reason why a file was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rejection {
    TooMany,
    TooLarge,
    UserLimit,
    Unreadable,
    Unavailable,
}

/// A file that was not stored, as the user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectedFile {
    /// What happened, as the title of a notice.
    pub title: String,
    /// The reason.
    pub reason: String,
}

/// A file that is ready to be stored.
struct ReadyFile {
    name: FileName,
    info: ContentInfo,
    content: Bytes,
}

/// Collects the files of an attempt and stores them one by one.
pub(crate) struct FileWriter {
    store: Store,
    storage: Storage,
    limits: AttachmentLimits,
    claim: Claim,
    tasks: TaskTracker,
    waiting: VecDeque<AgentFile>,
    waiting_bytes: usize,
    /// Whether any files were discarded because there were too many.
    has_excess: bool,
    /// Whether a file was not stored because the storage is unavailable. Further files are then tried only once.
    is_unavailable: bool,
    /// The hashes and the given names of the files that have been stored, or are being stored.
    known: HashSet<(String, Option<String>)>,
    /// The names of these files.
    names: HashSet<String>,
    rejected: Vec<RejectedFile>,
    in_flight: Option<Work>,
}

/// The work on a file. It runs in a separate tokio task, so that it continues while the attempt handles other updates.
enum Work {
    /// The file is being read.
    Reading(AgentFile, JoinHandle<Result<(ContentInfo, Bytes), Rejection>>),
    /// The file with this name is being stored.
    Storing(FileName, JoinHandle<Result<(), Rejection>>),
}

impl FileWriter {
    /// Creates a writer for a new attempt. Writes run on `tasks`.
    pub(crate) fn new(
        store: &Store,
        storage: &Storage,
        limits: AttachmentLimits,
        tasks: &TaskTracker,
        claim: Claim,
    ) -> Self {
        Self {
            store: store.clone(),
            storage: storage.clone(),
            limits,
            claim,
            tasks: tasks.clone(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            has_excess: false,
            is_unavailable: false,
            known: HashSet::new(),
            names: HashSet::new(),
            rejected: Vec::new(),
            in_flight: None,
        }
    }

    /// Adds a file.
    pub(crate) fn push(&mut self, file: AgentFile) {
        if self.waiting.len() >= MAX_WAITING {
            return self.reject_excess(&shown_name(&file));
        }
        self.waiting_bytes += file.content.held_bytes();
        self.waiting.push_back(file);
    }

    /// Returns whether more updates may be received from the agent.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting_bytes < MAX_WAITING_BYTES
    }

    /// Returns whether [`FileWriter::advance`] has work to wait for.
    pub(crate) fn has_work(&self) -> bool {
        self.in_flight.is_some() || !self.waiting.is_empty()
    }

    /// Returns the files that were rejected since the last call.
    pub(crate) fn take_rejected(&mut self) -> Vec<RejectedFile> {
        std::mem::take(&mut self.rejected)
    }

    /// Begins to store the next file, or waits for the work in progress. This method is cancel safe.
    pub(crate) async fn advance(&mut self) {
        match &mut self.in_flight {
            Some(Work::Reading(_, reading)) => {
                let read = reading.await;
                if let Some(Work::Reading(file, _)) = self.in_flight.take() {
                    self.finish_read(&file, read);
                }
            }
            Some(Work::Storing(_, storing)) => {
                let stored = storing.await;
                if let Some(Work::Storing(name, _)) = self.in_flight.take() {
                    self.finish_write(&name, stored);
                }
            }
            None => {
                if let Some(file) = self.waiting.pop_front() {
                    self.in_flight =
                        Some(Work::Reading(file.clone(), self.tasks.spawn(read(file, self.limits.file_bytes))));
                }
            }
        }
    }

    fn finish_read(&mut self, file: &AgentFile, read: Result<Result<(ContentInfo, Bytes), Rejection>, JoinError>) {
        self.waiting_bytes -= file.content.held_bytes();
        let (info, content) = match self.outcome(read) {
            Ok(read) => read,
            Err(rejection) => return self.reject(&shown_name(file), rejection),
        };
        let given = file.name.as_deref().and_then(FileName::clean);
        if !self.known.insert((info.sha256.clone(), given.as_ref().map(|name| name.as_str().to_owned()))) {
            return;
        }
        if self.known.len() > MAX_FILES {
            return self.reject_excess(&shown_name(file));
        }
        let name = self.unused(given.unwrap_or_else(|| FileName::for_media_type(&info.media_type)));
        let ready = ReadyFile { name: name.clone(), info, content };
        let (store, storage, claim) = (self.store.clone(), self.storage.clone(), self.claim.clone());
        let retry_limit = if self.is_unavailable { Duration::ZERO } else { RETRY_LIMIT };
        let storing = self.tasks.spawn(store_file(store, storage, claim, ready, self.limits.user_bytes, retry_limit));
        self.in_flight = Some(Work::Storing(name, storing));
    }

    fn finish_write(&mut self, name: &FileName, stored: Result<Result<(), Rejection>, JoinError>) {
        if let Err(rejection) = self.outcome(stored) {
            self.is_unavailable |= rejection == Rejection::Unavailable;
            self.reject(name.as_str(), rejection);
        }
    }

    fn outcome<T>(&self, ended: Result<Result<T, Rejection>, JoinError>) -> Result<T, Rejection> {
        ended.unwrap_or_else(|error| {
            tracing::error!(task_id = %self.claim.task_id, %error, "panicked while storing a file");
            Err(Rejection::Unavailable)
        })
    }

    /// Returns the name, or one with a number if another file of this answer has the name.
    fn unused(&mut self, name: FileName) -> FileName {
        let candidates = (1..).map(|number| numbered(name.as_str(), number));
        let mut unused = candidates.filter(|candidate| !self.names.contains(candidate));
        let unused = unused.next().and_then(|name| FileName::parse(&name).ok()).unwrap_or(name);
        self.names.insert(unused.as_str().to_owned());
        unused
    }

    /// Rejects a file because there are too many. Only the first one is reported.
    fn reject_excess(&mut self, name: &str) {
        if !std::mem::replace(&mut self.has_excess, true) {
            self.reject(name, Rejection::TooMany);
        }
    }

    fn reject(&mut self, name: &str, rejection: Rejection) {
        let limit = self.limits.file_bytes;
        let reason = match rejection {
            Rejection::TooMany => {
                format!("An answer can have at most {MAX_FILES} files. Further files were discarded.")
            }
            Rejection::TooLarge => format!("Files can be up to {limit} bytes."),
            Rejection::UserLimit => "Your storage limit is reached.".to_owned(),
            Rejection::Unreadable => "The file couldn’t be read.".to_owned(),
            Rejection::Unavailable => "The storage is unavailable.".to_owned(),
        };
        tracing::warn!(task_id = %self.claim.task_id, ?rejection, "a file from an agent was not stored");
        self.rejected.push(RejectedFile { title: format!("Couldn’t save “{name}”"), reason });
    }
}

/// Stores a file. After a failure, tries again until `retry_limit` has passed. If the attempt has already ended, the file
/// is discarded.
async fn store_file(
    store: Store,
    storage: Storage,
    claim: Claim,
    file: ReadyFile,
    user_limit: Option<i64>,
    retry_limit: Duration,
) -> Result<(), Rejection> {
    let deadline = Instant::now() + retry_limit;
    loop {
        match timeout(STORE_LIMIT, try_store(&store, &storage, &claim, &file, user_limit)).await {
            Ok(Ok(()) | Err(FileError::Store(StoreError::LeaseLost))) => return Ok(()),
            Ok(Err(FileError::Store(StoreError::StorageLimit { .. }))) => return Err(Rejection::UserLimit),
            Ok(Err(error)) => tracing::warn!(task_id = %claim.task_id, %error, "failed to store a file"),
            Err(_) => tracing::warn!(task_id = %claim.task_id, "timed out while storing a file"),
        }
        if Instant::now() + STORE_PAUSE >= deadline {
            return Err(Rejection::Unavailable);
        }
        sleep(STORE_PAUSE).await;
    }
}

async fn try_store(
    store: &Store,
    storage: &Storage,
    claim: &Claim,
    file: &ReadyFile,
    user_limit: Option<i64>,
) -> Result<(), FileError> {
    let file_id = store.begin_file(&claim.user.workspace_id).await?;
    let stored = async {
        write_object(storage, file_id, &file.content).await?;
        let lost = upkeep::find_lost(store, storage, &claim.user.workspace_id, &file.info.sha256).await?;
        let (name, content) = (file.name.clone(), file.info.clone());
        let new = NewAttachment { file_id, name, content, key: None, user_limit, lost };
        Ok(store.store_answer_file(&claim.user, claim.task_id, claim.attempt, &new).await?)
    };
    let unneeded = match stored.await {
        Ok(stored) => stored.unneeded,
        Err(error) => {
            upkeep::discard_file(store, storage, file_id).await;
            return Err(error);
        }
    };
    if let Some(unneeded) = unneeded {
        upkeep::delete_file_or_leave(store, storage, unneeded).await;
    }
    Ok(())
}

async fn write_object(storage: &Storage, id: FileId, content: &Bytes) -> Result<(), FileError> {
    let mut writing = storage.write(id).await?;
    let mut rest = content.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(PIECE_BYTES.min(rest.len()));
        if let Err(error) = writing.add(piece).await {
            writing.abort().await;
            return Err(error.into());
        }
    }
    Ok(writing.finish().await?)
}

/// Reads and inspects a file, which may have at most `limit` bytes.
async fn read(file: AgentFile, limit: u64) -> Result<(ContentInfo, Bytes), Rejection> {
    let content = match file.content {
        FileContent::Bytes(content) => content,
        FileContent::Path(path) => read_path(&path, limit).await.map_err(|error| {
            tracing::warn!(path = %path.display(), %error, "failed to read a file that an agent returned");
            if error.kind() == io::ErrorKind::FileTooLarge { Rejection::TooLarge } else { Rejection::Unreadable }
        })?,
    };
    if content.len() as u64 > limit {
        return Err(Rejection::TooLarge);
    }
    let mut inspector = Inspector::default();
    inspector.read(&content);
    let guess = file.name.as_deref().and_then(|name| mime_guess::from_path(name).first_raw());
    let hints: Vec<&str> = file.media_type.as_deref().into_iter().chain(guess).collect();
    Ok((inspector.finish(&hints), content))
}

async fn read_path(path: &Path, limit: u64) -> io::Result<Bytes> {
    // The agent may have replaced the file. Opening a named pipe would wait for a writer, and a link may lead elsewhere.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = fs::File::options().read(true).custom_flags(flags.bits()).open(path).await?;
    if !file.metadata().await?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content).await?;
    if content.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content.into())
}

/// Returns the name of a file as far as it is known before its content has been read.
fn shown_name(file: &AgentFile) -> String {
    let name = file.name.as_deref().and_then(FileName::clean);
    name.unwrap_or_else(|| FileName::for_media_type(file.media_type.as_deref().unwrap_or_default())).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_only_regular_files_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "12345").unwrap();

        let text = FileContent::Bytes(Bytes::from_static(b"12345"));
        for (content, limit, expected) in [
            (FileContent::Path(path.clone()), 5, Ok(5)),
            (FileContent::Path(path), 4, Err(Rejection::TooLarge)),
            (FileContent::Path(folder.path().into()), 5, Err(Rejection::Unreadable)),
            (FileContent::Path(folder.path().join("b")), 5, Err(Rejection::Unreadable)),
            (text.clone(), 5, Ok(5)),
            (text, 4, Err(Rejection::TooLarge)),
        ] {
            let file = AgentFile { name: None, media_type: None, content };
            assert_eq!(read(file.clone(), limit).await.map(|(info, _)| info.size), expected, "{file:?}");
        }
    }
}
