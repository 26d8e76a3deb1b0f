//! Simulated users, each of whom has a key, a client, and sessions.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use banter_tests::{
    app::TestApp,
    client::Client,
    follower::Follower,
    load::{Failure, LoadClient, Response, RetryPolicy},
    random::TestRng,
};
use rand::RngExt as _;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::stats::LoadStats;

/// Number of sessions with quick answers, and number of sessions with slow answers, per user.
const QUICK: usize = 4;
const SLOW: usize = 4;
/// Number of turns after which a session is archived or deleted.
const TURNS: Range<u32> = 10..50;
/// Maximum number of open turns in one session. More than one is allowed so that some turns are queued.
const MAX_OPEN_TURNS: u32 = 3;

/// How long a stream stays open.
const STAY: Range<Duration> = Duration::from_secs(5)..Duration::from_mins(1);
/// Number of events that a follower keeps.
const KEPT_EVENTS: usize = 8;
/// Retry policy for requests that receive a 503. They are retried after one second, which is the smallest possible
/// `Retry-After`.
const RETRIES: RetryPolicy = RetryPolicy {
    response_limit: Duration::from_mins(1),
    limit: Duration::from_mins(2),
    pause: Duration::from_secs(1)..Duration::from_millis(1001),
    retries_lost: false,
};

/// The state of a session.
#[derive(Clone, Debug)]
struct Conversation {
    id: String,
    turns_left: u32,
    open_turns: u32,
}

/// A simulated user.
#[derive(Debug)]
pub struct User {
    client: LoadClient,
    conversations: Mutex<Vec<Conversation>>,
}

/// A slot in a session, held for one turn.
#[derive(Debug)]
pub struct Slot {
    index: usize,
    /// The ID of the session.
    pub session: String,
}

impl User {
    /// Creates the user's key and sessions.
    pub async fn create(app: &TestApp, number: usize, stats: &LoadStats, rng: &mut TestRng) -> Result<Self> {
        let key = app.create_key("default", &format!("user-{number}"), "member").await;
        let apis = (0..app.apis()).map(|api| app.client_of(api).with_key(&key)).collect();
        let user = Self { client: LoadClient::new(apis), conversations: Mutex::default() };
        for _ in 0..QUICK + SLOW {
            let id = user.create_session(stats, rng).await?;
            user.conversations().push(Conversation { id, turns_left: draw_turns(rng), open_turns: 0 });
        }
        Ok(user)
    }

    /// Returns the client.
    pub fn client(&self) -> &LoadClient {
        &self.client
    }

    /// Sends a request until the response is something other than a 503, and returns the body. Fails if the status is
    /// not one of the expected ones, or if the time limit of `RETRIES` is reached.
    pub async fn call(
        &self,
        stats: &LoadStats,
        rng: &mut TestRng,
        expected: &[u16],
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Value> {
        let count = |response: &Response| match response {
            Response::NotStored | Response::Unknown(Failure::Unavailable) => stats.count_busy(),
            Response::Success(_) | Response::Rejected { .. } | Response::Unknown(_) => {}
        };
        let reply = self.client.retry(rng, &RETRIES, expected, request, count).await.map_err(anyhow::Error::msg)?;
        Ok(if reply.body.is_empty() { Value::Null } else { reply.json() })
    }

    /// Follows the user's stream on one api after another, starting with the given one. There must be no gaps in the
    /// stream's sequence numbers.
    pub async fn follow(&self, api: usize, stats: &Arc<LoadStats>, rng: TestRng) -> Follower {
        let (on_violation, on_event) = (stats.clone(), stats.clone());
        let options = self.client.follow(api).without_model().expecting_steady_apis().with_stays(STAY, rng);
        let options =
            options.with_violation_handler(Arc::new(move |violation| on_violation.record_violation(violation)));
        let options = options.with_check(Arc::new(move |event| {
            if event.kind == "hello" {
                on_event.count_stream();
            }
            Ok(())
        }));
        options.keeping(KEPT_EVENTS).start().await
    }

    async fn create_session(&self, stats: &LoadStats, rng: &mut TestRng) -> Result<String> {
        let body = json!({"agent_key": "demo"});
        let session = self.call(stats, rng, &[201], |api| api.request("POST", "/v1/chat").json(&body)).await?;
        Ok(session["id"].as_str().context("a session without an id")?.to_owned())
    }

    fn conversations(&self) -> MutexGuard<'_, Vec<Conversation>> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires a slot in one of the user's sessions with quick or slow answers, or returns `None` if no slot is free.
    pub fn acquire_slot(&self, is_quick: bool, rng: &mut TestRng) -> Option<Slot> {
        let (first, count) = if is_quick { (0, QUICK) } else { (QUICK, SLOW) };
        let offset = rng.random_range(0..count);
        let mut conversations = self.conversations();
        let mut indexes = (0..count).map(|step| first + (offset + step) % count);
        let index = indexes
            .find(|&index| conversations[index].turns_left > 0 && conversations[index].open_turns < MAX_OPEN_TURNS)?;
        let conversation = &mut conversations[index];
        conversation.turns_left -= 1;
        conversation.open_turns += 1;
        Some(Slot { index, session: conversation.id.clone() })
    }

    /// Releases the slot. If the session has no turns left and no other slot is held, archives or deletes the session
    /// and creates another one.
    pub async fn release(&self, slot: Slot, stats: &LoadStats, rng: &mut TestRng) -> Result<()> {
        let is_over = {
            let conversation = &mut self.conversations()[slot.index];
            conversation.open_turns -= 1;
            conversation.turns_left == 0 && conversation.open_turns == 0
        };
        if !is_over {
            return Ok(());
        }
        // Half of the sessions are deleted permanently so that the run covers deletion.
        let query = if rng.random_ratio(1, 2) { "?permanent=true" } else { "" };
        let path = format!("/v1/chat/{}{query}", slot.session);
        self.call(stats, rng, &[204], |api| api.request("DELETE", &path)).await?;
        let id = self.create_session(stats, rng).await?;
        let next = Conversation { id, turns_left: draw_turns(rng), open_turns: 0 };
        self.conversations()[slot.index] = next;
        Ok(())
    }
}

fn draw_turns(rng: &mut TestRng) -> u32 {
    rng.random_range(TURNS)
}
