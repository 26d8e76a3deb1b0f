//! Background work in every process: takes over the tasks of dead workers, ends tasks whose worker ignores a stop
//! request, erases remnants of deleted text, adds missing jobs to the queue, prunes old rows, and deletes unused files.
//! The apis also add texts to the search index.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    attachments::{Storage, StorageError},
    id::FileId,
    relay::SharedRelay,
    shutdown::Shutdown,
    store::{IndexBatch, LeaseWatch, Retention, Store, StoreError},
};

/// How long a worker may take to stop a task before another process ends it.
pub const STOP_TIMEOUT: Duration = Duration::from_millis(700);
/// How often to check for ignored stop requests.
const STOP_SWEEP: Duration = Duration::from_secs(1);
/// How often to add missing jobs and prune old rows.
const PRUNE_INTERVAL: Duration = Duration::from_mins(1);

/// How often to delete files that are no longer needed.
const COLLECT_INTERVAL: Duration = Duration::from_secs(10);

/// How often to look for texts that are not in the search index.
const INDEX_INTERVAL: Duration = Duration::from_millis(500);
/// The pause after a batch of texts, as a multiple of the batch's duration. Writers have to wait during a batch.
const INDEX_SHARE: u32 = 8;
/// The pause after a batch of texts while no one writes, which lets a waiting writer go first.
const IDLE_INDEX_PAUSE: Duration = Duration::from_millis(2);

/// How long to wait after a deletion before erasing remnants, so that several deletions are erased together.
const ERASE_DELAY: Duration = Duration::from_millis(200);
/// The first and the longest pause between attempts while readers or writers are blocking the erasure.
const ERASE_RETRY: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];
/// The minimum pause after a rewrite of the database, as a multiple of the rewrite's duration. Writers have to wait
/// during a rewrite.
const REWRITE_SHARE: u32 = 20;
/// How often to empty the write-ahead log even if this process has deleted nothing, because a process that deleted text
/// may have crashed before emptying the log.
const EMPTY_LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Options for the background work.
#[derive(Clone, Copy, Debug)]
pub struct UpkeepOptions {
    /// How long a worker may go without sending a heartbeat before its tasks are taken over.
    pub lease: Duration,
    /// How long data is kept.
    pub retention: Retention,
}

/// Starts the background work, which ends when the process begins to shut down.
pub fn spawn(store: &Store, relay: &SharedRelay, storage: &Storage, shutdown: &Shutdown, options: UpkeepOptions) {
    let tasks = shutdown.tasks();
    let end = shutdown.soft();
    tasks.spawn(reap(store.clone(), relay.clone(), options.lease, end.clone()));
    tasks.spawn(sweep_stops(store.clone(), relay.clone(), end.clone()));
    tasks.spawn(erase(store.clone(), end.clone()));
    tasks.spawn(prune(store.clone(), relay.clone(), options.retention, end.clone()));
    tasks.spawn(collect_files(store.clone(), storage.clone(), end.clone()));
}

/// Starts to add texts to the search index. Only the apis do so: while messages are being sent, more processes would
/// not add texts sooner, but would delay other changes more often.
pub fn spawn_indexing(store: &Store, shutdown: &Shutdown) {
    shutdown.tasks().spawn(index_texts(store.clone(), shutdown.soft().clone()));
}

/// Takes over the tasks of workers whose heartbeat has not changed for an entire lease, as observed by this process.
async fn reap(store: Store, relay: SharedRelay, lease: Duration, end: CancellationToken) {
    let mut watch = LeaseWatch::new(lease);
    let mut ticks = interval(watch.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_seen = None;
    while tick(&mut ticks, &end).await {
        let looked = async { Ok::<_, StoreError>((store.list_beats().await?, store.tail_position().await?)) };
        let seen = match looked.await {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(%error, "failed to list workers; retrying");
                continue;
            }
        };
        // Heartbeats are writes, so a missing heartbeat means nothing while no process can write. If anything was
        // written, do not acquire the lock to check this, because that would delay other writers.
        let was_written = last_seen.as_ref() != Some(&seen);
        let could_write = was_written || is_writable_at_once(&store, watch.interval()).await;
        let (beats, _) = last_seen.insert(seen);
        for dead in watch.observe(beats, Instant::now(), could_write) {
            match store.reap(&dead).await {
                Ok(reaped) => {
                    tracing::warn!(worker = %dead.worker_id, tasks = reaped.value, "worker lost; took over its tasks");
                    relay.announce(reaped.hints);
                }
                Err(error) => tracing::warn!(worker = %dead.worker_id, %error, "takeover failed; retrying"),
            }
        }
    }
}

