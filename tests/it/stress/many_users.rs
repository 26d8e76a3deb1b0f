//! Thousands of users whose streams connect at the same time, with high latency to Redis.

use std::time::{Duration, Instant};

use banter_tests::{
    client::Client,
    proxy::{Proxy, Rules},
    redis::Redis,
    sse::{EventStream, USER_EVENTS},
    wait::within,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::{
    Batch, batches,
    installation::{Installation, has_redis},
    is_short,
    report::Report,
};

/// Number of rounds per installation.
const BATCH: u64 = 20;

/// Number of users who connect at the same time. The short run uses a tenth of this number.
const USERS: usize = 3000;

/// One-way latency to Redis.
const DISTANCE: Duration = Duration::from_millis(5);

/// Number of users per round whose events the test waits for.
const SAMPLE: usize = 20;

/// Time limit for all subscriptions on a machine that is busy with other tests. The longest time is reported.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_users_who_connect_at_once_are_subscribed_and_receive_their_events() {
    if !has_redis() {
        return println!("SKIPPED: requires Redis");
    }
    let report = Report::new("many users");
    for Batch { rounds, mut rng } in batches("many users", BATCH) {
        let redis = Redis::start().await;
        let proxy = Proxy::start(&redis.address(), rng.fork()).await;
        proxy.set_rules(Rules { delay: DISTANCE, ..Rules::default() });
        let url = format!("redis://{}", proxy.address());
        let change = |builder: banter_tests::app::Builder| builder.workers(1).on_redis(redis).env("REDIS_URL", &url);
        let installation = Installation::start(change).await;
        let count = if is_short() { USERS / 10 } else { USERS };
        for round in 0..rounds {
            // Uses new users, because the previous users' streams may still be closing, in which case their
            // subscriptions still exist.
            let users = (0..count).map(|number| format!("user{round}-{number}"));
            let keys = installation.app.create_keys(users).await;
            let here = installation.clients[0].clone();
            let began = Instant::now();
            let connecting = keys.iter().map(|key| connect(here.with_key(key)));
            let mut streams = futures::future::join_all(connecting).await;
            report.time("until all have connected", began.elapsed());
            report.add("streams", streams.len() as u64);

            let connected_at = Instant::now();
            within(SUBSCRIBED_WITHIN, "all users are subscribed", async || {
                (here.metric("banter_relay_pending_subscriptions").await == 0).then_some(())
            })
            .await;
            report.time("until all are subscribed", connected_at.elapsed());

            for _ in 0..SAMPLE {
                let user = rng.random_range(0..keys.len());
                let there = installation.clients[1].with_key(&keys[user]);
                let began = Instant::now();
                there.post("/v1/chat", &json!({"agent_key": "scripted"})).await.ok(201);
                streams[user].expect("session.created").await;
                report.time("event from the other api", began.elapsed());
                report.count("events");
            }
        }
        for client in &installation.clients {
            assert_eq!(client.metric("banter_relay_dropped_hints_total").await, 0);
            report.add("signals that an api missed", client.metric("banter_relay_lagged_signals_total").await);
        }
        installation.app.check().await;
    }
    report.print();
}

async fn connect(client: Client) -> EventStream {
    let mut stream = client.events(USER_EVENTS).await;
    stream.expect("hello").await;
    stream
}
