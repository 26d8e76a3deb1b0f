//! One user: a key, a client of each api, conversations, and what the streams have told.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result};
use banter_tests::{app::TestApp, client::Client, dice::Dice};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{any, below, call::call, tally::Tally};

/// Conversations of a user in which answers come at once, and those in which they take their time.
const QUICK: usize = 4;
const SLOW: usize = 4;
/// Turns after which a conversation is put away: from, and how many more by chance.
const TURNS: (u32, usize) = (10, 40);
/// Turns that may be under way in one conversation: more than one, so that some wait.
const UNDER_WAY: u32 = 3;

/// How a task ended, and when that was heard.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Its status.
    pub status: String,
    /// When it was heard.
    pub at: Instant,
}

/// One conversation.
#[derive(Clone, Debug)]
struct Conversation {
    id: String,
    left: u32,
    under_way: u32,
}

/// What the user's streams have told.
#[derive(Debug, Default)]
struct Heard {
    /// The last event of the log that any of them has told.
    last_seq: u64,
    waiting: HashMap<String, oneshot::Sender<Ending>>,
    /// Endings that were heard before the answer to the send.
    early: HashMap<String, Ending>,
}

/// See the module.
#[derive(Debug)]
pub struct User {
    clients: Vec<Client>,
    conversations: Mutex<Vec<Conversation>>,
    heard: Mutex<Heard>,
}

/// A place in a conversation, held for one turn.
#[derive(Debug)]
pub struct Place {
    index: usize,
    /// The session's id.
    pub session: String,
}

impl User {
    /// Makes a key and the conversations.
    pub async fn settle_in(app: &TestApp, number: usize, tally: &Tally, dice: &mut Dice) -> Result<Self> {
        let key = app.create_key("default", &format!("user-{number}"), "member").await;
        let clients: Vec<Client> = (0..app.api_count()).map(|api| app.client_of(api).with_key(&key)).collect();
        let mut conversations = Vec::new();
        for _ in 0..QUICK + SLOW {
            conversations.push(Conversation { id: create(&clients[0], tally).await?, left: turns(dice), under_way: 0 });
        }
        Ok(Self { clients, conversations: Mutex::new(conversations), heard: Mutex::default() })
    }

    /// A client of this api; of any, whatever the number.
    pub fn client_of(&self, api: usize) -> &Client {
        &self.clients[api % self.clients.len()]
    }

    /// A client of any api, by chance.
    pub fn client(&self, dice: &mut Dice) -> &Client {
        any(&self.clients, dice)
    }

    fn conversations(&self) -> MutexGuard<'_, Vec<Conversation>> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place in a conversation that has room; none when all are busy.
    pub fn take_place(&self, is_quick: bool, dice: &mut Dice) -> Option<Place> {
        let (first, count) = if is_quick { (0, QUICK) } else { (QUICK, SLOW) };
        let offset = below(dice, count);
        let mut conversations = self.conversations();
        let mut indexes = (0..count).map(|step| first + (offset + step) % count);
        let index =
            indexes.find(|&index| conversations[index].left > 0 && conversations[index].under_way < UNDER_WAY)?;
        let conversation = &mut conversations[index];
        conversation.left -= 1;
        conversation.under_way += 1;
        Some(Place { index, session: conversation.id.clone() })
    }

    /// Leaves it. The last one of a conversation that has had its turns puts it away, and begins another.
    pub async fn leave(&self, place: Place, tally: &Tally, dice: &mut Dice) -> Result<()> {
        let is_over = {
            let conversation = &mut self.conversations()[place.index];
            conversation.under_way -= 1;
            conversation.left == 0 && conversation.under_way == 0
        };
        if !is_over {
            return Ok(());
        }
        let client = self.client(dice);
        // Half of them for good, so that deletion is part of the run.
        let query = if dice.below(2) == 0 { "?permanent=true" } else { "" };
        let path = format!("/v1/chat/{}{query}", place.session);
        call(client, client.request("DELETE", &path), &[204], tally).await?;
        let next = Conversation { id: create(client, tally).await?, left: turns(dice), under_way: 0 };
        self.conversations()[place.index] = next;
        Ok(())
    }

    /// Where the news of this task's end will arrive; it may have been heard already.
    pub fn wait_for(&self, task: &str) -> oneshot::Receiver<Ending> {
        let (tell, told) = oneshot::channel();
        let mut heard = self.heard();
        if let Some(ending) = heard.early.remove(task) {
            let _ = tell.send(ending);
        } else {
            heard.waiting.insert(task.to_owned(), tell);
        }
        told
    }

    /// Takes in an event of the log. Each counts once, on whichever stream it comes first.
    pub fn hear(&self, seq: u64, data: &Value) {
        let mut heard = self.heard();
        if seq <= heard.last_seq {
            return;
        }
        heard.last_seq = seq;
        let (Some(task), Some(status)) = (data["task"]["id"].as_str(), data["task"]["status"].as_str()) else { return };
        if data["type"] != "task.updated" || ["queued", "running"].contains(&status) {
            return;
        }
        let ending = Ending { status: status.to_owned(), at: Instant::now() };
        match heard.waiting.remove(task) {
            Some(tell) => drop(tell.send(ending)),
            None => drop(heard.early.insert(task.to_owned(), ending)),
        }
    }
}

fn turns(dice: &mut Dice) -> u32 {
    TURNS.0 + u32::try_from(below(dice, TURNS.1)).unwrap_or(0)
}

async fn create(client: &Client, tally: &Tally) -> Result<String> {
    let request = client.request("POST", "/v1/chat").json(&json!({"agent_key": "demo"}));
    let session = call(client, request, &[201], tally).await?;
    Ok(session["id"].as_str().context("a session without an id")?.to_owned())
}