/// Returns whether the write lock can be acquired within the time limit.
async fn is_writable_at_once(store: &Store, limit: Duration) -> bool {
    let asked_at = Instant::now();
    match store.check_writable().await {
        Ok(()) => asked_at.elapsed() < limit,
        Err(error) => {
            tracing::warn!(%error, "store not writable; takeover suspended");
            false
        }
    }
}

async fn sweep_stops(store: Store, relay: SharedRelay, end: CancellationToken) {
    let mut ticks = interval(STOP_SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while tick(&mut ticks, &end).await {
        let swept = async {
            for task_id in store.list_ignored_stops(STOP_TIMEOUT).await? {
                relay.announce(store.end_ignored_stop(task_id).await?.hints);
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "failed to end tasks whose worker ignores a stop request; retrying");
        }
    }
}

async fn prune(store: Store, relay: SharedRelay, retention: Retention, end: CancellationToken) {
    let mut ticks = interval(PRUNE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while tick(&mut ticks, &end).await {
        match store.reconcile().await {
            Ok(reconciled) => relay.announce(reconciled.hints),
            Err(error) => tracing::warn!(%error, "reconciliation failed; retrying"),
        }
        match store.prune(retention).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "pruned"),
            Err(error) => tracing::warn!(%error, "pruning failed; retrying"),
        }
    }
}

/// Adds new and changed texts to the search index. While no process writes anything else, batches grow, and follow each
/// other closely. Otherwise, they are small, and writers can make changes most of the time.
async fn index_texts(store: Store, end: CancellationToken) {
    let (mut last_user, mut last_seen, mut batch) = (None, None, IndexBatch::SMALL);
    loop {
        remove_deleted_texts(&store, &end).await;
        // Nothing is known if the position cannot be read.
        let seen = store.tail_position().await.ok();
        let is_idle = seen.is_some() && seen == last_seen;
        last_seen = seen;
        batch = if is_idle { batch.doubled() } else { IndexBatch::SMALL };
        let started = Instant::now();
        let pause = match store.index_texts(last_user.as_ref(), batch).await {
            Ok(indexed) => {
                let is_done = indexed.entries == 0 && indexed.last_user.is_none();
                last_user = indexed.last_user;
                if is_done {
                    INDEX_INTERVAL
                } else if is_idle {
                    IDLE_INDEX_PAUSE
                } else {
                    INDEX_SHARE * started.elapsed()
                }
            }
            // Another process may be indexing the same texts.
            Err(StoreError::Busy) => INDEX_INTERVAL,
            Err(error) => {
                tracing::warn!(%error, "failed to add texts to the search index; retrying");
                INDEX_INTERVAL
            }
        };
        if end.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Removes deleted texts from the search index. Writers can make changes half of the time.
async fn remove_deleted_texts(store: &Store, end: &CancellationToken) {
    loop {
        let started = Instant::now();
        match store.remove_deleted_texts().await {
            Ok(0) | Err(StoreError::Busy) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "failed to remove deleted texts from the search index; retrying");
                return;
            }
        }
        if end.run_until_cancelled(sleep(started.elapsed())).await.is_none() {
            return;
        }
    }
}

