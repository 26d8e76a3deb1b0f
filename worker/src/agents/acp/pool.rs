//! The processes of one agent: one a conversation, kept for its next turn.
//!
//! Guarantees: a conversation never has two; no more run than configured, and one that is being ended counts until it is
//! gone; they use no more memory than configured as long as there are idle ones to end, the least recently used first. One
//! that is at work is never ended here.

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
    sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{connection::Connection, session::Known};
use crate::agents::process::{Control, ProcessHost, tree};

/// How often idle processes are looked at, at least and at most.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_secs(15);

/// What is kept: the end of it is to drop it.
pub(super) trait Kept: Send + 'static {
    /// Whether it can be used again.
    fn is_open(&self) -> bool;
    /// The process.
    fn control(&self) -> &Control;
    /// Ends a session of the agent's for good, as far as it supports that, and then the process.
    fn end_session(self, _session: String) -> BoxFuture<'static, ()>
    where
        Self: Sized,
    {
        async {}.boxed()
    }
}

impl Kept for Connection {
    fn is_open(&self) -> bool {
        Self::is_open(self)
    }

    fn control(&self) -> &Control {
        Self::control(self)
    }

    fn end_session(self, session: String) -> BoxFuture<'static, ()> {
        async move { Self::end_session(&self, &session).await }.boxed()
    }
}

/// A process that can be prompted.
pub(super) struct Warm<C = Connection> {
    pub connection: C,
    /// The session that it is in; none after one that went wrong.
    pub session: Option<Known>,
    room: Room,
}

/// What a process takes up. Once this is dropped the process is expected to end; only when it is gone there is room again.
pub(super) struct Room {
    ending: Arc<AtomicIsize>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.ending.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts somebody who waits for room.
struct Waits<'a>(&'a AtomicIsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicIsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The place of a conversation, held for a turn.
pub(super) struct Lease<C: Kept = Connection> {
    /// The process, if there is one.
    pub warm: OwnedMutexGuard<Option<Warm<C>>>,
    slot: Arc<Slot<C>>,
    /// Dropped after `warm`: only then the place is free.
    released: Released<C>,
}

/// Tells the pool that a place was given back.
struct Released<C: Kept>(Arc<Pool<C>>);

impl<C: Kept> Drop for Released<C> {
    fn drop(&mut self) {
        self.0.changed.notify_waiters();
    }
}

struct Slot<C> {
    warm: Arc<AsyncMutex<Option<Warm<C>>>>,
    used_at: Mutex<Instant>,
    /// The process, also while it is at work.
    control: Mutex<Option<Control>>,
}

impl<C> Slot<C> {
    fn control(&self) -> Option<Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn used_at(&self) -> Instant {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much an agent may have running.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub keep_warm: Duration,
    pub processes: usize,
    /// `u64::MAX`: not looked at.
    pub memory_bytes: u64,
}

/// See the module.
pub(super) struct Pool<C = Connection> {
    limits: Limits,
    room: Arc<Semaphore>,
    slots: Mutex<HashMap<SessionId, Arc<Slot<C>>>>,
    /// Notified when a process may have become idle, and when one is gone.
    changed: Notify,
    /// Processes that are being ended and are not gone.
    ending: Arc<AtomicIsize>,
    /// Turns that wait for room.
    waiting: AtomicIsize,
    tasks: TaskTracker,
    /// The worker is about to end.
    hurry: CancellationToken,
}

impl<C: Kept> Pool<C> {
    /// An empty pool.
    pub fn new(limits: Limits, host: &ProcessHost) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(limits.processes));
        let pool = Arc::new(Self {
            limits,
            room,
            slots: Mutex::default(),
            changed: Notify::new(),
            ending: Arc::default(),
            waiting: AtomicIsize::new(0),
            tasks: host.tasks().clone(),
            hurry: host.hurry().clone(),
        });
        let (weak, hurry) = (Arc::downgrade(&pool), pool.hurry.clone());
        let pause = (limits.keep_warm / 4).clamp(SHORTEST_LOOK, LONGEST_LOOK);
        host.tasks().spawn(async move {
            while hurry.run_until_cancelled(sleep(pause)).await.is_some() {
                let Some(pool) = weak.upgrade() else { return };
                pool.tidy();
            }
            // All idle ones at the end; those at work are ended by their turns.
            if let Some(pool) = weak.upgrade() {
                while pool.evict() {}
            }
        });
        pool
    }

