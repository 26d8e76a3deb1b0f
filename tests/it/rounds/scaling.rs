//! Workers are added and removed under load; at times there are none.

use std::time::Duration;

use super::{Batch, a_moment, batches, crowd::Crowd, installation::Installation, tally::Tally};

/// Rounds per installation.
const BATCH: u64 = 20;

/// Number of changes per round.
const CHANGES: usize = 3;

/// The maximum number of workers.
const MOST: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_and_removing_workers_is_not_noticed_by_clients() {
    let tally = Tally::of("coming and going workers");
    for Batch { rounds, mut dice } in batches("coming and going workers", BATCH) {
        let mut place = Installation::start(|builder| builder).await;
        let crowd = Crowd::gather(&place, &mut dice, &tally).await;
        for _ in 0..rounds {
            for _ in 0..CHANGES {
                a_moment(&mut dice, Duration::from_millis(800)).await;
                let count = place.app.workers();
                if count == 0 || count < MOST && dice.below(2) == 0 {
                    place.app.add_worker();
                    tally.count("workers added");
                } else {
                    let index = dice.index(count);
                    place.app.remove_worker(index).await;
                    tally.count("workers removed");
                    tally.add("moments without any worker", u64::from(count == 1));
                }
            }
        }
        if place.app.workers() == 0 {
            place.app.add_worker();
        }
        crowd.part(&place).await;
        assert_eq!(tally.get("failures counted"), 0, "a hand-back does not count as a failure");
    }
    tally.print();
}
