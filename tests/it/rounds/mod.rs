//! Stress tests: races, faults, and load, repeated at random moments.
//!
//! | Module | Repeated action | Guarantee |
//! |---|---|---|
//! | [`killed`] | A worker, an api, or Redis is killed | Takeover in time; nothing lost; answers without Redis |
//! | [`frozen`] | One of them is frozen for a while | The same, and the late one changes nothing |
//! | [`cuts`] | Streams are dropped at random bytes | No gap, no duplicate, no reordering |
//! | [`connects`] | A stream connects while events are published | Each event exactly once |
//! | [`orderings`], [`frozen_orderings`] | Cancel, edit, unsend, and archive race with the claim and the end | One outcome; unsent text never reaches an agent |
//! | [`backups`] | A backup, a restore, and the load are killed | A prefix of the history; nothing mixed |
//! | [`busy`] | Fifty messages are sent to one session | Answered in the order sent, one at a time |
//! | [`rolling`] | Every process is restarted in turn | No lost send, no gap, no failure counted |
//! | [`relay`] | Redis is killed, frozen, restricted, or closes connections; the wake-up file is removed | The next turn is as fast as usual; no hint is dropped |
//! | [`many_users`] | Thousands of streams connect at once, with Redis 5 ms away | All are subscribed at once; each receives its events |
//! | [`scaling`] | Workers are added and removed | The same as for [`rolling`] |
//!
//! Most run under the load of a [`crowd`], whose messages and streams are all checked at the end, and the database with
//! them.
//!
//! `ROUNDS` is the number of rounds: 3 by default, as in every test run; `make test-rounds` runs 200. The rounds come
//! in [batches](Batch), each with its own installation and a seed that is printed; `BANTER_TEST_SEED` with the batch's
//! `ROUNDS` replays it. `RELAY=without_redis` runs without Redis.

mod backups;
mod busy;
mod connects;
mod crowd;
mod cuts;
mod frozen;
mod frozen_orderings;
mod installation;
mod killed;
mod many_users;
mod orderings;
mod person;
mod relay;
mod rolling;
mod scaling;
mod takeover;
mod tally;
mod turns;

use std::{env, time::Duration};

use banter_tests::dice::Dice;

/// The default number of rounds.
const SHORT: u64 = 3;

/// How much later than usual an answer may arrive during an outage: 2 s; the rest is a margin for a machine that is
/// busy with other tests. The longest delay is reported.
const ANSWER_DELAY: Duration = Duration::from_secs(2 + 18);

/// Returns the number of rounds.
fn rounds() -> u64 {
    env::var("ROUNDS").map_or(SHORT, |text| text.parse().unwrap_or_else(|_| panic!("ROUNDS is no number: {text:?}")))
}

/// Returns whether this is the short run that is part of every test run.
fn is_short() -> bool {
    rounds() <= SHORT
}

/// The rounds of a test in one installation.
struct Batch {
    rounds: u64,
    dice: Dice,
}

/// Splits the rounds of a test into batches of at most `most`, so that one page lists all sessions and messages.
fn batches(test: &'static str, most: u64) -> impl Iterator<Item = Batch> {
    let first = env::var("BANTER_TEST_SEED")
        .map_or_else(|_| uuid::Uuid::new_v4().as_u64_pair().0 >> 32, |text| text.parse().expect("a seed is a number"));
    let total = rounds();
    (0..total.div_ceil(most)).map(move |number| {
        let (seed, rounds) = (first.wrapping_add(number), most.min(total - number * most));
        println!("rounds: {test}: BANTER_TEST_SEED={seed} ROUNDS={rounds}");
        Batch { rounds, dice: Dice::new(seed) }
    })
}

/// Sleeps for a random time up to `longest`.
async fn a_moment(dice: &mut Dice, longest: Duration) {
    tokio::time::sleep(dice.time_below(longest)).await;
}
