//! Tests of which processes are kept and which are ended. The processes are fakes; only their memory is real, that of
//! the test.

use std::{
    process::ExitStatus,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::{sync::watch, time::timeout};

use super::*;

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_hours(1);
/// Time limit for everything that is expected to happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to check that something does not happen.
const A_WHILE: Duration = Duration::from_millis(150);

#[derive(Clone, Default)]
struct Fate {
    is_gone: Arc<AtomicBool>,
    is_broken: Arc<AtomicBool>,
    /// Whether the process exits only on request of the test.
    lingers: Arc<AtomicBool>,
    /// The process exists as long as this sender does.
    exited: Arc<Mutex<Option<watch::Sender<Option<ExitStatus>>>>>,
}

impl Fate {
    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Makes the process exit.
    fn exit(&self) {
        *self.exited.lock().unwrap() = None;
    }
}

/// A fake process that records how it ends.
struct Fake {
    fate: Fate,
    control: Control,
}

impl Kept for Fake {
    fn is_open(&self) -> bool {
        !self.fate.is_broken.load(Ordering::Relaxed)
    }

    fn control(&self) -> &Control {
        &self.control
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.fate.is_gone.store(true, Ordering::Relaxed);
        self.control.end();
        if !self.fate.lingers.load(Ordering::Relaxed) {
            self.fate.exit();
        }
    }
}

struct Fixture {
    pool: Arc<Pool<Fake>>,
    host: ProcessHost,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = ProcessHost::new(folder.path()).unwrap();
        Self { pool: Pool::new(limits, &host), host, _folder: folder }
    }

    /// Acquires the slot of a conversation and starts a process if there is none.
    async fn take(&self, session: SessionId) -> (Lease<Fake>, Fate) {
        let mut lease = self.pool.lease(session).await;
        if lease.warm.is_none() {
            let room = lease.make_room().await;
            let (control, exited) = Control::of(std::process::id());
            let room = lease.give_room(room, &control);
            let fate = Fate { exited: Arc::new(Mutex::new(Some(exited))), ..Fate::default() };
            lease.put(Fake { fate, control }, room);
        }
        let fate = lease.warm.as_ref().unwrap().connection.fate.clone();
        (lease, fate)
    }

    /// Runs a complete turn of a conversation.
    async fn turn(&self, session: SessionId) -> Fate {
        self.take(session).await.1
    }
}

fn limits() -> Limits {
    Limits { keep_warm: LONG, processes: 2, memory_bytes: u64::MAX }
}

fn sessions<const N: usize>() -> [SessionId; N] {
    std::array::from_fn(|_| SessionId::generate())
}

#[tokio::test]
async fn keeps_the_process_of_a_conversation() {
    let f = Fixture::new(limits());
    let [session] = sessions();

    let (first, again) = (f.turn(session).await, f.turn(session).await);

    assert!(Arc::ptr_eq(&first.is_gone, &again.is_gone) && !first.is_gone());
}

#[tokio::test]
async fn evicts_the_least_recently_used_process() {
    let f = Fixture::new(limits());
    let [first, second, third, fourth] = sessions();
    let (first_fate, second_fate) = (f.turn(first).await, f.turn(second).await);
    f.turn(first).await;

    let third_fate = f.turn(third).await;
    assert_eq!([first_fate.is_gone(), second_fate.is_gone(), third_fate.is_gone()], [false, true, false]);
    f.turn(fourth).await;

    assert_eq!([first_fate.is_gone(), third_fate.is_gone()], [true, false]);
}

#[tokio::test]
async fn never_evicts_a_working_process() {
    let f = Fixture::new(Limits { memory_bytes: 1, keep_warm: Duration::from_millis(1), ..limits() });
    let [a, b, c] = sessions();
    let (_a, a_fate) = f.take(a).await;
    let (_b, b_fate) = f.take(b).await;

    let waiting = timeout(A_WHILE, f.take(c)).await;
    f.pool.tidy();

    assert!(waiting.is_err(), "the limit is reached");
    assert!(!a_fate.is_gone() && !b_fate.is_gone());
}

#[tokio::test]
async fn a_waiting_turn_gets_the_next_free_room() {
    let f = Fixture::new(limits());
    let [first, second, third, fourth] = sessions();
    let (first_lease, first_fate) = f.take(first).await;
    let (mut second_lease, second_fate) = f.take(second).await;
    let take = |session| {
        let (pool, host) = (Arc::clone(&f.pool), f.host.clone());
        tokio::spawn(async move {
            let f = Fixture { pool, host, _folder: tempfile::tempdir().unwrap() };
            f.take(session).await.0
        })
    };
    let (third_waits, fourth_waits) = (take(third), take(fourth));
    sleep(A_WHILE).await;
    assert!(!third_waits.is_finished() && !fourth_waits.is_finished());

    // One becomes idle, the other crashes.
    drop(first_lease);
    second_lease.discard();
    drop(second_lease);

    let _third = timeout(PATIENCE, third_waits).await.unwrap().unwrap();
    let _fourth = timeout(PATIENCE, fourth_waits).await.unwrap().unwrap();
    assert!(first_fate.is_gone() && second_fate.is_gone());
}

