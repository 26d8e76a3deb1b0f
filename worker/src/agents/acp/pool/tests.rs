//! Tests which processes are kept and which are ended. The processes are fakes; their memory usage is that of the test
//! process.

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

/// A fake process that records whether it was ended.
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

#[tokio::test]
async fn keeps_the_process_of_a_conversation() {
    let f = Fixture::new(limits());
    let [session] = sessions();

    let (first, again) = (f.turn(session).await, f.turn(session).await);

    assert!(Arc::ptr_eq(&first.has_ended, &again.has_ended) && !first.has_ended());
}

#[tokio::test]
async fn evicts_the_least_recently_used_process() {
    let f = Fixture::new(limits());
    let [first, second, third, fourth] = sessions();
    let (first_state, second_state) = (f.turn(first).await, f.turn(second).await);
    f.turn(first).await;

    let third_state = f.turn(third).await;
    assert_eq!([first_state.has_ended(), second_state.has_ended(), third_state.has_ended()], [false, true, false]);
    f.turn(fourth).await;

    assert_eq!([first_state.has_ended(), third_state.has_ended()], [true, false]);
}

#[tokio::test]
async fn never_evicts_a_working_process() {
    let f = Fixture::new(PoolLimits { memory_bytes: 1, keep_warm: Duration::from_millis(1), ..limits() });
    let [a, b, c] = sessions();
    let (_a, a_state) = f.take(a).await;
    let (_b, b_state) = f.take(b).await;

    let waiting = timeout(QUIET_PERIOD, f.take(c)).await;
    f.pool.evict_stale();

    assert!(waiting.is_err(), "the limit is reached");
    assert!(!a_state.has_ended() && !b_state.has_ended());
}

#[tokio::test]
async fn a_waiting_turn_gets_the_next_free_permit() {
    let f = Fixture::new(limits());
    let [first, second, third, fourth] = sessions();
    let (first_slot, first_state) = f.take(first).await;
    let (mut second_slot, second_state) = f.take(second).await;
    let take = |session| {
        let (pool, host) = (Arc::clone(&f.pool), f.host.clone());
        tokio::spawn(async move {
            let f = Fixture { pool, host, _folder: tempfile::tempdir().unwrap() };
            f.take(session).await.0
        })
    };
    let (third_waits, fourth_waits) = (take(third), take(fourth));
    sleep(QUIET_PERIOD).await;
    assert!(!third_waits.is_finished() && !fourth_waits.is_finished());

    // One process becomes idle, and the other one crashes.
    drop(first_slot);
    second_slot.discard();
    drop(second_slot);

    let _third = timeout(TIMEOUT, third_waits).await.unwrap().unwrap();
    let _fourth = timeout(TIMEOUT, fourth_waits).await.unwrap().unwrap();
    assert!(first_state.has_ended() && second_state.has_ended());
}

#[tokio::test]
async fn passes_the_permit_on_when_the_waiting_turn_is_stopped() {
    let f = Fixture::new(PoolLimits { processes: 1, ..limits() });
    let [a, b, c] = sessions();
    let (slot, _) = f.take(a).await;
    assert!(timeout(QUIET_PERIOD, f.take(b)).await.is_err(), "the limit is reached");

    drop(slot);

    assert!(timeout(TIMEOUT, f.take(c)).await.is_ok());
    assert!(timeout(TIMEOUT, f.take(b)).await.is_ok(), "a stopped turn holds neither a permit nor a slot");
}

#[tokio::test]
async fn counts_an_ending_process_until_it_has_exited() {
    let f = Fixture::new(limits());
    let [first, second, third] = sessions();
    let (first_state, second_state) = (f.turn(first).await, f.turn(second).await);
    first_state.lingers.store(true, Ordering::Relaxed);

    // Try twice, because the second waiting turn must also wait for this process instead of ending another one.
    for _ in 0..2 {
        assert!(timeout(QUIET_PERIOD, f.take(third)).await.is_err(), "the process has not exited yet");
    }

    assert!(first_state.has_ended(), "the least recently used process is ended");
    assert!(!second_state.has_ended(), "no other process is ended");
    first_state.exit();
    assert!(timeout(TIMEOUT, f.take(third)).await.is_ok());
    assert!(!second_state.has_ended());
}

