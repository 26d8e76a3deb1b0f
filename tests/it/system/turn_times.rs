//! The histograms of turn times.

use std::collections::BTreeMap;

use banter_tests::{app::TestApp, client::Client, wait::eventually};

/// The parts of a turn, in order.
const PARTS: [&str; 4] = ["queued", "started", "first_token", "outcome"];

/// The histograms of turn times in a scrape.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(client: &Client) -> Self {
        let text = client.get("/metrics").await.text();
        let samples = text.lines().filter(|line| line.starts_with("banter_turn_")).map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        Self(samples.collect())
    }

    fn value(&self, part: &str, sample: &str, status: &str) -> f64 {
        let series = format!("banter_turn_{part}_seconds_{sample}{{status=\"{status}\"}}");
        *self.0.get(&series).unwrap_or_else(|| panic!("no {series} in {:?}", self.0.keys()))
    }

    /// Returns the number of turns with this status.
    fn turns(&self, part: &str, status: &str) -> u64 {
        whole(self.value(part, "count", status))
    }

    /// Returns the upper bound and the cumulative number of turns for each bucket, in ascending order.
    fn buckets(&self, part: &str, status: &str) -> Vec<(f64, u64)> {
        let start = format!("banter_turn_{part}_seconds_bucket{{le=\"");
        let end = format!("\",status=\"{status}\"}}");
        let found = self.0.iter().filter_map(|(series, count)| {
            let bound = series.strip_prefix(&start)?.strip_suffix(&end)?;
            Some((bound.parse::<f64>().unwrap(), whole(*count)))
        });
        let mut buckets: Vec<_> = found.collect();
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        buckets
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole and not negative")]
fn whole(count: f64) -> u64 {
    count as u64
}

/// Waits until this many successful turns have been counted.
async fn wait_for_turns(client: &Client, succeeded: u64) -> Scrape {
    eventually("the turns to be counted", async || {
        Some(Scrape::of(client).await).filter(|scrape| scrape.turns("duration", "succeeded") == succeeded)
    })
    .await
}

#[tokio::test]
async fn every_api_counts_the_turns_of_all_workers() {
    let app = TestApp::builder().apis(2).workers(2).env("WORKER_CONCURRENCY", "2").start().await;
    let (client, other) = (app.client_of(0), app.client_of(1));
    assert_eq!(Scrape::of(&client).await.turns("duration", "succeeded"), 0);

    for round in 0..3 {
        let mut sent = Vec::new();
        for number in 0..4 {
            let through = if number % 2 == 0 { &client } else { &other };
            let session = through.create_session("demo").await;
            let task = through.send(&session, &format!("/echo {round} {number}")).await.task_id;
            sent.push((session, task));
        }
        for (session, task) in sent {
            client.wait_for_status(&session, &task, "succeeded").await;
        }
    }
    let session = client.create_session("demo").await;
    let failed = client.send(&session, "/fail").await.task_id;
    client.wait_for_status(&session, &failed, "failed").await;
    client.retry(&session, &failed).await.ok(202);
    client.wait_for_end(&session, &failed).await;
    let slow = client.send(&session, "/slow 30").await.task_id;
    client.wait_for_status(&session, &slow, "running").await;
    client.cancel(&session, &slow).await.ok(202);
    client.wait_for_status(&session, &slow, "cancelled").await;

    for client in [&client, &other] {
        let scrape = eventually("all turns to be counted", async || {
            let scrape = Scrape::of(client).await;
            let counts = ["succeeded", "failed", "cancelled"].map(|status| scrape.turns("duration", status));
            (counts == [12, 2, 1]).then_some(scrape)
        })
        .await;
        for part in ["duration", "queued", "started", "first_token", "outcome"] {
            assert_eq!(scrape.turns(part, "succeeded"), 12, "{part}");
            assert_eq!(scrape.turns(part, "interrupted"), 0, "{part}");
            let buckets = scrape.buckets(part, "succeeded");
            assert!(buckets.is_sorted_by_key(|(_, turns)| *turns), "{part}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, 12)), "{part}");
        }
        assert_eq!(scrape.turns("first_token", "failed"), 0, "the agent sent no text");
        for status in ["succeeded", "failed", "cancelled"] {
            let sum: f64 = PARTS.iter().map(|part| scrape.value(part, "sum", status)).sum();
            let duration = scrape.value("duration", "sum", status);
            // Each duration is truncated to whole microseconds.
            assert!((sum - duration).abs() < 0.000_1, "{status}: the parts add up to {sum}, not {duration}");
        }
    }
}

#[tokio::test]
async fn a_turn_that_takes_longer_is_counted_in_a_higher_bucket() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let first = client.send(&session, "/slow 1").await.task_id;
    let second = client.send(&session, "/echo behind it").await.task_id;
    client.wait_for_status(&session, &first, "succeeded").await;
    client.wait_for_status(&session, &second, "succeeded").await;

    let scrape = wait_for_turns(&client, 2).await;

    let below_half = |part: &str| scrape.buckets(part, "succeeded").iter().find(|(bound, _)| *bound >= 0.5).unwrap().1;
    assert_eq!(below_half("duration"), 0, "the second turn waited for the first");
    assert_eq!(below_half("queued"), 1);
    assert!(scrape.value("queued", "sum", "succeeded") > 0.9);
    assert!(scrape.value("duration", "sum", "succeeded") > 1.9);
}

#[tokio::test]
async fn counts_survive_when_every_process_is_killed() {
    let mut app = TestApp::builder().start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "/echo hello").await;
    client.wait_for_status(&session, &sent.task_id, "succeeded").await;

    app.api(0).process.kill();
    app.worker(0).kill();
    app.revive_api(0).await;
    app.replace_worker(0);

    assert_eq!(Scrape::of(&client).await.turns("duration", "succeeded"), 1);
    let sent = client.send(&session, "/echo hello again").await;
    client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    wait_for_turns(&client, 2).await;
}

/// Waits until this attempt is running.
async fn wait_for_attempt(client: &Client, session: &str, task: &str, attempt: u64) {
    eventually(&format!("attempt {attempt}"), async || {
        let task = client.task(session, task).await;
        (task["status"] == "running" && task["attempt"] == attempt).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_is_handed_back_and_taken_over_is_counted_once() {
    let builder = TestApp::builder().env("SHUTDOWN_GRACE_SECONDS", "0").env("TASK_LEASE_SECONDS", "2");
    let mut app = builder.start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let task = client.send(&session, "/slow 1").await.task_id;
    wait_for_attempt(&client, &session, &task, 1).await;
    app.remove_worker(0).await;
    app.add_worker();
    wait_for_attempt(&client, &session, &task, 2).await;
    app.replace_worker(0);

    client.wait_for_status(&session, &task, "succeeded").await;

    let scrape = wait_for_turns(&client, 1).await;
    assert_eq!(client.task(&session, &task).await["attempt"], 3);
    for status in ["failed", "cancelled", "interrupted"] {
        assert_eq!(scrape.turns("duration", status), 0, "{status}");
    }
    let (queued, duration) = (scrape.value("queued", "sum", "succeeded"), scrape.value("duration", "sum", "succeeded"));
    assert!(queued > 1.0, "the lease of the killed worker expired while the turn waited: {queued}");
    assert!(duration > queued + 0.9, "the answer takes a second: {duration} − {queued}");
}
