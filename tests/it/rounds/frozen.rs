//! SIGSTOP of a worker, an api, or Redis at a random moment for a while, then SIGCONT, under load.
//!
//! A process may be frozen inside a write transaction and hold the database's only write lock. All others then wait
//! until it resumes, and requests return 503 `store_busy`; those rounds are counted.

use std::time::{Duration, Instant};

use banter_tests::{
    dice::Dice,
    process::Signal,
    sse::{EventStream, USER_EVENTS},
};

use super::{
    ANSWER_DELAY, Batch, a_moment, batches,
    crowd::Crowd,
    installation::{Installation, has_redis},
    is_short,
    takeover::{TAKEOVER, answer_time, running_turns, until_all_go_on},
    tally::Tally,
};

/// Rounds per installation.
const BATCH: u64 = 10;

/// The latest start of a freeze.
const SOON: Duration = Duration::from_secs(1);

/// Duration of a freeze: 1 to 30 s, more often short than long; in the short run 1 to 4 s.
fn draw_frost(dice: &mut Dice) -> Duration {
    if is_short() {
        return Duration::from_secs(1) + dice.time_below(Duration::from_secs(3));
    }
    let upper = dice.time_below(Duration::from_secs(29));
    Duration::from_secs(1) + dice.time_below(upper.max(Duration::from_millis(1)))
}

/// Sends while a process is frozen and expects an answer in time.
struct Asker {
    session: String,
    stream: EventStream,
    usual: Duration,
    asked: u64,
}

impl Asker {
    async fn start(place: &Installation) -> Self {
        let (session, stream) = (place.session().await, place.clients[1].events(USER_EVENTS).await);
        let mut asker = Self { session, stream, usual: Duration::ZERO, asked: 0 };
        asker.usual = asker.ask(place).await;
        asker
    }

    async fn ask(&mut self, place: &Installation) -> Duration {
        self.asked += 1;
        let text = format!("question {}", self.asked);
        answer_time(&place.clients[0], &mut self.stream, &self.session, &text).await
    }

    async fn must_be_answered(&mut self, place: &Installation, tally: &Tally) {
        let (time, usual) = (self.ask(place).await, self.usual);
        assert!(time < 3 * usual + ANSWER_DELAY, "{time:?}, and {usual:?} before");
        tally.time("answer meanwhile", time);
    }
}

/// Sleeps until this long after a moment.
async fn until(since: Instant, lasting: Duration) {
    tokio::time::sleep(lasting.saturating_sub(since.elapsed())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_of_frozen_workers_continue_elsewhere_in_time() {
    let tally = Tally::of("frozen workers");
    for Batch { rounds, mut dice } in batches("frozen workers", BATCH) {
        let mut place = Installation::start_with_short_lease(|builder| builder).await;
        let crowd = Crowd::gather(&place, &mut dice, &tally).await;
        let client = place.clients[0].clone();
        for _ in 0..rounds {
            a_moment(&mut dice, SOON).await;
            let (victim, frost) = (dice.index(2), draw_frost(&mut dice));
            let turns = running_turns(&client).await;

            place.app.worker(victim).signal(Signal::Freeze);

            let since = Instant::now();
            tally.count("workers frozen");
            tally.time("frost", frost);
            let is_held = place.app.is_store_held().await;
            tally.add("of them inside a write transaction", u64::from(is_held));
            let thaw = async {
                until(since, frost).await;
                place.app.worker(victim).signal(Signal::Thaw);
            };
            let limit = if is_held { frost + TAKEOVER } else { TAKEOVER };
            tokio::join!(thaw, until_all_go_on(&client, &turns, since, limit, &tally));
        }
        crowd.part(&place).await;
    }
    tally.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_apis_block_no_other_process() {
    let tally = Tally::of("frozen apis");
    for Batch { rounds, mut dice } in batches("frozen apis", BATCH) {
        // The two apis that are used here never freeze.
        let mut place = Installation::start(|builder| builder.apis(3)).await;
        let crowd = Crowd::gather(&place, &mut dice, &tally).await;
        let mut asker = Asker::start(&place).await;
        for _ in 0..rounds {
            a_moment(&mut dice, SOON).await;
            let frost = draw_frost(&mut dice);

            place.app.api(2).process.signal(Signal::Freeze);

            let since = Instant::now();
            tally.count("apis frozen");
            tally.time("frost", frost);
            if place.app.is_store_held().await {
                tally.count("of them inside a write transaction");
            } else {
                asker.must_be_answered(&place, &tally).await;
            }
            until(since, frost).await;
            place.app.api(2).process.signal(Signal::Thaw);
        }
        crowd.part(&place).await;
    }
    tally.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_hardly_delays_answers() {
    if !has_redis() {
        return println!("SKIPPED: there is no Redis to be frozen");
    }
    let tally = Tally::of("frozen Redis");
    for Batch { rounds, mut dice } in batches("frozen Redis", BATCH) {
        let mut place = Installation::start(|builder| builder).await;
        let crowd = Crowd::gather(&place, &mut dice, &tally).await;
        let mut asker = Asker::start(&place).await;
        for _ in 0..rounds {
            a_moment(&mut dice, SOON).await;
            let frost = draw_frost(&mut dice);

            place.app.redis().signal(Signal::Freeze);

            let since = Instant::now();
            tally.count("times that Redis was frozen");
            tally.time("frost", frost);
            while since.elapsed() < frost {
                asker.must_be_answered(&place, &tally).await;
                a_moment(&mut dice, Duration::from_secs(1)).await;
            }
            place.app.redis().signal(Signal::Thaw);
            asker.must_be_answered(&place, &tally).await;
        }
        assert!(crowd.watches().iter().all(|watch| watch.connections() == 1), "Redis is no reason to cut a stream");
        crowd.part(&place).await;
    }
    tally.print();
}
