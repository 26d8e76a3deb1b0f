//! Streams that are dropped at random byte positions and resume from the last cursor.

use std::time::Duration;

use banter_tests::{
    follower::FollowerOptions,
    proxy::{Proxy, Rules},
    wait::within,
};
use rand::SeedableRng as _;

use super::{Batch, batches, installation::Installation, load::Load, report::Report};

/// Number of rounds per installation.
const BATCH: u64 = 20;

/// Number of dropped connections per round.
const CUTS: u64 = 50;

/// The number of bytes after which a connection is dropped. An answer's events have about ten times as many bytes as
/// the request and the headers, so most connections are dropped in the middle of an event.
const BYTES: std::ops::Range<u64> = 1..6000;

/// Time limit for a round, which usually takes about a second.
const ROUND_LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_dropped_at_random_bytes_miss_and_repeat_nothing() {
    let report = Report::new("cut streams");
    for Batch { rounds, mut rng } in batches("cut streams", BATCH) {
        let installation = Installation::start(|builder| builder).await;
        let mut load = Load::start(&installation, &mut rng, &report).await;
        let (mut proxies, mut through) = (Vec::new(), Vec::new());
        for client in &installation.clients {
            let proxy = Proxy::start(client.address(), rng.fork()).await;
            through.push(client.at(proxy.address()));
            proxies.push(proxy);
        }
        let session = installation.session().await;
        for number in 0..3 {
            let (here, there) = (&through[number % 2], through[(number + 1) % 2].clone());
            let options =
                if number == 2 { FollowerOptions::session(here, &session) } else { FollowerOptions::user(here) };
            load.add(options.and_apis([there]).start().await);
        }
        set_rules(&proxies, &Rules { cut_one_in: 1, cut_after: BYTES, delay: Duration::ZERO });

        let cut = || proxies.iter().map(Proxy::cut).sum::<usize>() as u64;
        for round in 1..=rounds {
            // This session's stream also carries events.
            installation.clients[0].ask(&session, &format!("round {round}")).await;
            within(ROUND_LIMIT, "the round's cuts", async || (cut() >= round * CUTS).then_some(())).await;
        }
        report.add("streams cut", cut());
        set_rules(&proxies, &Rules::default());
        load.finish(&installation).await;
    }
    report.print();
}

/// Sets the rules for new connections, and drops the open ones, to which a byte limit does not apply.
fn set_rules(proxies: &[Proxy], rules: &Rules) {
    for proxy in proxies {
        proxy.set_rules(rules.clone());
        proxy.cut_all();
    }
}
