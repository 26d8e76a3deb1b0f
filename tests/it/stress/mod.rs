//! Stress tests: races, faults, and load, repeated at random moments.
//!
//! | Module | Repeated action | Guarantee |
//! |---|---|---|
//! | [`kill`] | A worker, an api, or Redis is killed | Timely takeover; no data loss; turns are answered even without Redis |
//! | [`freeze`] | A worker, an api, or Redis is frozen for a while | As for `kill`; in addition, a resumed worker changes nothing after a takeover |
//! | [`dropped_streams`] | Streams are dropped at random byte positions | No gap, no duplicate, no reordering |
//! | [`connect`] | A stream connects while events are published | Each event arrives exactly once |
//! | [`races`], [`frozen_races`] | Cancel, edit, unsend, and archive race with the claim or the end of a turn | Each task has one outcome; unsent text never reaches an agent |
//! | [`backups`] | A backup, a restore, the api, and the worker are killed | A restored database is consistent and contains a prefix of the history |
//! | [`group_commits`] | The api is killed while many clients send | Every acknowledged message is stored; no message is partially stored |
//! | [`hosts`] | Links between hosts are cut, slow, and lossy; processes are killed; hosts are lost; all processes are replaced | No lost or duplicate messages and no gaps; recovery within a minute |
//! | [`busy_session`] | Fifty messages are sent to one session | Messages are answered in the order sent, one at a time |
//! | [`rolling_restart`] | All apis and workers are restarted, one after another | No lost messages and no gaps; no task records a failure |
//! | [`relay`] | Redis is killed, is frozen, loses permissions, or closes connections; the wake-up file is removed | The next turn is as fast as usual; no hint is dropped |
//! | [`many_users`] | Thousands of streams connect at once, with a latency of 5 ms to Redis | The api subscribes to every user quickly; each stream receives its user's events |
//! | [`failover`] | PostgreSQL is killed, restarted, or frozen, or closes all connections | As for `kill`; a message is accepted and answered soon after the server is back |
//! | [`uploads`] | An upload is cut at random positions; the api is killed during uploads | An upload creates one attachment or none; no file remains without a row; acknowledged attachments are complete |
//! | [`scaling`] | Workers are added and removed | No lost messages and no gaps; no task records a failure |
//!
//! Many of these tests run under a [`load`]. At the end, they check the load's messages and streams, and the database.
//!
//! `ROUNDS` is the number of rounds: 3 by default, including in `make test`, and 200 in `make test-stress`. The rounds
//! are divided into [batches](Batch). Each batch has a separate installation and prints its seed. To replay a batch,
//! set `BANTER_TEST_SEED` and `ROUNDS` to the values that the batch printed. `RELAY=without_redis` runs without Redis.

mod backups;
mod busy_session;
mod client;
mod connect;
mod dropped_streams;
mod failover;
mod freeze;
mod frozen_races;
mod group_commits;
mod hosts;
mod installation;
mod kill;
mod load;
mod many_users;
mod races;
mod relay;
mod report;
mod rolling_restart;
mod scaling;
mod takeover;
mod turn_times;
mod uploads;

use std::{env, time::Duration};

use banter_tests::random::TestRng;
use rand::{RngExt as _, SeedableRng as _};

/// The default number of rounds.
const SHORT: u64 = 3;

/// How much later than usual an answer may arrive during an outage. The contract allows 2 s; the rest is headroom for a
/// machine that is busy with other tests. The longest delay is reported.
const ANSWER_DELAY: Duration = Duration::from_secs(2 + 18);

/// Returns the number of rounds.
fn rounds() -> u64 {
    env::var("ROUNDS").map_or(SHORT, |text| text.parse().unwrap_or_else(|_| panic!("ROUNDS is not a number: {text:?}")))
}

/// Returns whether this is the short run, which is part of `make test`.
fn is_short() -> bool {
    rounds() <= SHORT
}

/// The rounds of a test that share an installation.
struct Batch {
    rounds: u64,
    rng: TestRng,
}

/// Splits a test's rounds into batches of at most `most` rounds, so that one page can list all of the sessions and
/// messages in an installation.
fn batches(test: &'static str, most: u64) -> impl Iterator<Item = Batch> {
    let first = env::var("BANTER_TEST_SEED").map_or_else(
        |_| uuid::Uuid::new_v4().as_u64_pair().0 >> 32,
        |text| text.parse().expect("the seed must be a number"),
    );
    let total = rounds();
    (0..total.div_ceil(most)).map(move |number| {
        let (seed, rounds) = (first.wrapping_add(number), most.min(total - number * most));
        println!("stress: {test}: BANTER_TEST_SEED={seed} ROUNDS={rounds}");
        Batch { rounds, rng: TestRng::seed_from_u64(seed) }
    })
}

/// Sleeps for a random duration of up to `longest`.
async fn sleep_up_to(rng: &mut TestRng, longest: Duration) {
    tokio::time::sleep(rng.random_range(Duration::ZERO..longest)).await;
}
