//! Wall clocks that a test controls with libfaketime. The monotonic clock, on which every timeout is based, is not
//! affected.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::process::Environment;

/// Paths of libfaketime's multithreaded library in common distributions.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// A set of clocks. Each clock is read from a file on every call, so it can be changed while a process is running.
#[derive(Debug)]
pub struct WallClocks {
    library: &'static str,
    folder: TempDir,
    offsets: BTreeMap<&'static str, i64>,
}

impl WallClocks {
    /// Creates clocks with these names. Initially, they show the correct time.
    pub fn new<const COUNT: usize>(names: [&'static str; COUNT]) -> Self {
        let library = LIBRARIES.into_iter().find(|library| Path::new(library).is_file());
        let library = library.expect("libfaketime is missing: run `make test`, or install it");
        let folder = tempfile::Builder::new().prefix("banter-clock-").tempdir().unwrap();
        let mut clocks = Self { library, folder, offsets: BTreeMap::new() };
        for name in names {
            clocks.set(name, 0);
        }
        clocks
    }

    /// Returns the environment variables for a process that uses this clock.
    pub fn environment(&self, name: &str) -> Environment {
        [
            ("LD_PRELOAD", self.library.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file(name).display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(variable, value)| (variable.to_owned(), value))
        .into()
    }

    /// Sets a clock's offset from the actual time, in seconds.
    pub fn set(&mut self, name: &'static str, seconds: i64) {
        let (file, next) = (self.file(name), self.folder.path().join("next"));
        // The file is replaced atomically, because it is read on every call.
        fs::write(&next, format!("{seconds:+}\n")).unwrap();
        fs::rename(next, file).unwrap();
        self.offsets.insert(name, seconds);
    }

    /// Sets the offset of all clocks from the actual time, in seconds.
    pub fn set_all(&mut self, seconds: i64) {
        let names: Vec<&'static str> = self.offsets.keys().copied().collect();
        for name in names {
            self.set(name, seconds);
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
