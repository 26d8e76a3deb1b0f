//! A watch on the wake-up file.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::ModifyKind};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    OnChange,
    file::{FileId, WakeFile},
};

/// How long a new watch may take to report a touch before the watch counts as broken.
const PROBE: Duration = Duration::from_millis(500);
/// How often to check whether the name still refers to the watched file, in case an event was lost.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The maximum number of attempts to start a watch while the file is being replaced.
const ATTEMPTS: usize = 3;

/// The reason why the file cannot be watched.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    #[error("{0}")]
    File(#[from] io::Error),
    /// Usually, a limit was reached: `fs.inotify.max_user_watches`, `fs.inotify.max_user_instances`, or the open-file
    /// limit.
    #[error("{0}")]
    Notify(#[from] notify::Error),
    /// Some file systems accept a watch but never report any events.
    #[error("the file system does not support change notifications")]
    Silent,
    #[error("the file is being replaced repeatedly")]
    Replaced,
}

/// The meaning of a file system event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EventMeaning {
    /// The file was touched.
    Changed,
    /// The file may have been removed, renamed, or replaced, or the watch has ended.
    Suspect,
    /// Events were lost because the queue overflowed.
    Overflow,
    /// None of the above.
    Nothing,
}

impl EventMeaning {
    fn of(event: &notify::Result<Event>) -> Self {
        match event {
            Ok(event) if event.need_rescan() => Self::Overflow,
            Ok(Event { kind: EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any), .. }) => Self::Changed,
            Ok(Event { kind: EventKind::Access(_), .. }) => Self::Nothing,
            Ok(_) | Err(_) => Self::Suspect,
        }
    }
}

/// The reports from the watcher's thread.
#[derive(Debug, Default)]
struct Reports {
    changed: Notify,
    suspect: Notify,
    has_overflowed: AtomicBool,
}

impl Reports {
    /// Handles an event from the watcher. `is_news` returns whether another process has touched the file.
    fn take(&self, event: &notify::Result<Event>, is_news: impl Fn() -> bool, on_change: &dyn Fn()) {
        if let Err(error) = event {
            tracing::warn!(%error, "failed to watch the wake-up file; retrying");
        }
        match EventMeaning::of(event) {
            EventMeaning::Changed => {
                self.changed.notify_one();
                if is_news() {
                    on_change();
                }
            }
            EventMeaning::Suspect => self.suspect.notify_one(),
            EventMeaning::Overflow => {
                if !self.has_overflowed.swap(true, Ordering::Relaxed) {
                    tracing::warn!("file event queue overflowed; reading the database");
                }
                self.suspect.notify_one();
                on_change();
            }
            EventMeaning::Nothing => {}
        }
    }
}

/// Watches the file until this value is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    watched: FileId,
    reports: Arc<Reports>,
    /// Ends the watch when dropped.
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Starts calling `on_change` after every touch by another process.
    pub(super) async fn start(wake: &Arc<WakeFile>, on_change: OnChange) -> Result<Self, WatchError> {
        for _ in 0..ATTEMPTS {
            let watch = Self::begin(wake, Arc::clone(&on_change))?;
            wake.touch()?;
            let is_seen = watch.sees_touch(wake).await;
            if !watch.is_current(wake)? {
                continue;
            }
            return if is_seen { Ok(watch) } else { Err(WatchError::Silent) };
        }
        Err(WatchError::Replaced)
    }

    fn begin(wake: &Arc<WakeFile>, on_change: OnChange) -> Result<Self, WatchError> {
        let watched = wake.current_id()?;
        let reports = Arc::<Reports>::default();
        let handler = {
            let (reports, wake) = (Arc::clone(&reports), Arc::clone(wake));
            move |event| reports.take(&event, || wake.was_touched_by_others(), &*on_change)
        };
        let mut inotify = notify::recommended_watcher(handler)?;
        inotify.watch(wake.path(), RecursiveMode::NonRecursive)?;
        Ok(Self { watched, reports, _watcher: inotify })
    }

    /// Waits until the watch reports a touch by any process. Returns false if the file is replaced in the meantime or
    /// if no touch is reported within [`PROBE`].
    async fn sees_touch(&self, wake: &WakeFile) -> bool {
        let seen = async {
            loop {
                tokio::select! {
                    () = self.reports.changed.notified() => return true,
                    () = self.reports.suspect.notified() => {
                        if !matches!(self.is_current(wake), Ok(true)) {
                            return false;
                        }
                    }
                }
            }
        };
        timeout(PROBE, seen).await.unwrap_or(false)
    }

    fn is_current(&self, wake: &WakeFile) -> io::Result<bool> {
        Ok(wake.current_id()? == self.watched)
    }

    /// Waits until the name refers to another file, or until this cannot be determined.
    pub(super) async fn until_stale(&self, wake: &WakeFile) {
        while matches!(self.is_current(wake), Ok(true)) {
            tokio::select! {
                () = self.reports.suspect.notified() => {}
                () = sleep(CHECK_INTERVAL) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{
        AccessKind, AccessMode, CreateKind, DataChange, Flag, MetadataKind, ModifyKind, RemoveKind, RenameMode,
    };

    use super::*;

    #[test]
    fn treats_events_that_may_end_the_watch_as_suspect() {
        let event = |kind| Ok(Event::new(kind));
        for (event, meaning) in [
            (event(EventKind::Modify(ModifyKind::Data(DataChange::Any))), EventMeaning::Changed),
            (event(EventKind::Modify(ModifyKind::Any)), EventMeaning::Changed),
            (event(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any))), EventMeaning::Suspect),
            (event(EventKind::Modify(ModifyKind::Name(RenameMode::From))), EventMeaning::Suspect),
            (event(EventKind::Remove(RemoveKind::File)), EventMeaning::Suspect),
            (event(EventKind::Create(CreateKind::File)), EventMeaning::Suspect),
            (event(EventKind::Access(AccessKind::Close(AccessMode::Write))), EventMeaning::Nothing),
            (Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), EventMeaning::Overflow),
            (Err(notify::Error::generic("watch lost")), EventMeaning::Suspect),
        ] {
            assert_eq!(EventMeaning::of(&event), meaning, "{event:?}");
        }
    }

    #[test]
    fn reports_touches_by_other_processes_only() {
        let reports = Reports::default();
        let changes = std::cell::Cell::new(0);
        let touch = || Ok(Event::new(EventKind::Modify(ModifyKind::Data(DataChange::Any))));

        for is_news in [false, true, false] {
            reports.take(&touch(), || is_news, &|| changes.set(changes.get() + 1));
        }

        assert_eq!(changes.get(), 1);
    }

    #[test]
    fn treats_an_overflow_as_a_change() {
        let reports = Reports::default();
        let changes = std::cell::Cell::new(0);

        for _ in 0..2 {
            let overflow = Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan));
            reports.take(&overflow, || false, &|| changes.set(changes.get() + 1));
        }

        assert_eq!(changes.get(), 2);
    }
}
