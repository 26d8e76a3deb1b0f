//! Wall clocks in a test's hand, by libfaketime. The monotonic clock, and with it every time-out, stays as it is.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::process::Environment;

/// Where distributions put the library, in the form for programs with threads.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// Some clocks, each read from a file of its own at every look, so that it can be stepped while a process runs.
#[derive(Debug)]
pub struct WallClocks {
    library: &'static str,
    folder: TempDir,
    offsets: BTreeMap<&'static str, i64>,
}

impl WallClocks {
    /// Clocks with these names, all right at first.
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

    /// The variables of a process that goes by this clock.
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

    /// Sets how many seconds a clock is ahead of the right time.
    pub fn set(&mut self, name: &'static str, seconds: i64) {
        let (file, next) = (self.file(name), self.folder.path().join("next"));
        // Read at every look: it must never be seen half written.
        fs::write(&next, format!("{seconds:+}\n")).unwrap();
        fs::rename(next, file).unwrap();
        self.offsets.insert(name, seconds);
    }

    /// Sets all of them.
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
