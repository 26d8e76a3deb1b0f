//! The file that is touched after each commit.
//!
//! The file is divided into slots. A process counts its touches in its own slot, so that it does not mistake its own
//! touch for another process's. Slots are chosen at random. If two processes choose the same slot, the first to notice
//! chooses again. Processes of release 0.1.0 always write the same byte at the start of the first slot, which is
//! reserved for them.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{companion::companion_path, private};

/// The number of slots.
const SLOTS: usize = 256;
/// The size of a slot in bytes.
const SLOT_BYTES: usize = 8;

/// The byte that processes of release 0.1.0 write.
const FIRST_RELEASE: u8 = b'.';

type Slots = [u64; SLOTS];

/// The identity of a file, independent of its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    id: FileId,
    /// The slots' values when they were last read.
    seen: Box<Slots>,
}

impl OpenFile {
    /// Opens the file, creating it if it is missing. A symbolic link or other special file with this name is replaced,
    /// so that no other file is written.
    fn open(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            fs::remove_file(path)?;
        }
        let file = private::open_file(path)?;
        let id = FileId::from(&file.metadata()?);
        let mut opened = Self { file, id, seen: Box::new([0; SLOTS]) };
        *opened.seen = opened.read()?;
        Ok(opened)
    }

    fn read(&self) -> io::Result<Slots> {
        let mut bytes = [0; SLOTS * SLOT_BYTES];
        let mut length = 0;
        loop {
            match self.file.read_at(&mut bytes[length..], u64::try_from(length).unwrap_or(u64::MAX)) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut slots = [0; SLOTS];
        for (slot, bytes) in slots.iter_mut().zip(bytes.as_chunks().0) {
            *slot = u64::from_le_bytes(*bytes);
        }
        Ok(slots)
    }
}

/// This process's slot, and the count of its touches.
#[derive(Clone, Copy, Debug)]
struct OwnSlot {
    index: usize,
    /// Starts at a random number, so that it differs from what another process has written.
    count: u64,
}

impl OwnSlot {
    fn choose() -> Self {
        Self { index: rand::random_range(1..SLOTS), count: rand::random() }
    }
}

#[derive(Debug)]
struct State {
    opened: OpenFile,
    own: OwnSlot,
}

/// The wake-up file. It is kept open, because watches follow the file, not the name.
#[derive(Debug)]
pub(in crate::relay) struct WakeFile {
    path: PathBuf,
    state: Mutex<State>,
}