#[tokio::test]
async fn passes_room_on_when_the_waiting_turn_is_stopped() {
    let f = Fixture::new(Limits { processes: 1, ..limits() });
    let [a, b, c] = sessions();
    let (lease, _) = f.take(a).await;
    assert!(timeout(A_WHILE, f.take(b)).await.is_err(), "the limit is reached");

    drop(lease);

    assert!(timeout(PATIENCE, f.take(c)).await.is_ok());
    assert!(timeout(PATIENCE, f.take(b)).await.is_ok(), "a stopped turn holds neither room nor its slot");
}

#[tokio::test]
async fn counts_an_ending_process_until_it_has_exited() {
    let f = Fixture::new(limits());
    let [first, second, third] = sessions();
    let (first_fate, second_fate) = (f.turn(first).await, f.turn(second).await);
    first_fate.lingers.store(true, Ordering::Relaxed);

    // Twice, because the second waiting turn has to wait for the same process.
    for _ in 0..2 {
        assert!(timeout(A_WHILE, f.take(third)).await.is_err(), "the process has not exited");
    }

    assert!(first_fate.is_gone(), "the least recently used process is ended");
    assert!(!second_fate.is_gone(), "no other process is ended");
    first_fate.exit();
    assert!(timeout(PATIENCE, f.take(third)).await.is_ok());
    assert!(!second_fate.is_gone());
}

#[tokio::test]
async fn releases_the_room_of_a_crashed_process() {
    let f = Fixture::new(Limits { processes: 1, ..limits() });
    let [first, second] = sessions();
    let (_lease, fate) = f.take(first).await;

    fate.exit();

    assert!(timeout(PATIENCE, f.take(second)).await.is_ok());
}

#[tokio::test]
async fn ends_only_processes_idle_for_too_long() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);
    f.pool.tidy();
    assert!(!idle.is_gone(), "it was not idle for long enough");
    let f = Fixture::new(Limits { keep_warm: Duration::from_millis(1), ..limits() });
    let (idle, short) = (f.turn(a).await, f.take(b).await);
    sleep(Duration::from_millis(5)).await;

    f.pool.tidy();

    assert!(idle.is_gone() && !short.1.is_gone());
    drop(short.0);
    sleep(Duration::from_millis(5)).await;
    f.pool.tidy();
    assert!(short.1.is_gone() && !busy.1.is_gone());
    assert!(f.pool.lock().is_empty(), "empty slots are removed");
}

#[tokio::test]
async fn checks_idle_processes_periodically() {
    let f = Fixture::new(Limits { keep_warm: Duration::from_millis(1), ..limits() });
    let [session] = sessions();
    let idle = f.turn(session).await;

    let gone = async {
        while !idle.is_gone() {
            sleep(Duration::from_millis(10)).await;
        }
    };

    timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn ends_a_process_with_its_turn_if_it_is_not_kept_warm() {
    let f = Fixture::new(Limits { keep_warm: Duration::ZERO, ..limits() });
    let [session] = sessions();

    assert!(f.turn(session).await.is_gone());
}

#[tokio::test]
async fn removes_a_process_that_crashed_while_idle() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (broken, well) = (f.turn(a).await, f.turn(b).await);
    broken.is_broken.store(true, Ordering::Relaxed);

    f.pool.tidy();

    assert!(broken.is_gone() && !well.is_gone());
}

#[tokio::test]
async fn ends_idle_processes_over_the_memory_limit() {
    // Each of them counts as the whole test process, so that even one is too many.
    let f = Fixture::new(Limits { memory_bytes: 1, processes: 8, ..limits() });
    let [a, b, c] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);

    let started = f.turn(c).await;

    assert!(idle.is_gone(), "ended before the new process is started");
    assert!(!busy.1.is_gone());
    f.pool.tidy();
    assert!(started.is_gone() && !busy.1.is_gone());
}

#[tokio::test]
async fn ends_idle_processes_at_shutdown() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);

    f.host.shut_down().await;

    assert!(idle.is_gone() && !busy.1.is_gone(), "a working process is ended by its turn");
}

#[tokio::test]
async fn ends_the_idle_process_of_a_deleted_conversation() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (other, (lease, fate)) = (f.turn(a).await, f.take(b).await);
    f.pool.forget(b);
    assert!(!fate.is_gone(), "its turn has not ended");
    drop(lease);

    f.pool.forget(b);

    assert!(fate.is_gone() && !other.is_gone());
    f.pool.forget(SessionId::generate());
}

#[tokio::test]
async fn serializes_the_turns_of_a_conversation() {
    let f = Fixture::new(limits());
    let [session] = sessions();
    let (lease, _) = f.take(session).await;

    assert!(timeout(A_WHILE, f.take(session)).await.is_err());
    drop(lease);

    assert!(timeout(PATIENCE, f.take(session)).await.is_ok());
}
