//! Runs a turn: sends a message, possibly cancels the task, and waits for the outcome.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use banter_tests::{chat::fresh_key, client::Client, random::TestRng};
use rand::RngExt as _;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    stats::LoadStats,
    user::{Slot, User},
};

/// Time limit for a turn. An answer takes at most five seconds, and up to two turns are queued ahead of the turn.
const OUTCOME_LIMIT: Duration = Duration::from_mins(1);

/// Duration of the answer for [`Kind::Cancelled`] if it is not cancelled.
const STOPPED_ANSWER: Duration = Duration::from_secs(5);

/// A kind of turn, distinguished by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An immediate answer, which measures the installation's overhead.
    Echo,
    /// A sentence, sent word by word.
    Talk,
    /// A 20 kB answer, sent over three seconds.
    Long,
    /// A five-second answer, cancelled within its first second.
    Cancelled,
}

impl Kind {
    fn draw(rng: &mut TestRng) -> Self {
        match rng.random_range(0..100) {
            0..75 => Self::Echo,
            75..92 => Self::Talk,
            92..95 => Self::Long,
            _ => Self::Cancelled,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Echo => "/echo The quick brown fox jumps over the lazy dog, and the dog does not mind at all.",
            Self::Talk => "My name is Ada. What can you do?",
            Self::Long => "/long",
            Self::Cancelled => "/slow 5",
        }
    }
}

/// Runs one turn as the given user, and records a violation if the result is not the expected one.
pub async fn take_turn(user: &Arc<User>, stats: &LoadStats, rng: &mut TestRng) {
    let kind = Kind::draw(rng);
    // All suitable sessions may be busy or about to be archived or deleted; in that case, skip this turn.
    let Some(slot) = user.acquire_slot(kind == Kind::Echo, rng) else { return sleep(Duration::from_millis(5)).await };
    let session = slot.session.clone();
    if let Err(error) = perform_turn(user, kind, &slot, stats, rng).await {
        stats.record_violation(format!("a turn of {kind:?} in {session}: {error:#}"));
    }
    if let Err(error) = user.release(slot, stats, rng).await {
        stats.record_violation(format!("archiving {session}: {error:#}"));
    }
}

async fn perform_turn(user: &User, kind: Kind, slot: &Slot, stats: &LoadStats, rng: &mut TestRng) -> Result<()> {
    let path = format!("/v1/chat/{}", slot.session);
    let (key, body) = (fresh_key(), json!({"content": kind.text()}));
    let request =
        |api: &Client| api.request("POST", &format!("{path}/messages")).header("Idempotency-Key", &key).json(&body);
    let asked = Instant::now();
    let sent = user.call(stats, rng, &[202], request).await.context("send")?;
    stats.sends.record(asked.elapsed());
    let task = sent["task"]["id"].as_str().context("a 202 without a task")?;
    let outcome = user.client().outcomes().expect(task);

    let mut stopped_at = None;
    if kind == Kind::Cancelled {
        sleep(Duration::from_millis(100 + rng.random_range(0..900))).await;
        stopped_at = Some(Instant::now());
        let request = |api: &Client| api.request("POST", &format!("{path}/tasks/{task}/cancel"));
        // The response is 409 if the answer has already ended.
        user.call(stats, rng, &[202, 409], request).await.context("stop")?;
    }

    let Ok(Ok(ending)) = timeout(OUTCOME_LIMIT, outcome).await else {
        let now = user.call(stats, rng, &[200], |api| api.request("GET", &format!("{path}/tasks/{task}"))).await?;
        bail!("no outcome of task {task} within {OUTCOME_LIMIT:?}; it is {now}");
    };
    stats.count_answer();
    if kind == Kind::Echo {
        stats.answers.record(ending.at - asked);
    }
    if let Some(at) = stopped_at {
        stats.stops.record(ending.at.saturating_duration_since(at));
    }
    let was_stopped = kind == Kind::Cancelled && ending.status == "cancelled";
    // A five-second answer that is cancelled within its first second may finish only if the whole system is running
    // late.
    let was_too_late = kind == Kind::Cancelled && asked.elapsed() > STOPPED_ANSWER;
    if !was_stopped && !(ending.status == "succeeded" && (kind != Kind::Cancelled || was_too_late)) {
        bail!("task {task} is {}", ending.status);
    }
    browse(user, &path, stats, rng).await
}

/// Sometimes performs another common action: marks the session as read, fetches it, or lists sessions.
async fn browse(user: &User, path: &str, stats: &LoadStats, rng: &mut TestRng) -> Result<()> {
    let choice = rng.random_range(0..10);
    if choice > 3 {
        return Ok(());
    }
    let read = json!({"seq": 1_000_000});
    let request = |api: &Client| match choice {
        0 | 1 => api.request("POST", &format!("{path}/read")).json(&read),
        2 => api.request("GET", path),
        _ => api.request("GET", "/v1/chat"),
    };
    user.call(stats, rng, &[200], request).await.context("a read request").map(drop)
}