#[tokio::test]
async fn releases_the_permit_of_a_crashed_process() {
    let f = Fixture::new(PoolLimits { processes: 1, ..limits() });
    let [first, second] = sessions();
    let (_slot, state) = f.take(first).await;

    state.exit();

    assert!(timeout(TIMEOUT, f.take(second)).await.is_ok());
}

#[tokio::test]
async fn ends_only_processes_idle_for_too_long() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);
    f.pool.evict_stale();
    assert!(!idle.has_ended(), "the process was not idle for long enough");
    let f = Fixture::new(PoolLimits { keep_warm: Duration::from_millis(1), ..limits() });
    let (idle, short) = (f.turn(a).await, f.take(b).await);
    sleep(Duration::from_millis(5)).await;

    f.pool.evict_stale();

    assert!(idle.has_ended() && !short.1.has_ended());
    drop(short.0);
    sleep(Duration::from_millis(5)).await;
    f.pool.evict_stale();
    assert!(short.1.has_ended() && !busy.1.has_ended());
    assert!(f.pool.lock().is_empty(), "empty slots are removed");
}

#[tokio::test]
async fn checks_idle_processes_periodically() {
    let f = Fixture::new(PoolLimits { keep_warm: Duration::from_millis(1), ..limits() });
    let [session] = sessions();
    let idle = f.turn(session).await;

    let ended = async {
        while !idle.has_ended() {
            sleep(Duration::from_millis(10)).await;
        }
    };

    timeout(TIMEOUT, ended).await.unwrap();
}

#[tokio::test]
async fn ends_a_process_with_its_turn_if_it_is_not_kept_warm() {
    let f = Fixture::new(PoolLimits { keep_warm: Duration::ZERO, ..limits() });
    let [session] = sessions();

    assert!(f.turn(session).await.has_ended());
}

#[tokio::test]
async fn removes_a_process_that_crashed_while_idle() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (broken, well) = (f.turn(a).await, f.turn(b).await);
    broken.has_crashed.store(true, Ordering::Relaxed);

    f.pool.evict_stale();

    assert!(broken.has_ended() && !well.has_ended());
}

#[tokio::test]
async fn ends_idle_processes_over_the_memory_limit() {
    // The memory of the entire test process is counted for each process, so even a single one exceeds the limit.
    let f = Fixture::new(PoolLimits { memory_bytes: 1, processes: 8, ..limits() });
    let [a, b, c] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);

    let started = f.turn(c).await;

    assert!(idle.has_ended(), "it is ended before the new process is started");
    assert!(!busy.1.has_ended());
    f.pool.evict_stale();
    assert!(started.has_ended() && !busy.1.has_ended());
}

#[tokio::test]
async fn ends_idle_processes_at_shutdown() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);

    f.host.shut_down().await;

    assert!(idle.has_ended() && !busy.1.has_ended(), "a working process is ended by its turn");
}

#[tokio::test]
async fn ends_the_idle_process_of_a_deleted_conversation() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (other, (slot, state)) = (f.turn(a).await, f.take(b).await);
    f.pool.forget(b);
    assert!(!state.has_ended(), "its turn has not ended yet");
    drop(slot);

    f.pool.forget(b);

    assert!(state.has_ended() && !other.has_ended());
    f.pool.forget(SessionId::generate());
}

#[tokio::test]
async fn serializes_the_turns_of_a_conversation() {
    let f = Fixture::new(limits());
    let [session] = sessions();
    let (slot, _) = f.take(session).await;

    assert!(timeout(QUIET_PERIOD, f.take(session)).await.is_err());
    drop(slot);

    assert!(timeout(TIMEOUT, f.take(session)).await.is_ok());
}
