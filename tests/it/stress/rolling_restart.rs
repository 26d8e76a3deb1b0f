//! Repeated rolling restarts of all apis and workers, under load.

use std::time::{Duration, Instant};

use banter_tests::app::STOP_LIMIT;

use super::{
    Batch, batches,
    installation::Installation,
    load::{Load, LoadOptions},
    report::Report,
};

/// Number of rounds per installation.
const BATCH: u64 = 10;

/// The longest delay before each word of an answer. Some answers take longer than the grace period (1 s), in which case
/// the turn is handed back.
const WORD_DELAY: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_no_send_and_counts_no_failure() {
    let report = Report::new("rolling restart");
    for Batch { rounds, mut rng } in batches("rolling restart", BATCH) {
        let mut installation = Installation::start(|builder| builder).await;
        let options = LoadOptions { word_delay: WORD_DELAY, ..LoadOptions::default() };
        let load = Load::start_with(&installation, &mut rng, &report, options).await;
        for _ in 0..rounds {
            for index in 0..2 {
                let began = Instant::now();
                installation.app.api(index).process.stop(STOP_LIMIT).await;
                report.time("stop of an api", began.elapsed());
                installation.app.revive_api(index).await;
                report.count("apis restarted");
            }
            for index in 0..2 {
                let began = Instant::now();
                installation.app.worker(index).stop(STOP_LIMIT).await;
                report.time("stop of a worker", began.elapsed());
                installation.app.replace_worker(index);
                report.count("workers restarted");
            }
        }
        let told = |follower: &banter_tests::follower::Follower| {
            follower.events().iter().any(|it| it.kind == "server.draining")
        };
        assert!(load.followers().iter().all(told), "every stream was notified before it was closed");
        load.finish(&installation).await;
        assert_eq!(report.get("failures counted"), 0, "a hand-back does not count as a failure");
    }
    report.print();
}
