//! An agent's processes. Each conversation has its own process, which is kept running for the next turn.
//!
//! Guarantees:
//! - A conversation never has two processes at the same time.
//! - At most the configured number of processes run at a time, including those that are being terminated but have not
//!   exited yet.
//! - While the processes exceed the configured memory limit, idle ones are terminated, least recently used first.
//! - The pool never terminates a process that a turn is using.

mod permit;
mod slot;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicIsize, Ordering},
    },
    time::Duration,
};

use banter_shared::id::SessionId;
use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(super) use self::slot::SlotGuard;
use self::{
    permit::{ProcessPermit, WaiterGuard},
    slot::Slot,
};
use super::{connection::Connection, session::OpenSession};
use crate::agents::process::{ProcessHandle, ProcessHost, tree};

/// Shortest interval between checks for idle processes that must be terminated.
const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Longest interval between checks for idle processes that must be terminated.
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// A pooled connection. Dropping it terminates the connection's process.
pub(super) trait PooledConnection: Send + 'static {
    /// Returns whether the connection can be used again.
    fn is_open(&self) -> bool;
    /// Returns the handle to the connection's process.
    fn handle(&self) -> &ProcessHandle;
    /// Deletes or closes the agent's session, if the agent supports that, and then terminates the process.
    fn end_session(self, _session: String) -> BoxFuture<'static, ()>
    where
        Self: Sized,
    {
        async {}.boxed()
    }
}

impl PooledConnection for Connection {
    fn is_open(&self) -> bool {
        Self::is_open(self)
    }

    fn handle(&self) -> &ProcessHandle {
        Self::handle(self)
    }

    fn end_session(self, session: String) -> BoxFuture<'static, ()> {
        async move { Self::end_session(&self, &session).await }.boxed()
    }
}

/// A running agent process.
pub(super) struct WarmProcess<C = Connection> {
    pub connection: C,
    /// The session for the next turn, if one is open.
    pub session: Option<OpenSession>,
    permit: ProcessPermit,
}

/// Limits on an agent's processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolLimits {
    pub keep_warm: Duration,
    pub processes: usize,
    /// Maximum total resident memory, in bytes, of the processes and their descendants; `u64::MAX` disables the limit.
    pub memory_bytes: u64,
}

/// An agent's processes; see the module documentation.
pub(super) struct Pool<C = Connection> {
    limits: PoolLimits,
    permits: Arc<Semaphore>,
    slots: Mutex<HashMap<SessionId, Arc<Slot<C>>>>,
    /// Notified when a process may have become idle or has exited.
    changed: Notify,
    /// Number of processes that are being terminated but have not exited yet.
    exiting: Arc<AtomicIsize>,
    /// Number of turns that are waiting for a permit.
    waiting: AtomicIsize,
    tasks: TaskTracker,
    /// Cancelled when the worker is about to exit.
    shutting_down: CancellationToken,
}

impl<C: PooledConnection> Pool<C> {
    /// Creates an empty pool.
    pub fn new(limits: PoolLimits, host: &ProcessHost) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(limits.processes));
        let pool = Arc::new(Self {
            limits,
            permits,
            slots: Mutex::default(),
            changed: Notify::new(),
            exiting: Arc::default(),
            waiting: AtomicIsize::new(0),
            tasks: host.tasks().clone(),
            shutting_down: host.shutting_down().clone(),
        });
        let (weak, shutting_down) = (Arc::downgrade(&pool), pool.shutting_down.clone());
        let pause = (limits.keep_warm / 4).clamp(MIN_CHECK_INTERVAL, MAX_CHECK_INTERVAL);
        host.tasks().spawn(async move {
            while shutting_down.run_until_cancelled(sleep(pause)).await.is_some() {
                let Some(pool) = weak.upgrade() else { return };
                pool.evict_stale();
            }
            // On shutdown, terminate all idle processes.
            if let Some(pool) = weak.upgrade() {
                while pool.evict() {}
            }
        });
        pool
    }

    /// Waits for the conversation's slot, which an earlier turn may still hold while that turn is being stopped.
    pub async fn acquire(self: &Arc<Self>, session: SessionId) -> SlotGuard<C> {
        let slot = {
            let mut slots = self.lock();
            Arc::clone(slots.entry(session).or_insert_with(|| Arc::new(Slot::new())))
        };
        SlotGuard::new(self, slot).await
    }

    /// Ends the agent's session for a deleted conversation, if one is open, and then terminates the conversation's
    /// process. Does nothing if the process is not idle.
    pub fn forget(&self, session: SessionId) {
        let slot = self.lock().get(&session).cloned();
        let warm = slot.and_then(|slot| slot.warm.try_lock().ok()?.take());
        if let Some(WarmProcess { connection, session: Some(OpenSession { id, .. }), permit }) = warm {
            self.tasks.spawn(async move {
                connection.end_session(id).await;
                drop(permit);
            });
        }
    }

    /// Waits until another process may be started. Terminates idle processes to make room, but no more of them than
    /// necessary.
    async fn acquire_permit(&self) -> OwnedSemaphorePermit {
        let _waiter = WaiterGuard::new(&self.waiting);
        loop {
            let mut changed = pin!(self.changed.notified());
            // Enable the notification before the check, so that no later change is missed.
            changed.as_mut().enable();
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                while self.is_over_memory() && self.evict() {}
                return permit;
            }
            let is_enough = self.exiting.load(Ordering::SeqCst) >= self.waiting.load(Ordering::SeqCst);
            if is_enough || !self.evict() {
                changed.await;
            }
        }
    }

    fn is_over_memory(&self) -> bool {
        if self.limits.memory_bytes == u64::MAX {
            return false;
        }
        let slots: Vec<_> = self.lock().values().cloned().collect();
        let roots: Vec<u32> = slots.iter().filter_map(|slot| slot.handle()?.running_pid()).collect();
        tree::resident_bytes(&roots) > self.limits.memory_bytes
    }

    /// Terminates the least recently used idle process. Returns `false` if there is none.
    fn evict(&self) -> bool {
        for slot in self.idle() {
            if let Ok(mut warm) = slot.warm.try_lock()
                && warm.take().is_some()
            {
                return true;
            }
        }
        false
    }

    /// Returns the slots that contain an idle process, least recently used first.
    fn idle(&self) -> Vec<Arc<Slot<C>>> {
        let mut idle: Vec<_> = self.lock().values().cloned().collect();
        idle.retain(|slot| slot.warm.try_lock().is_ok_and(|warm| warm.is_some()));
        idle.sort_by_key(|slot| slot.used_at());
        idle
    }

    /// Terminates processes that crashed while idle or have been idle for too long. Then terminates further idle
    /// processes while the memory limit is exceeded, and removes empty slots.
    fn evict_stale(&self) {
        for slot in self.idle() {
            let is_old = slot.used_at().elapsed() >= self.limits.keep_warm;
            if let Ok(mut warm) = slot.warm.try_lock()
                && warm.as_ref().is_some_and(|warm| is_old || !warm.connection.is_open())
            {
                *warm = None;
            }
        }
        while self.is_over_memory() && self.evict() {}
        let is_used = |slot: &Arc<Slot<C>>| {
            Arc::strong_count(slot) > 1 || slot.warm.try_lock().map_or(true, |warm| warm.is_some())
        };
        self.lock().retain(|_, slot| is_used(slot));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Arc<Slot<C>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
