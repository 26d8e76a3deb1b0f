//! Proofs under faults and load: the same thing, many times over, at moments that dice choose.
//!
//! | module | what is done again and again | what must hold |
//! |---|---|---|
//! | [`killed`] | a worker, an api, Redis is killed | takeover in time; nothing lost; answers without Redis |
//! | [`frozen`] | one of them is frozen for a while | the same, and the late one changes nothing |
//! | [`cuts`] | streams are cut at random bytes | no gap, no double, no inversion |
//! | [`connects`] | a stream connects while events are published | each event exactly once |
//! | [`orderings`], [`frozen_orderings`] | stop, edit, unsend, archive race with the claim and the end | one outcome; what was taken back is never seen |
//! | [`backups`] | a backup, a restore, and the load are killed | a prefix of the history; nothing mixed |
//! | [`busy`] | fifty messages to one session | answered in the order sent, one at a time |
//! | [`rolling`] | every process is restarted in turn | no lost send, no gap, no failure counted |
//! | [`relay`] | Redis is killed, frozen, restricted, or closes connections; the wake-up file is removed | the next turn is as fast as ever; no hint is dropped |
//! | [`many_users`] | thousands of streams connect at once, with Redis 5 ms away | all are subscribed at once; each gets its events |
//! | [`scaling`] | workers come and go | the same |
//!
//! Most run while a [`crowd`] of people chats, whose every message and stream is judged at the end, and the database with them.
//!
//! `ROUNDS` says how many: 3 unless set, for every run of the tests; `make test-rounds` does 200. The rounds come in
//! [batches](Batch), each with an installation of its own and a seed that is printed; `BANTER_TEST_SEED` with the
//! batch's `ROUNDS` replays it. `RELAY=without_redis` leaves Redis out.

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

/// The rounds of every run of the tests.
const SHORT: u64 = 3;

/// How much later than usual an answer may come while something is away: 2 s; the rest is for a machine that is busy
/// with other tests. The longest is told.
const ANSWER_DELAY: Duration = Duration::from_secs(2 + 18);

/// How many rounds are wanted.
fn rounds() -> u64 {
    env::var("ROUNDS").map_or(SHORT, |text| text.parse().unwrap_or_else(|_| panic!("ROUNDS is no number: {text:?}")))
}

/// Whether this is the form for every run of the tests, in which nothing may take long.
fn is_short() -> bool {
    rounds() <= SHORT
}

/// So many rounds of a test in one installation.
struct Batch {
    rounds: u64,
    dice: Dice,
}

/// All rounds of a test. A batch is no longer than `most`, so that one page still shows all sessions and messages.
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

/// Waits for a time that dice choose, up to `longest`.
async fn a_moment(dice: &mut Dice, longest: Duration) {
    tokio::time::sleep(dice.time_below(longest)).await;
}
