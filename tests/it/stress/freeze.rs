//! A worker, an api, or Redis is frozen (SIGSTOP) at a random time and resumed (SIGCONT) after a while, under load.
//!
//! A process may be frozen inside a write transaction, in which case it holds the database's only write lock. Until it
//! resumes, no other process can write, and requests that write return 503 `store_busy`. Such rounds are counted.

use std::time::{Duration, Instant};

use banter_tests::{
    process::Signal,
    random::TestRng,
    sse::{EventStream, USER_EVENTS},
};
use rand::RngExt as _;

use super::{
    ANSWER_DELAY, Batch, batches,
    installation::{Installation, has_redis},
    is_short,
    load::Load,
    report::Report,
    sleep_up_to,
    takeover::{TAKEOVER, answer_time, running_turns, wait_until_continued},
};

/// Number of rounds per installation.
const BATCH: u64 = 10;

/// The latest time within a round at which a freeze starts.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// Draws the duration of a freeze: 1 to 30 s, with a preference for shorter durations, or 1 to 4 s in the short run.
fn draw_freeze_time(rng: &mut TestRng) -> Duration {
    if is_short() {
        return Duration::from_secs(1) + rng.random_range(Duration::ZERO..Duration::from_secs(3));
    }
    let upper = rng.random_range(Duration::ZERO..Duration::from_secs(29));
    Duration::from_secs(1) + rng.random_range(Duration::ZERO..upper.max(Duration::from_millis(1)))
}

/// A client that sends messages while a process is frozen, and expects the answers in time.
struct Probe {
    session: String,
    stream: EventStream,
    usual: Duration,
    asked: u64,
}

impl Probe {
    async fn start(installation: &Installation) -> Self {
        let (session, stream) = (installation.session().await, installation.clients[1].events(USER_EVENTS).await);
        let mut probe = Self { session, stream, usual: Duration::ZERO, asked: 0 };
        probe.usual = probe.ask(installation).await;
        probe
    }

    async fn ask(&mut self, installation: &Installation) -> Duration {
        self.asked += 1;
        let text = format!("question {}", self.asked);
        answer_time(&installation.clients[0], &mut self.stream, &self.session, &text).await
    }

    async fn check(&mut self, installation: &Installation, report: &Report) {
        let (time, usual) = (self.ask(installation).await, self.usual);
        assert!(time < 3 * usual + ANSWER_DELAY, "{time:?}, and {usual:?} before");
        report.time("answer during a freeze", time);
    }
}

/// Sleeps until `lasting` has passed since `since`.
async fn until(since: Instant, lasting: Duration) {
    tokio::time::sleep(lasting.saturating_sub(since.elapsed())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_of_frozen_workers_continue_elsewhere_in_time() {
    let report = Report::new("frozen workers");
    for Batch { rounds, mut rng } in batches("frozen workers", BATCH) {
        let mut installation = Installation::start_with_short_lease(|builder| builder).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        let client = installation.clients[0].clone();
        for _ in 0..rounds {
            sleep_up_to(&mut rng, MAX_DELAY).await;
            let (target, freeze_time) = (rng.random_range(0..2), draw_freeze_time(&mut rng));
            let turns = running_turns(&client).await;

            installation.app.worker(target).signal(Signal::Freeze);

            let since = Instant::now();
            report.count("workers frozen");
            report.time("freeze", freeze_time);
            let is_held = installation.app.is_store_held().await;
            report.add("of them inside a write transaction", u64::from(is_held));
            let resume = async {
                until(since, freeze_time).await;
                installation.app.worker(target).signal(Signal::Resume);
            };
            let limit = if is_held { freeze_time + TAKEOVER } else { TAKEOVER };
            tokio::join!(resume, wait_until_continued(&client, &turns, since, limit, &report));
        }
        load.finish(&installation).await;
    }
    report.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_apis_block_no_other_process() {
    let report = Report::new("frozen apis");
    for Batch { rounds, mut rng } in batches("frozen apis", BATCH) {
        // The two apis used here are never frozen.
        let mut installation = Installation::start(|builder| builder.apis(3)).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        let mut probe = Probe::start(&installation).await;
        for _ in 0..rounds {
            sleep_up_to(&mut rng, MAX_DELAY).await;
            let freeze_time = draw_freeze_time(&mut rng);

            installation.app.api(2).process.signal(Signal::Freeze);

            let since = Instant::now();
            report.count("apis frozen");
            report.time("freeze", freeze_time);
            if installation.app.is_store_held().await {
                report.count("of them inside a write transaction");
            } else {
                probe.check(&installation, &report).await;
            }
            until(since, freeze_time).await;
            installation.app.api(2).process.signal(Signal::Resume);
        }
        load.finish(&installation).await;
    }
    report.print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_hardly_delays_answers() {
    if !has_redis() {
        return println!("SKIPPED: requires Redis");
    }
    let report = Report::new("frozen Redis");
    for Batch { rounds, mut rng } in batches("frozen Redis", BATCH) {
        let mut installation = Installation::start(|builder| builder).await;
        let load = Load::start(&installation, &mut rng, &report).await;
        let mut probe = Probe::start(&installation).await;
        for _ in 0..rounds {
            sleep_up_to(&mut rng, MAX_DELAY).await;
            let freeze_time = draw_freeze_time(&mut rng);

            installation.app.redis().signal(Signal::Freeze);

            let since = Instant::now();
            report.count("times that Redis was frozen");
            report.time("freeze", freeze_time);
            while since.elapsed() < freeze_time {
                probe.check(&installation, &report).await;
                sleep_up_to(&mut rng, Duration::from_secs(1)).await;
            }
            installation.app.redis().signal(Signal::Resume);
            probe.check(&installation, &report).await;
        }
        assert!(load.followers().iter().all(|follower| follower.cuts() == 0), "an outage of Redis drops no stream");
        load.finish(&installation).await;
    }
    report.print();
}