/// Deletes the contents of attachments that no longer exist, and what crashed processes have written.
async fn collect_files(store: Store, storage: Storage, end: CancellationToken) {
    if let Some(Err(error)) = end.run_until_cancelled(storage.check_readable()).await {
        // The error of a bucket contains its response, which may have several lines.
        let error = error.to_string().replace('\n', " ");
        tracing::warn!(url = %storage.url(), error, "the storage in ATTACHMENTS_URL cannot be read");
    }
    let mut ticks = interval(COLLECT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while tick(&mut ticks, &end).await {
        match store.collect_files().await {
            Ok(files) => {
                for id in files {
                    // Another file may still be deletable.
                    if let Err(error) = delete_file(&store, &storage, id).await {
                        tracing::warn!(%error, %id, "failed to delete an unused file; retrying");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "failed to list unused files; retrying"),
        }
    }
}

/// The reason why a file could not be found or deleted.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The storage failed.
    #[error("ATTACHMENTS_URL: {0}")]
    Storage(#[from] StorageError),
}

/// Deletes the object of a file that is marked for deletion, and then its record.
///
/// # Errors
/// Returns an error if the storage or the store fails. The background work of all processes tries again.
pub async fn delete_file(store: &Store, storage: &Storage, id: FileId) -> Result<(), FileError> {
    storage.delete(id).await?;
    store.forget_file(id).await?;
    Ok(())
}

/// Discards a file that is incomplete or was rejected. If this fails, or if the process crashes, the background work
/// deletes the file.
pub async fn discard_file(store: &Store, storage: &Storage, id: FileId) {
    match store.discard_file(id).await {
        Ok(()) => delete_file_or_leave(store, storage, id).await,
        Err(error) => tracing::debug!(%error, "failed to discard a file; it is deleted later"),
    }
}

/// Deletes a file as [`delete_file`] does, or leaves it to the background work if that fails.
pub async fn delete_file_or_leave(store: &Store, storage: &Storage, id: FileId) {
    if let Err(error) = delete_file(store, storage, id).await {
        tracing::debug!(%error, "failed to delete a file; it is deleted later");
    }
}

/// Returns the workspace's file with a content if its object has been lost, for example because a backup was restored
/// without its files.
///
/// # Errors
/// Returns an error if the storage or the store fails.
pub async fn find_lost(
    store: &Store,
    storage: &Storage,
    workspace_id: &str,
    sha256: &str,
) -> Result<Option<FileId>, FileError> {
    let Some(known) = store.find_file(workspace_id, sha256).await? else { return Ok(None) };
    let found = storage.find_size(known.id).await?;
    Ok((found != Some(known.size)).then_some(known.id))
}

/// Erases the remnants of deleted text from the database files.
async fn erase(store: Store, end: CancellationToken) {
    let mut needs_rewrite = false;
    let mut next_rewrite = Instant::now();
    loop {
        let [mut pause, longest] = ERASE_RETRY;
        while !is_erased(&store, &mut needs_rewrite, &mut next_rewrite).await {
            if end.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
            pause = (2 * pause).min(longest);
        }
        tokio::select! {
            () = end.cancelled() => return,
            () = store.wait_for_deletion() => needs_rewrite = true,
            () = sleep(EMPTY_LOG_INTERVAL) => continue,
        }
        if end.run_until_cancelled(sleep(ERASE_DELAY)).await.is_none() {
            return;
        }
    }
}

/// Empties the write-ahead log. If a rewrite is needed and the pause after the last one is over, rewrites the database
/// first. Returns whether both are done; if not, a retry is needed.
async fn is_erased(store: &Store, needs_rewrite: &mut bool, next_rewrite: &mut Instant) -> bool {
    let erased = async {
        let started = Instant::now();
        if *needs_rewrite && started >= *next_rewrite {
            store.rewrite().await?;
            *needs_rewrite = false;
            *next_rewrite = Instant::now() + REWRITE_SHARE * started.elapsed();
        }
        Ok::<_, StoreError>(store.empty_log().await? && !*needs_rewrite)
    };
    match erased.await {
        Ok(is_done) => is_done,
        Err(StoreError::Busy) => false,
        Err(error) => {
            tracing::warn!(%error, "failed to erase deleted text from the database files; retrying");
            false
        }
    }
}

/// Waits for the next tick. Returns false once the shutdown has begun.
async fn tick(ticks: &mut tokio::time::Interval, end: &CancellationToken) -> bool {
    tokio::select! {
        () = end.cancelled() => false,
        _ = ticks.tick() => true,
    }
}
