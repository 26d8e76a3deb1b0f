//! A user: a key, a client of each api, sessions, and what was received on the streams.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result};
use banter_tests::{app::TestApp, client::Client, random::TestRng};
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{any, below, call::call, stats::LoadStats};

/// Number of a user's sessions with instant answers, and of those with slow ones.
const QUICK: usize = 4;
const SLOW: usize = 4;
/// Number of turns after which a session is archived or deleted: the minimum, and the range of a random addition.
const TURNS: (u32, usize) = (10, 40);
/// Maximum number of concurrent turns in one session: more than one, so that some are queued.
const MAX_OPEN_TURNS: u32 = 3;

/// The final status of a task and the time when its event was received.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The status.
    pub status: String,
    /// When the event was received.
    pub at: Instant,
}

/// A session.
#[derive(Clone, Debug)]
struct Conversation {
    id: String,
    left: u32,
    open_turns: u32,
}

/// What was received on the user's streams.
#[derive(Debug, Default)]
struct Received {
    /// The last event of the log that was received on any stream.
    last_seq: u64,
    waiting: HashMap<String, oneshot::Sender<Ending>>,
    /// Outcomes that were received before the response to the send.
    early: HashMap<String, Ending>,
}

/// A user.
#[derive(Debug)]
pub struct User {
    clients: Vec<Client>,
    conversations: Mutex<Vec<Conversation>>,
    received: Mutex<Received>,
}

/// A slot in a session, held for one turn.
#[derive(Debug)]
pub struct Slot {
    index: usize,
    /// The id of the session.
    pub session: String,
}

impl User {
    /// Creates a key and the sessions.
    pub async fn create(app: &TestApp, number: usize, stats: &LoadStats, rng: &mut TestRng) -> Result<Self> {
        let key = app.create_key("default", &format!("user-{number}"), "member").await;
        let clients: Vec<Client> = (0..app.api_count()).map(|api| app.client_of(api).with_key(&key)).collect();
        let mut conversations = Vec::new();
        for _ in 0..QUICK + SLOW {
            conversations.push(Conversation { id: create(&clients[0], stats).await?, left: turns(rng), open_turns: 0 });
        }
        Ok(Self { clients, conversations: Mutex::new(conversations), received: Mutex::default() })
    }

    /// Returns a client of this api, modulo the number of apis.
    pub fn client_of(&self, api: usize) -> &Client {
        &self.clients[api % self.clients.len()]
    }

    /// Returns a client of a random api.
    pub fn client(&self, rng: &mut TestRng) -> &Client {
        any(&self.clients, rng)
    }

    fn conversations(&self) -> MutexGuard<'_, Vec<Conversation>> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires a slot in a session, or returns `None` if all are busy.
    pub fn acquire_slot(&self, is_quick: bool, rng: &mut TestRng) -> Option<Slot> {
        let (first, count) = if is_quick { (0, QUICK) } else { (QUICK, SLOW) };
        let offset = below(rng, count);
        let mut conversations = self.conversations();
        let mut indexes = (0..count).map(|step| first + (offset + step) % count);
        let index =
            indexes.find(|&index| conversations[index].left > 0 && conversations[index].open_turns < MAX_OPEN_TURNS)?;
        let conversation = &mut conversations[index];
        conversation.left -= 1;
        conversation.open_turns += 1;
        Some(Slot { index, session: conversation.id.clone() })
    }

    /// Releases the slot. The last release of a session that has had its turns archives or deletes it and creates
    /// another.
    pub async fn release(&self, slot: Slot, stats: &LoadStats, rng: &mut TestRng) -> Result<()> {
        let is_over = {
            let conversation = &mut self.conversations()[slot.index];
            conversation.open_turns -= 1;
            conversation.left == 0 && conversation.open_turns == 0
        };
        if !is_over {
            return Ok(());
        }
        let client = self.client(rng);
        // Half of them are deleted permanently, so that deletion is part of the run.
        let query = if rng.random_ratio(1, 2) { "?permanent=true" } else { "" };
        let path = format!("/v1/chat/{}{query}", slot.session);
        call(client, client.request("DELETE", &path), &[204], stats).await?;
        let next = Conversation { id: create(client, stats).await?, left: turns(rng), open_turns: 0 };
        self.conversations()[slot.index] = next;
        Ok(())
    }

    /// Returns where the outcome of this task will arrive; it may have been received already.
    pub fn wait_for(&self, task: &str) -> oneshot::Receiver<Ending> {
        let (tell, told) = oneshot::channel();
        let mut received = self.received();
        if let Some(ending) = received.early.remove(task) {
            let _ = tell.send(ending);
        } else {
            received.waiting.insert(task.to_owned(), tell);
        }
        told
    }

    /// Processes an event of the log. Each counts once, on whichever stream it arrives first.
    pub fn receive(&self, seq: u64, data: &Value) {
        let mut received = self.received();
        if seq <= received.last_seq {
            return;
        }
        received.last_seq = seq;
        let (Some(task), Some(status)) = (data["task"]["id"].as_str(), data["task"]["status"].as_str()) else { return };
        if data["type"] != "task.updated" || ["queued", "running"].contains(&status) {
            return;
        }
        let ending = Ending { status: status.to_owned(), at: Instant::now() };
        match received.waiting.remove(task) {
            Some(tell) => drop(tell.send(ending)),
            None => drop(received.early.insert(task.to_owned(), ending)),
        }
    }
}

fn turns(rng: &mut TestRng) -> u32 {
    TURNS.0 + u32::try_from(below(rng, TURNS.1)).unwrap_or(0)
}

async fn create(client: &Client, stats: &LoadStats) -> Result<String> {
    let request = client.request("POST", "/v1/chat").json(&json!({"agent_key": "demo"}));
    let session = call(client, request, &[201], stats).await?;
    Ok(session["id"].as_str().context("a session without an id")?.to_owned())
}
