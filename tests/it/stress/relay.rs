//! Disruptions to the relay. The first turn afterward is as fast as usual, and no hint is lost.

use std::time::{Duration, Instant};

use banter_tests::{process::Signal, random::TestRng, redis::Redis, wait::within};
use rand::RngExt as _;

use super::{
    Batch, batches,
    installation::{Installation, has_redis},
    report::Report,
    sleep_up_to,
    turn_times::TurnTimes,
};

/// Number of rounds per installation.
const BATCH: u64 = 40;

/// The longest outage.
const MAX_OUTAGE: Duration = Duration::from_secs(3);

/// Time after which every process must have recovered.
const RECOVERY: Duration = Duration::from_secs(2);

/// Time limit for recovery on a machine that is busy with other tests. The longest time is reported.
const RECOVERY_LIMIT: Duration = Duration::from_secs(20);

/// A disruption to Redis.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Killed,
    Frozen,
    NormalClientsClosed,
    SubscribersClosed,
    IdleTimeout,
    PublishDenied,
    ChannelsDenied,
}

use Disturbance::{ChannelsDenied, Frozen, IdleTimeout, Killed, NormalClientsClosed, PublishDenied, SubscribersClosed};

impl Disturbance {
    const ALL: [Self; 7] =
        [Killed, Frozen, NormalClientsClosed, SubscribersClosed, IdleTimeout, PublishDenied, ChannelsDenied];

    const fn name(self) -> &'static str {
        match self {
            Killed => "turn after Redis was killed",
            Frozen => "turn after Redis was frozen",
            NormalClientsClosed => "turn after CLIENT KILL TYPE normal",
            SubscribersClosed => "turn after CLIENT KILL TYPE pubsub",
            IdleTimeout => "turn after an idle time-out",
            PublishDenied => "turn after a denied PUBLISH",
            ChannelsDenied => "turn after denied channels",
        }
    }

    /// Returns whether the disruption includes an outage. If so, processes may take [`RECOVERY`] to recover; otherwise,
    /// the very next turn must be fast.
    const fn is_outage(self) -> bool {
        match self {
            Killed | Frozen | PublishDenied | ChannelsDenied => true,
            NormalClientsClosed | SubscribersClosed | IdleTimeout => false,
        }
    }

    async fn apply(self, redis: &mut Redis, rng: &mut TestRng) {
        match self {
            Killed => {
                redis.kill();
                sleep_up_to(rng, MAX_OUTAGE).await;
                redis.restart().await;
                allow(redis);
            }
            Frozen => {
                redis.signal(Signal::Freeze);
                sleep_up_to(rng, MAX_OUTAGE).await;
                redis.signal(Signal::Resume);
            }
            NormalClientsClosed => drop(redis.run(&["CLIENT", "KILL", "TYPE", "normal"])),
            SubscribersClosed => drop(redis.run(&["CLIENT", "KILL", "TYPE", "pubsub"])),
            IdleTimeout => {
                redis.run(&["CONFIG", "SET", "timeout", "1"]);
                sleep_up_to(rng, MAX_OUTAGE).await;
                redis.run(&["CONFIG", "SET", "timeout", "0"]);
            }
            PublishDenied => {
                redis.run(&["ACL", "SETUSER", "relay", "-publish"]);
                sleep_up_to(rng, MAX_OUTAGE).await;
                allow(redis);
            }
            ChannelsDenied => {
                redis.run(&["ACL", "SETUSER", "relay", "resetchannels"]);
                sleep_up_to(rng, MAX_OUTAGE).await;
                allow(redis);
            }
        }
    }
}

/// Grants the documented permissions to the processes' Redis user. Restarting Redis discards them.
fn allow(redis: &Redis) {
    let user = ["ACL", "SETUSER", "relay", "on", ">secret", "resetchannels", "&banter:*", "-@all"];
    redis.run(&[&user[..], &["+publish", "+subscribe", "+unsubscribe", "+ping"]].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_turn_after_a_redis_disruption_is_as_fast_as_usual() {
    if !has_redis() {
        return println!("SKIPPED: requires Redis");
    }
    let report = Report::new("disturbed Redis");
    for Batch { rounds, mut rng } in batches("disturbed Redis", BATCH) {
        let redis = Redis::start().await;
        allow(&redis);
        let url = redis.url_of("relay:secret@");
        let mut installation = Installation::start(|builder| builder.on_redis(redis).env("REDIS_URL", &url)).await;
        until_recovered(&installation).await;
        let mut turns = TurnTimes::measure(&installation, &report).await;
        let first = rng.random_range(0..Disturbance::ALL.len());
        for round in 0..usize::try_from(rounds).unwrap() {
            let disturbance = Disturbance::ALL[(first + round) % Disturbance::ALL.len()];

            disturbance.apply(installation.app.redis(), &mut rng).await;
            let returned_at = Instant::now();

            if disturbance.is_outage() {
                until_recovered(&installation).await;
                report.time("recovery of the apis", returned_at.elapsed());
                // Workers have no readiness endpoint, so the test waits for as long as their recovery may take.
                tokio::time::sleep(RECOVERY.saturating_sub(returned_at.elapsed())).await;
            }
            let dropped = turns.dropped_hints().await;
            turns.take(rng.random_range(0..2), disturbance.name()).await;
            assert_eq!(turns.dropped_hints().await, dropped, "{disturbance:?}: a hint was dropped");
            until_recovered(&installation).await;
            report.count("disturbances");
        }
        turns.check(rounds);
        installation.app.check().await;
    }
    report.print();
}

/// Waits until the relay works in both directions for every api and no subscription is pending.
async fn until_recovered(installation: &Installation) {
    for client in &installation.clients {
        within(RECOVERY_LIMIT, "the relay works", async || {
            // `/readyz` checks a write, which may take more than a second on a machine that is busy with other tests.
            let reply = client.get("/readyz").await;
            let ready = (reply.status == 200).then(|| reply.json())?;
            (ready["checks"]["relay"] == "ok" && ready["relay"]["pending_subscriptions"] == 0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_the_wake_up_file_before_a_worker_restarts_delays_no_turn() {
    let report = Report::new("removed wake-up file");
    for Batch { rounds, mut rng } in batches("removed wake-up file", BATCH) {
        // With only one worker, the turn depends on the restarted one.
        let mut installation = Installation::start(|builder| builder.embedded().workers(1)).await;
        let mut turns = TurnTimes::measure(&installation, &report).await;
        let mut file = installation.app.database_file().into_os_string();
        file.push("-wake");
        for _ in 0..rounds {
            match rng.random_range(0..3) {
                0 => std::fs::remove_file(&file).unwrap(),
                1 => std::fs::rename(&file, installation.app.folder().join("moved")).unwrap(),
                _ => {
                    let other = installation.app.folder().join("other");
                    std::fs::write(&other, "").unwrap();
                    std::fs::rename(other, &file).unwrap();
                }
            }
            sleep_up_to(&mut rng, Duration::from_millis(50)).await;
            installation.app.replace_worker(0);
            within(RECOVERY_LIMIT, "the worker is ready", async || {
                installation.app.worker(0).stderr().contains(" ready").then_some(())
            })
            .await;

            turns.take(rng.random_range(0..2), "turn after the restart").await;
            report.count("files removed or replaced");
        }
        assert_eq!(turns.dropped_hints().await, 0);
        until_recovered(&installation).await;
        turns.check(rounds);
        installation.app.check().await;
    }
    report.print();
}
