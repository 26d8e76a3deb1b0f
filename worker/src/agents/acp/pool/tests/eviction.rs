//! Tests of the termination of idle processes.

use super::*;

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
