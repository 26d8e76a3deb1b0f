//! Tests of the process pool. The processes are fakes; their memory usage is that of the test process.

mod eviction;
mod permits;

use std::{
    process::ExitStatus,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::{sync::watch, time::timeout};

use super::*;

/// A duration that exceeds the run time of these tests.
const LONG: Duration = Duration::from_hours(1);
/// Time limit for anything that is expected to happen.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when checking that something does not happen.
const QUIET_PERIOD: Duration = Duration::from_millis(150);

#[derive(Clone, Default)]
struct ProcessState {
    has_ended: Arc<AtomicBool>,
    has_crashed: Arc<AtomicBool>,
    /// Whether the process exits only when the test calls [`ProcessState::exit`].
    lingers: Arc<AtomicBool>,
    /// The process is considered to be running until this sender is dropped.
    exited: Arc<Mutex<Option<watch::Sender<Option<ExitStatus>>>>>,
}

impl ProcessState {
    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Makes the process exit.
    fn exit(&self) {
        *self.exited.lock().unwrap() = None;
    }
}

/// A fake process that records whether it was terminated.
struct FakeProcess {
    state: ProcessState,
    handle: ProcessHandle,
}

impl PooledConnection for FakeProcess {
    fn is_open(&self) -> bool {
        !self.state.has_crashed.load(Ordering::Relaxed)
    }

    fn handle(&self) -> &ProcessHandle {
        &self.handle
    }
}

impl Drop for FakeProcess {
    fn drop(&mut self) {
        self.state.has_ended.store(true, Ordering::Relaxed);
        self.handle.end();
        if !self.state.lingers.load(Ordering::Relaxed) {
            self.state.exit();
        }
    }
}

struct Fixture {
    pool: Arc<Pool<FakeProcess>>,
    host: ProcessHost,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new(limits: PoolLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = ProcessHost::new(folder.path()).unwrap();
        Self { pool: Pool::new(limits, &host), host, _folder: folder }
    }

    /// Acquires a conversation's slot and starts a process if there is none.
    async fn take(&self, session: SessionId) -> (SlotGuard<FakeProcess>, ProcessState) {
        let mut slot = self.pool.acquire(session).await;
        if slot.warm.is_none() {
            let permit = slot.acquire_permit().await;
            let (handle, exited) = ProcessHandle::for_pid(std::process::id());
            let permit = slot.attach_permit(permit, &handle);
            let state = ProcessState { exited: Arc::new(Mutex::new(Some(exited))), ..ProcessState::default() };
            slot.put(FakeProcess { state, handle }, permit);
        }
        let state = slot.warm.as_ref().unwrap().connection.state.clone();
        (slot, state)
    }

    /// Runs a complete turn in a conversation.
    async fn turn(&self, session: SessionId) -> ProcessState {
        self.take(session).await.1
    }
}

fn limits() -> PoolLimits {
    PoolLimits { keep_warm: LONG, processes: 2, memory_bytes: u64::MAX }
}

fn sessions<const N: usize>() -> [SessionId; N] {
    std::array::from_fn(|_| SessionId::generate())
}
