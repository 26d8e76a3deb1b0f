//! `kill -9` of a worker, an api, or Redis at a random moment, under load.

use std::time::{Duration, Instant};

use banter_tests::sse::USER_EVENTS;

use super::{
    ANSWER_DELAY, Batch, a_moment, batches,
    crowd::Crowd,
    installation::{Installation, has_redis},
    takeover::{TAKEOVER, answer_time, running_turns, until_all_go_on},
    tally::Tally,
};

/// Rounds per installation.
const BATCH: u64 = 20;

/// The latest time of a kill.
const SOON: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_of_killed_workers_continue_elsewhere_in_time() {
    let tally = Tally::of("killed workers");
    for Batch { rounds, mut dice } in batches("killed workers", BATCH) {
        let mut place = Installation::start_with_short_lease(|builder| builder).await;
        let crowd = Crowd::gather(&place, &mut dice, &tally).await;
        for _ in 0..rounds {
            a_moment(&mut dice, SOON).await;
            let (victim, is_replaced_first) = (dice.index(2), dice.below(2) == 0);
            let turns = running_turns(&place.clients[0]).await;

            place.app.worker(victim).kill();

            let killed = Instant::now();
            tally.count("workers killed");
            if is_replaced_first {
                place.app.replace_worker(victim);
            }
            until_all_go_on(&place.clients[0], &turns, killed, TAKEOVER, &tally).await;
            if !is_replaced_first {
                place.app.replace_worker(victim);
            }
        }
        crowd.part(&place).await;
    }
    tally.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_killed_apis_resume_where_they_were() {
    let tally = Tally::of("killed apis");
    for Batch { rounds, mut dice } in batches("killed apis", BATCH) {
        let mut place = Installation::start(|builder| builder).await;
        let crowd = Crowd::gather(&place, &mut dice, &tally).await;
        for _ in 0..rounds {
            a_moment(&mut dice, SOON).await;
            let victim = dice.index(2);

            place.app.api(victim).process.kill();

            tally.count("apis killed");
            a_moment(&mut dice, Duration::from_secs(1)).await;
            place.app.revive_api(victim).await;
        }
        crowd.part(&place).await;
    }
    tally.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_hardly_delays_answers() {
    if !has_redis() {
        return println!("SKIPPED: there is no Redis to be killed");
    }
    let tally = Tally::of("killed Redis");
    for Batch { rounds, mut dice } in batches("killed Redis", BATCH) {
        let mut place = Installation::start(|builder| builder).await;
        let crowd = Crowd::gather(&place, &mut dice, &tally).await;
        let session = place.session().await;
        let mut stream = place.clients[1].events(USER_EVENTS).await;
        let usual = answer_time(&place.clients[0], &mut stream, &session, "usual").await;
        for round in 0..rounds {
            a_moment(&mut dice, SOON).await;

            place.app.redis().kill();

            tally.count("times that Redis was killed");
            a_moment(&mut dice, SOON).await;
            let away = answer_time(&place.clients[0], &mut stream, &session, &format!("away {round}")).await;
            assert!(away < 3 * usual + ANSWER_DELAY, "{away:?} without Redis, {usual:?} with it");
            tally.time("answer without Redis", away);
            a_moment(&mut dice, SOON).await;
            place.app.redis().restart().await;
            let back = answer_time(&place.clients[0], &mut stream, &session, &format!("back {round}")).await;
            assert!(back < 3 * usual + ANSWER_DELAY, "{back:?} once Redis is back, {usual:?} before");
            tally.time("answer right after its return", back);
        }
        assert!(crowd.watches().iter().all(|watch| watch.connections() == 1), "Redis is no reason to cut a stream");
        crowd.part(&place).await;
    }
    tally.print();
}
