//! Repeated rolling restarts of every process, under load.

use std::time::{Duration, Instant};

use banter_tests::app::STOP_LIMIT;

use super::{Batch, batches, crowd::Crowd, installation::Installation, tally::Tally};

/// Rounds per installation.
const BATCH: u64 = 10;

/// The longest delay before each word of an answer. Some answers take longer than the grace period (1 s) and are handed
/// back.
const SLOWNESS: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_no_send_and_counts_no_failure() {
    let tally = Tally::of("rolling restart");
    for Batch { rounds, mut dice } in batches("rolling restart", BATCH) {
        let mut place = Installation::start(|builder| builder).await;
        let crowd = Crowd::gather_slow(&place, &mut dice, &tally, SLOWNESS).await;
        for _ in 0..rounds {
            for index in 0..2 {
                let began = Instant::now();
                place.app.api(index).process.stop(STOP_LIMIT).await;
                tally.time("stop of an api", began.elapsed());
                place.app.revive_api(index).await;
                tally.count("apis restarted");
            }
            for index in 0..2 {
                let began = Instant::now();
                place.app.worker(index).stop(STOP_LIMIT).await;
                tally.time("stop of a worker", began.elapsed());
                place.app.replace_worker(index);
                tally.count("workers restarted");
            }
        }
        let told = |watch: &banter_tests::watch::Watch| watch.events().iter().any(|it| it.kind == "server.draining");
        assert!(crowd.watches().iter().all(told), "every stream was notified before it was closed");
        crowd.part(&place).await;
        assert_eq!(tally.get("failures counted"), 0, "a hand-back does not count as a failure");
    }
    tally.print();
}
