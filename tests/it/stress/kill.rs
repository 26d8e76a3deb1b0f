//! A worker, an api, or Redis is killed (`kill -9`) at a random time, under load.

use std::time::{Duration, Instant};

use banter_tests::sse::USER_EVENTS;
use rand::RngExt as _;

use super::{
    ANSWER_DELAY, Batch, batches,
    installation::{Installation, has_redis},
    load::Load,
    report::Report,
    sleep_up_to,
    takeover::{TAKEOVER, answer_time, running_turns, wait_until_continued},
};

/// Number of rounds per installation.
const BATCH: u64 = 20;

/// The latest time within a round at which a process is killed.
const MAX_DELAY: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_of_killed_workers_continue_elsewhere_in_time() {
    let report = Report::new("killed workers");
    for Batch { rounds, mut rng } in batches("killed workers", BATCH) {
        let mut installation = Installation::start_with_short_lease(|builder| builder).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        for _ in 0..rounds {
            sleep_up_to(&mut rng, MAX_DELAY).await;
            let (target, is_replaced_first) = (rng.random_range(0..2), rng.random_ratio(1, 2));
            let turns = running_turns(&installation.clients[0]).await;

            installation.app.worker(target).kill();

            let killed = Instant::now();
            report.count("workers killed");
            if is_replaced_first {
                installation.app.replace_worker(target);
            }
            wait_until_continued(&installation.clients[0], &turns, killed, TAKEOVER, &report).await;
            if !is_replaced_first {
                installation.app.replace_worker(target);
            }
        }
        load.finish(&installation).await;
    }
    report.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_killed_apis_resume_where_they_left_off() {
    let report = Report::new("killed apis");
    for Batch { rounds, mut rng } in batches("killed apis", BATCH) {
        let mut installation = Installation::start(|builder| builder).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        for _ in 0..rounds {
            sleep_up_to(&mut rng, MAX_DELAY).await;
            let target = rng.random_range(0..2);

            installation.app.api(target).process.kill();

            report.count("apis killed");
            sleep_up_to(&mut rng, Duration::from_secs(1)).await;
            installation.app.revive_api(target).await;
        }
        load.finish(&installation).await;
    }
    report.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_hardly_delays_answers() {
    if !has_redis() {
        return println!("SKIPPED: requires Redis");
    }
    let report = Report::new("killed Redis");
    for Batch { rounds, mut rng } in batches("killed Redis", BATCH) {
        let mut installation = Installation::start(|builder| builder).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        let session = installation.session().await;
        let mut stream = installation.clients[1].events(USER_EVENTS).await;
        let usual = answer_time(&installation.clients[0], &mut stream, &session, "usual").await;
        for round in 0..rounds {
            sleep_up_to(&mut rng, MAX_DELAY).await;

            installation.app.redis().kill();

            report.count("times that Redis was killed");
            sleep_up_to(&mut rng, MAX_DELAY).await;
            let away = answer_time(&installation.clients[0], &mut stream, &session, &format!("away {round}")).await;
            assert!(away < 3 * usual + ANSWER_DELAY, "{away:?} without Redis, {usual:?} with it");
            report.time("answer without Redis", away);
            sleep_up_to(&mut rng, MAX_DELAY).await;
            installation.app.redis().restart().await;
            let back = answer_time(&installation.clients[0], &mut stream, &session, &format!("back {round}")).await;
            assert!(back < 3 * usual + ANSWER_DELAY, "{back:?} once Redis is back, {usual:?} before");
            report.time("answer right after its return", back);
        }
        assert!(load.followers().iter().all(|follower| follower.cuts() == 0), "an outage of Redis drops no stream");
        load.finish(&installation).await;
    }
    report.print();
}
