//! A pool's slots, one per conversation.

use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedSemaphorePermit},
    time::Instant,
};

use super::{Pool, PooledConnection, ProcessPermit, WarmProcess};
use crate::agents::{acp::connection::Connection, process::ProcessHandle};

/// A conversation's slot, held for a turn.
pub(in crate::agents::acp) struct SlotGuard<C: PooledConnection = Connection> {
    /// The process, if there is one.
    pub warm: OwnedMutexGuard<Option<WarmProcess<C>>>,
    slot: Arc<Slot<C>>,
    /// Dropped after `warm`, so that the slot is already free when the pool is notified.
    notifier: ReleaseNotifier<C>,
}

/// Notifies the pool that a slot was released.
struct ReleaseNotifier<C: PooledConnection>(Arc<Pool<C>>);

impl<C: PooledConnection> Drop for ReleaseNotifier<C> {
    fn drop(&mut self) {
        self.0.changed.notify_waiters();
    }
}

/// A conversation's place in a pool.
pub(super) struct Slot<C> {
    pub warm: Arc<AsyncMutex<Option<WarmProcess<C>>>>,
    used_at: Mutex<Instant>,
    /// The handle to the most recent process, which is available even while a turn is using the process.
    handle: Mutex<Option<ProcessHandle>>,
}

impl<C> Slot<C> {
    /// Creates an empty slot.
    pub fn new() -> Self {
        Self { warm: Arc::default(), used_at: Mutex::new(Instant::now()), handle: Mutex::default() }
    }

    /// Returns the handle to the most recent process, if there has been one.
    pub fn handle(&self) -> Option<ProcessHandle> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns when the slot was last used by a turn.
    pub fn used_at(&self) -> Instant {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: PooledConnection> SlotGuard<C> {
    /// Waits for exclusive access to a slot in this pool.
    pub(super) async fn new(pool: &Arc<Pool<C>>, slot: Arc<Slot<C>>) -> Self {
        let warm = Arc::clone(&slot.warm).lock_owned().await;
        Self { warm, slot, notifier: ReleaseNotifier(Arc::clone(pool)) }
    }

    /// Waits until a process may be started for this conversation.
    pub async fn acquire_permit(&self) -> OwnedSemaphorePermit {
        self.notifier.0.acquire_permit().await
    }

    /// Assigns a permit to a newly started process. The permit is released when the process exits or the worker shuts
    /// down.
    pub fn attach_permit(&self, permit: OwnedSemaphorePermit, handle: &ProcessHandle) -> ProcessPermit {
        let (pool, exit) = (Arc::clone(&self.notifier.0), handle.exit_signal());
        let process_permit = ProcessPermit::new(&pool.exiting);
        self.notifier.0.tasks.spawn(async move {
            pool.shutting_down.run_until_cancelled(exit).await;
            pool.exiting.fetch_sub(1, Ordering::SeqCst);
            drop(permit);
            pool.changed.notify_waiters();
        });
        process_permit
    }

    /// Puts a process into the slot.
    pub fn put(&mut self, connection: C, permit: ProcessPermit) {
        *self.slot.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.handle().clone());
        *self.warm = Some(WarmProcess { connection, session: None, permit });
    }

    /// Terminates the process in the background.
    pub fn discard(&mut self) {
        *self.warm = None;
    }
}

impl<C: PooledConnection> Drop for SlotGuard<C> {
    fn drop(&mut self) {
        *self.slot.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if self.notifier.0.limits.keep_warm.is_zero() {
            *self.warm = None;
        }
    }
}
