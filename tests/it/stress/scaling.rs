//! Workers are added and removed under load. At times, there are no workers.

use std::time::Duration;

use super::{Batch, batches, installation::Installation, load::Load, report::Report, sleep_up_to};
use rand::RngExt as _;

/// Number of rounds per installation.
const BATCH: u64 = 20;

/// Number of workers added or removed per round.
const CHANGES: usize = 3;

/// Maximum number of workers.
const MOST: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_do_not_notice_added_or_removed_workers() {
    let report = Report::new("coming and going workers");
    for Batch { rounds, mut rng } in batches("coming and going workers", BATCH) {
        let mut installation = Installation::start(|builder| builder).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        for _ in 0..rounds {
            for _ in 0..CHANGES {
                sleep_up_to(&mut rng, Duration::from_millis(800)).await;
                let count = installation.app.workers();
                if count == 0 || count < MOST && rng.random_ratio(1, 2) {
                    installation.app.add_worker();
                    report.count("workers added");
                } else {
                    let index = rng.random_range(0..count);
                    installation.app.remove_worker(index).await;
                    report.count("workers removed");
                    report.add("moments without any worker", u64::from(count == 1));
                }
            }
        }
        if installation.app.workers() == 0 {
            installation.app.add_worker();
        }
        load.finish(&installation).await;
        assert_eq!(report.get("failures counted"), 0, "a hand-back does not count as a failure");
    }
    report.print();
}
