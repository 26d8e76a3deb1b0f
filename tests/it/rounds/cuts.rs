//! Streams that are cut at random bytes, and go on with the last cursor.

use std::time::Duration;

use banter_tests::{
    proxy::{Proxy, Rules},
    wait::within,
    watch::Options,
};

use super::{Batch, batches, crowd::Crowd, installation::Installation, tally::Tally};

/// Rounds in one installation.
const BATCH: u64 = 20;

/// Cuts of one round.
const CUTS: u64 = 50;

/// Some cuts hit the request or the headers, most a frame: an answer's events have about ten times as many bytes.
const BYTES: std::ops::Range<u64> = 1..6000;

/// A round takes about a second.
const ROUND_LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_cut_at_random_bytes_miss_nothing_and_get_nothing_twice() {
    let tally = Tally::of("cut streams");
    for Batch { rounds, mut dice } in batches("cut streams", BATCH) {
        let place = Installation::start(|builder| builder).await;
        let mut crowd = Crowd::gather(&place, &mut dice, &tally).await;
        let (mut proxies, mut through) = (Vec::new(), Vec::new());
        for client in &place.clients {
            let proxy = Proxy::start(client.address(), dice.split()).await;
            through.push(client.at(proxy.address()));
            proxies.push(proxy);
        }
        let session = place.session().await;
        for number in 0..3 {
            let (here, there) = (&through[number % 2], through[(number + 1) % 2].clone());
            let options = if number == 2 { Options::session(here, &session) } else { Options::user(here) };
            crowd.add(options.and_apis([there]).start().await);
        }
        set_rules(&proxies, &Rules { cut_one_in: 1, cut_after: BYTES, delay: Duration::ZERO });

        let cut = || proxies.iter().map(Proxy::cut).sum::<usize>() as u64;
        for round in 1..=rounds {
            // The stream of this session has something to carry, too.
            place.clients[0].ask(&session, &format!("round {round}")).await;
            within(ROUND_LIMIT, "the round's cuts", async || (cut() >= round * CUTS).then_some(())).await;
        }
        tally.add("streams cut", cut());
        set_rules(&proxies, &Rules::default());
        crowd.part(&place).await;
    }
    tally.print();
}

/// For every connection from now on, and none stays open.
fn set_rules(proxies: &[Proxy], rules: &Rules) {
    for proxy in proxies {
        proxy.set_rules(rules.clone());
        proxy.cut_all();
    }
}