    /// Waits for the conversation's place, which another turn of it may still hold while it is being stopped.
    pub async fn lease(self: &Arc<Self>, session: SessionId) -> Lease<C> {
        let slot = {
            let mut slots = self.lock();
            let slot = slots.entry(session).or_insert_with(|| {
                Arc::new(Slot { warm: Arc::default(), used_at: Mutex::new(Instant::now()), control: Mutex::default() })
            });
            Arc::clone(slot)
        };
        let warm = Arc::clone(&slot.warm).lock_owned().await;
        Lease { warm, slot, released: Released(Arc::clone(self)) }
    }

    /// Ends the process of a conversation that was deleted, if it is idle, and asks the agent to delete its session first.
    pub fn forget(&self, session: SessionId) {
        let slot = self.lock().get(&session).cloned();
        let warm = slot.and_then(|slot| slot.warm.try_lock().ok()?.take());
        if let Some(Warm { connection, session: Some(Known { id, .. }), room }) = warm {
            self.tasks.spawn(async move {
                connection.end_session(id).await;
                drop(room);
            });
        }
    }

    /// Waits until one more process may be started; idle ones are ended for it, no more than are needed.
    async fn make_room(&self) -> OwnedSemaphorePermit {
        let _waits = Waits::new(&self.waiting);
        loop {
            let mut changed = pin!(self.changed.notified());
            // Before the look: what changes after it is not missed.
            changed.as_mut().enable();
            if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
                while self.is_over_memory() && self.evict() {}
                return permit;
            }
            let is_enough = self.ending.load(Ordering::SeqCst) >= self.waiting.load(Ordering::SeqCst);
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
        let roots: Vec<u32> = slots.iter().filter_map(|slot| slot.control()?.running_pid()).collect();
        tree::resident_bytes(&roots) > self.limits.memory_bytes
    }

    /// Ends the idle process that was used least recently. False when there is none.
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

    /// Places with a process that nobody uses, least recently used first.
    fn idle(&self) -> Vec<Arc<Slot<C>>> {
        let mut idle: Vec<_> = self.lock().values().cloned().collect();
        idle.retain(|slot| slot.warm.try_lock().is_ok_and(|warm| warm.is_some()));
        idle.sort_by_key(|slot| slot.used_at());
        idle
    }

    /// Ends what has been idle for too long or is gone, and forgets empty places.
    fn tidy(&self) {
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

impl<C: Kept> Lease<C> {
    /// Room for the process that is about to be started for this conversation.
    pub async fn make_room(&self) -> OwnedSemaphorePermit {
        self.released.0.make_room().await
    }

    /// Gives room to a process that was just started.
    pub fn give_room(&self, permit: OwnedSemaphorePermit, control: &Control) -> Room {
        let (pool, gone) = (Arc::clone(&self.released.0), control.when_gone());
        let room = Room { ending: Arc::clone(&pool.ending) };
        self.released.0.tasks.spawn(async move {
            pool.hurry.run_until_cancelled(gone).await;
            pool.ending.fetch_sub(1, Ordering::SeqCst);
            drop(permit);
            pool.changed.notify_waiters();
        });
        room
    }

    /// Puts a process into the place.
    pub fn put(&mut self, connection: C, room: Room) {
        *self.slot.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.control().clone());
        *self.warm = Some(Warm { connection, session: None, room });
    }

    /// Ends the process, in the background.
    pub fn discard(&mut self) {
        *self.warm = None;
    }
}

impl<C: Kept> Drop for Lease<C> {
    fn drop(&mut self) {
        *self.slot.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if self.released.0.limits.keep_warm.is_zero() {
            *self.warm = None;
        }
    }
}
