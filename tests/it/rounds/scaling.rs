//! Workers come and go while people chat; for moments there may be none at all.

use std::time::Duration;

use super::{Batch, a_moment, batches, crowd::Crowd, installation::Installation, tally::Tally};

/// Rounds in one installation.
const BATCH: u64 = 20;

/// Changes of one round.
const CHANGES: usize = 3;

/// The most workers at one time.
const MOST: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_come_and_go_and_nobody_who_chats_notices() {
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
        assert_eq!(tally.get("failures counted"), 0, "who goes hands back what it has, which is no failure");
    }
    tally.print();
}
