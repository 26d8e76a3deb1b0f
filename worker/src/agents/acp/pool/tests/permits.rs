//! Tests of turns that wait for a permit or for their conversation's slot.

use super::*;

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

    // One process becomes idle, and the other one is discarded.
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

    // Try twice, because the second waiting turn must also wait for this process instead of terminating another one.
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
async fn serializes_the_turns_of_a_conversation() {
    let f = Fixture::new(limits());
    let [session] = sessions();
    let (slot, _) = f.take(session).await;

    assert!(timeout(QUIET_PERIOD, f.take(session)).await.is_err());
    drop(slot);

    assert!(timeout(TIMEOUT, f.take(session)).await.is_ok());
}