impl WakeFile {
    /// Opens the file next to the database, creating it if it is missing.
    pub(in crate::relay) fn open(database: &Path) -> io::Result<Self> {
        let path = companion_path(database, "-wake");
        let state = Mutex::new(State { opened: OpenFile::open(&path)?, own: OwnSlot::choose() });
        Ok(Self { path, state })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Wakes every other process that watches the file.
    pub(in crate::relay) fn touch(&self) -> io::Result<()> {
        self.with_current(|State { opened, own }| {
            own.count = own.count.wrapping_add(1);
            let position = u64::try_from(own.index * SLOT_BYTES).unwrap_or(u64::MAX);
            opened.file.write_all_at(&own.count.to_le_bytes(), position)
        })
    }

    /// Returns whether another process has touched the file since the last call, or true if the file cannot be read.
    pub(super) fn was_touched_by_others(&self) -> bool {
        let touched = self.with_current(|State { opened, own }| {
            let mut slots = opened.read()?;
            if slots[0].to_le_bytes()[0] == FIRST_RELEASE {
                // Change the slot, so that the next touch is noticed. Processes that have not noticed this touch yet
                // notice this change instead.
                slots[0] = rand::random::<u64>() << u8::BITS;
                opened.file.write_all_at(&slots[0].to_le_bytes(), 0)?;
            }
            let is_changed = |index: usize| match slots[index] {
                count if index == own.index => count != own.count && count != opened.seen[index],
                count => count != opened.seen[index],
            };
            let touched = (0..SLOTS).any(is_changed);
            if is_changed(own.index) {
                *own = OwnSlot::choose();
            }
            *opened.seen = slots;
            Ok(touched)
        });
        touched.unwrap_or(true)
    }

    /// Returns the ID of the file that the name currently refers to, creating the file if it is missing.
    pub(super) fn current_id(&self) -> io::Result<FileId> {
        self.with_current(|state| Ok(state.opened.id))
    }

    /// Calls `act` with the file that the name currently refers to. If the file was removed or replaced, opens the new
    /// file first.
    fn with_current<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if fs::symlink_metadata(&self.path).ok().is_none_or(|found| FileId::from(&found) != state.opened.id) {
            state.opened = OpenFile::open(&self.path)?;
        }
        act(&mut state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reopens_a_removed_or_replaced_file() {
        let folder = tempfile::tempdir().unwrap();
        let wake = WakeFile::open(&folder.path().join("chat.db")).unwrap();
        let first = wake.current_id().unwrap();
        assert_eq!(wake.current_id().unwrap(), first);

        fs::remove_file(wake.path()).unwrap();
        wake.touch().unwrap();
        assert_ne!(fs::read(wake.path()).unwrap(), b"");

        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        fs::rename(&other, wake.path()).unwrap();
        wake.touch().unwrap();
        assert_ne!(fs::read(wake.path()).unwrap(), b"");
    }

    #[test]
    fn distinguishes_touches_by_others_from_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [(); 2].map(|()| WakeFile::open(&folder.path().join("chat.db")).unwrap());
        second.state.lock().unwrap().own.index = 1 + first.state.lock().unwrap().own.index % (SLOTS - 1);

        first.touch().unwrap();
        assert!(!first.was_touched_by_others() && second.was_touched_by_others());
        second.touch().unwrap();
        first.touch().unwrap();

        assert!(first.was_touched_by_others() && second.was_touched_by_others());
        assert!(!first.was_touched_by_others() && !second.was_touched_by_others());
    }

    #[test]
    fn notices_every_touch_by_processes_of_release_0_1_0() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [(); 2].map(|()| WakeFile::open(&folder.path().join("chat.db")).unwrap());
        let previous = File::options().write(true).open(first.path()).unwrap();

        for _ in 0..3 {
            previous.write_all_at(b".", 0).unwrap();

            assert!(first.was_touched_by_others() && second.was_touched_by_others());
            assert!(!first.was_touched_by_others() && !second.was_touched_by_others());
        }
    }

    #[test]
    fn takes_another_slot_if_another_process_has_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [(); 2].map(|()| WakeFile::open(&folder.path().join("chat.db")).unwrap());
        let index = first.state.lock().unwrap().own.index;
        second.state.lock().unwrap().own.index = index;
        first.touch().unwrap();
        assert!(!first.was_touched_by_others());

        second.touch().unwrap();
        assert!(first.was_touched_by_others());
        // The new slot is chosen at random, so it may be the same one; the conflict is then noticed again.
        first.touch().unwrap();

        assert!(second.was_touched_by_others());
        assert!(!first.was_touched_by_others());
    }

    #[test]
    fn replaces_a_symbolic_link_and_leaves_its_target_alone() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("chat.db");
        let precious = folder.path().join("precious");
        fs::write(&precious, "text").unwrap();
        let link = || std::os::unix::fs::symlink(&precious, folder.path().join("chat.db-wake")).unwrap();

        link();
        let wake = WakeFile::open(&database).unwrap();
        wake.touch().unwrap();
        fs::remove_file(wake.path()).unwrap();
        link();
        wake.touch().unwrap();

        assert_eq!(fs::read_to_string(&precious).unwrap(), "text");
        assert_ne!(fs::read(wake.path()).unwrap(), b"");
    }

    #[test]
    fn fails_while_the_folder_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let wake = WakeFile::open(&data.join("chat.db")).unwrap();

        fs::remove_dir_all(&data).unwrap();
        assert!(wake.touch().is_err());
        fs::create_dir(&data).unwrap();

        wake.touch().unwrap();
    }
}
