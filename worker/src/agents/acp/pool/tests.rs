//! Which processes are kept, and which go. The processes are made up; only their memory is real, that of the test.

use std::{
    process::ExitStatus,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::{sync::watch, time::timeout};

use super::*;

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_hours(1);
/// How long anything may take that is expected to happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long is looked whether something happens that must not.
const A_WHILE: Duration = Duration::from_millis(150);

#[derive(Clone, Default)]
struct Fate {
    is_gone: Arc<AtomicBool>,
    is_broken: Arc<AtomicBool>,
    /// It takes its time to end.
    lingers: Arc<AtomicBool>,
    /// As long as this is there its process is.
    exited: Arc<Mutex<Option<watch::Sender<Option<ExitStatus>>>>>,
}

impl Fate {
    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Its process ends.
    fn exit(&self) {
        *self.exited.lock().unwrap() = None;
    }
}

/// A process that tells what becomes of it.
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

    /// Takes the place of a conversation, with a process that is started if there is none.
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

    /// A turn of a conversation, from its beginning to its end.
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
async fn a_conversation_keeps_its_process() {
    let f = Fixture::new(limits());
    let [session] = sessions();

    let (first, again) = (f.turn(session).await, f.turn(session).await);

    assert!(Arc::ptr_eq(&first.is_gone, &again.is_gone) && !first.is_gone());
}

#[tokio::test]
async fn the_one_that_was_used_least_recently_goes_for_a_new_one() {
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
async fn one_that_works_is_never_ended_for_another() {
    let f = Fixture::new(Limits { memory_bytes: 1, keep_warm: Duration::from_millis(1), ..limits() });
    let [a, b, c] = sessions();
    let (_a, a_fate) = f.take(a).await;
    let (_b, b_fate) = f.take(b).await;

    let waiting = timeout(A_WHILE, f.take(c)).await;
    f.pool.tidy();

    assert!(waiting.is_err(), "there is no room");
    assert!(!a_fate.is_gone() && !b_fate.is_gone());
}

#[tokio::test]
async fn a_turn_waits_for_room_and_gets_it() {
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

    // One becomes idle, the other breaks down.
    drop(first_lease);
    second_lease.discard();
    drop(second_lease);

    let _third = timeout(PATIENCE, third_waits).await.unwrap().unwrap();
    let _fourth = timeout(PATIENCE, fourth_waits).await.unwrap().unwrap();
    assert!(first_fate.is_gone() && second_fate.is_gone());
}

#[tokio::test]
async fn room_goes_to_the_next_when_the_one_that_waited_gives_up() {
    let f = Fixture::new(Limits { processes: 1, ..limits() });
    let [a, b, c] = sessions();
    let (lease, _) = f.take(a).await;
    assert!(timeout(A_WHILE, f.take(b)).await.is_err(), "a stopped turn no longer waits");

    drop(lease);

    assert!(timeout(PATIENCE, f.take(c)).await.is_ok());
    assert!(timeout(PATIENCE, f.take(b)).await.is_ok(), "nor does it hold its conversation's place");
}

#[tokio::test]
async fn one_that_is_being_ended_takes_its_room_until_it_is_gone() {
    let f = Fixture::new(limits());
    let [first, second, third] = sessions();
    let (first_fate, second_fate) = (f.turn(first).await, f.turn(second).await);
    first_fate.lingers.store(true, Ordering::Relaxed);

    // Twice: the second turn that waits has to wait for the same one.
    for _ in 0..2 {
        assert!(timeout(A_WHILE, f.take(third)).await.is_err(), "it still runs");
    }

    assert!(first_fate.is_gone(), "it was told to end");
    assert!(!second_fate.is_gone(), "and no other: one is enough");
    first_fate.exit();
    assert!(timeout(PATIENCE, f.take(third)).await.is_ok());
    assert!(!second_fate.is_gone());
}

#[tokio::test]
async fn one_that_broke_down_by_itself_leaves_its_room() {
    let f = Fixture::new(Limits { processes: 1, ..limits() });
    let [first, second] = sessions();
    let (_lease, fate) = f.take(first).await;

    fate.exit();

    assert!(timeout(PATIENCE, f.take(second)).await.is_ok());
}

#[tokio::test]
async fn one_that_is_idle_for_too_long_goes_and_no_other() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);
    f.pool.tidy();
    assert!(!idle.is_gone(), "not for long enough");
    let f = Fixture::new(Limits { keep_warm: Duration::from_millis(1), ..limits() });
    let (idle, short) = (f.turn(a).await, f.take(b).await);
    sleep(Duration::from_millis(5)).await;

    f.pool.tidy();

    assert!(idle.is_gone() && !short.1.is_gone());
    drop(short.0);
    sleep(Duration::from_millis(5)).await;
    f.pool.tidy();
    assert!(short.1.is_gone() && !busy.1.is_gone());
    assert!(f.pool.lock().is_empty(), "empty places are forgotten");
}

#[tokio::test]
async fn idle_ones_are_looked_at_without_being_asked() {
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
async fn one_that_is_not_to_be_kept_goes_with_its_turn() {
    let f = Fixture::new(Limits { keep_warm: Duration::ZERO, ..limits() });
    let [session] = sessions();

    assert!(f.turn(session).await.is_gone());
}

#[tokio::test]
async fn one_that_broke_down_while_it_was_idle_goes() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (broken, well) = (f.turn(a).await, f.turn(b).await);
    broken.is_broken.store(true, Ordering::Relaxed);

    f.pool.tidy();

    assert!(broken.is_gone() && !well.is_gone());
}

#[tokio::test]
async fn idle_ones_go_when_there_is_too_little_memory() {
    // Each of them counts as the whole test, so that even one is too many.
    let f = Fixture::new(Limits { memory_bytes: 1, processes: 8, ..limits() });
    let [a, b, c] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);

    let started = f.turn(c).await;

    assert!(idle.is_gone(), "for the one that was started");
    assert!(!busy.1.is_gone());
    f.pool.tidy();
    assert!(started.is_gone() && !busy.1.is_gone());
}

#[tokio::test]
async fn idle_ones_go_with_the_worker() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (idle, busy) = (f.turn(a).await, f.take(b).await);

    f.host.shut_down().await;

    assert!(idle.is_gone() && !busy.1.is_gone(), "a turn ends its own");
}

#[tokio::test]
async fn the_process_of_a_conversation_that_is_over_goes_when_it_is_idle() {
    let f = Fixture::new(limits());
    let [a, b] = sessions();
    let (other, (lease, fate)) = (f.turn(a).await, f.take(b).await);
    f.pool.forget(b);
    assert!(!fate.is_gone(), "its turn is being stopped");
    drop(lease);

    f.pool.forget(b);

    assert!(fate.is_gone() && !other.is_gone());
    f.pool.forget(SessionId::generate());
}

#[tokio::test]
async fn two_turns_of_a_conversation_never_have_it_at_once() {
    let f = Fixture::new(limits());
    let [session] = sessions();
    let (lease, _) = f.take(session).await;

    assert!(timeout(A_WHILE, f.take(session)).await.is_err());
    drop(lease);

    assert!(timeout(PATIENCE, f.take(session)).await.is_ok());
}
