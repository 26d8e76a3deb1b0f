//! Clients that perform random operations and record the responses.

mod branches;
mod cancellations;
mod imports;
mod messages;
mod response;
mod sessions;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use banter_tests::{client::Client, fake_openai::FakeOpenAi, follower::Follower, load::LoadClient, random::TestRng};
use rand::{RngExt as _, SeedableRng as _};

use crate::{
    fault_times::FaultTimes,
    history::{Action, History, SendRecord, is_delete},
    texts,
};

/// The longest pause between a client's operations, in milliseconds.
const PAUSE_MS: u64 = 120;

/// Maximum number of sessions per user. A list page holds 100, and the followers compare only one page.
const MAX_SESSIONS: usize = 30;

/// A user's session.
#[derive(Clone, Debug)]
pub struct SessionRef {
    /// The session ID.
    pub id: String,
    /// The key of the session's agent.
    pub agent: &'static str,
    /// Whether this is the user's first session, which has a separate stream and is never deleted.
    pub is_first: bool,
}

/// A user who has a key.
#[derive(Debug)]
pub struct User {
    /// The index in the list of users.
    pub number: usize,
    /// The workspace and the user name.
    pub name: (String, String),
    /// Clients for all apis: first the ones that connect directly, one per api, and then the ones that connect through
    /// the proxies.
    pub client: LoadClient,
    /// The sessions that have been created but not deleted.
    pub sessions: Mutex<Vec<SessionRef>>,
}

/// The state shared by all clients.
#[derive(Debug)]
pub struct World {
    /// The operations and their results.
    pub history: Arc<History>,
    /// The model server with the scripted answers.
    pub model: Arc<FakeOpenAi>,
    /// The times at which faults were in effect.
    pub fault_times: Arc<FaultTimes>,
    /// Whether all faults have ended.
    pub faults_ended: AtomicBool,
    /// The number of clients that are still running.
    pub active_clients: AtomicUsize,
    /// Every acknowledged session, together with the index of the user who owns it.
    pub owners: Mutex<Vec<(String, usize)>>,
    /// Maximum number of sessions that each user uses at the same time.
    pub sessions_in_use: usize,
}

/// A client that performs random operations.
pub struct ChaosClient {
    pub number: usize,
    pub user: Arc<User>,
    pub world: Arc<World>,
    /// The stream that this client follows.
    pub follower: Arc<Follower>,
    /// Seeds each operation independently, so that a seed replays the same operations regardless of their results.
    pub seeds: TestRng,
    /// The random numbers for the current operation.
    pub rng: TestRng,
    /// The number of message texts created so far.
    pub made: usize,
}

/// An operation that a client performs.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Create,
    Send,
    Replay,
    Edit,
    Unsend,
    Cancel,
    Retry,
    Get,
    Read,
    Unread,
    Pin,
    Rename,
    Archive,
    Restore,
    Delete,
    Reconnect,
    AccessForbidden,
    Revise,
    Regenerate,
    Switch,
    Export,
    Import,
    ReplayImport,
}

/// The relative frequency of each operation.
const WEIGHTS: [(Operation, u64); 23] = [
    (Operation::Create, 8),
    (Operation::Send, 84),
    (Operation::Replay, 8),
    (Operation::Edit, 20),
    (Operation::Unsend, 18),
    (Operation::Cancel, 16),
    (Operation::Retry, 14),
    (Operation::Get, 7),
    (Operation::Read, 7),
    (Operation::Unread, 6),
    (Operation::Pin, 6),
    (Operation::Rename, 7),
    (Operation::Archive, 4),
    (Operation::Restore, 7),
    (Operation::Delete, 3),
    (Operation::Reconnect, 5),
    (Operation::AccessForbidden, 4),
    (Operation::Revise, 14),
    (Operation::Regenerate, 8),
    (Operation::Switch, 14),
    (Operation::Export, 5),
    (Operation::Import, 4),
    (Operation::ReplayImport, 2),
];

impl ChaosClient {
    /// Performs up to `operations` operations. None of them starts after the deadline.
    pub async fn work(mut self, operations: usize, deadline: Instant) {
        for _ in 0..operations {
            if Instant::now() >= deadline {
                break;
            }
            self.rng = self.seeds.fork();
            self.world.history.count("operations");
            self.perform().await;
            let pause = self.seeds.random_range(0..PAUSE_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.world.active_clients.fetch_sub(1, Ordering::SeqCst);
    }

    async fn perform(&mut self) {
        let operation = self.draw_operation();
        let Some(session) = self.pick_session() else { return self.create().await };
        match operation {
            Operation::Create => self.create().await,
            Operation::Send => self.send(&session).await,
            Operation::Replay => self.replay(&session).await,
            Operation::Edit => self.edit(&session).await,
            Operation::Unsend => self.unsend(&session).await,
            Operation::Cancel => self.cancel(&session).await,
            Operation::Retry => self.retry(&session).await,
            Operation::Get => self.get(&session).await,
            Operation::Read => self.read(&session).await,
            Operation::Unread => self.unread(&session).await,
            Operation::Pin => self.pin(&session).await,
            Operation::Rename => self.rename(&session).await,
            Operation::Archive => self.archive(&session).await,
            Operation::Restore => self.restore(&session).await,
            Operation::Delete => self.delete(&session).await,
            Operation::Reconnect => self.reconnect(),
            Operation::AccessForbidden => self.access_forbidden().await,
            Operation::Revise => self.revise(&session).await,
            Operation::Regenerate => self.regenerate(&session).await,
            Operation::Switch => self.switch(&session).await,
            Operation::Export => self.export(&session).await,
            Operation::Import => self.import().await,
            Operation::ReplayImport => self.replay_import().await,
        }
    }

    fn draw_operation(&mut self) -> Operation {
        let mut left = self.rng.random_range(0..WEIGHTS.iter().map(|(_, weight)| weight).sum());
        for (operation, weight) in WEIGHTS {
            if left < weight {
                return operation;
            }
            left -= weight;
        }
        Operation::Get
    }

    /// Picks one of the newest sessions, to concentrate the load on a few sessions. Returns `None` while there are too
    /// few sessions.
    fn pick_session(&mut self) -> Option<SessionRef> {
        let sessions = self.user.sessions.lock().unwrap();
        let wanted = self.world.sessions_in_use;
        if sessions.len() < wanted.min(2) {
            return None;
        }
        let from_the_end = self.rng.random_range(0..sessions.len().min(wanted));
        Some(sessions[sessions.len() - 1 - from_the_end].clone())
    }

    /// Picks one of the last `among` acknowledged messages in a session.
    fn pick_message(&mut self, session: &SessionRef, among: usize) -> Option<SendRecord> {
        let mut sent = self.world.history.acknowledged(&session.id);
        let recent = sent.len().min(among);
        if recent == 0 {
            return None;
        }
        let from_the_end = self.rng.random_range(0..recent);
        Some(sent.swap_remove(sent.len() - 1 - from_the_end))
    }

    fn client(&mut self) -> Client {
        self.user.client.random_api(&mut self.rng).clone()
    }

    fn fresh_text(&mut self, agent: &str) -> String {
        self.made += 1;
        let tag = texts::tag(self.number, self.made);
        texts::create(&mut self.rng, &self.world.model, &self.world.history, agent, &tag)
    }

    /// Drops the stream. The follower resumes it through the next proxy, possibly from an earlier state.
    fn reconnect(&self) {
        self.world.history.count("reconnect");
        self.follower.reconnect();
    }

    fn log_line(&self, line: &str) {
        self.world.history.log_line(&format!("p{} {line}", self.number));
    }

    /// If an acknowledged object was not found, checks that it may have been deleted.
    fn check_missing(&self, name: &str, session: &str, message: Option<&str>, code: &str) {
        let history = &self.world.history;
        // A message of another branch can be neither edited nor unsent.
        let may_be_inactive = ["edit", "unsend"].contains(&name) && history.may_have_branches(session);
        let may_be_gone = match message {
            Some(message) => history.may_be_gone(session, message) || may_be_inactive,
            None => history.may_have(session, is_delete),
        };
        if code.contains("not_found") && !may_be_gone {
            history.record_violation(format!("{name} of {message:?} in {session} returned {code}"));
        }
    }

    /// Checks that no operation succeeds if it started after the session was permanently deleted.
    fn check_found(&self, name: &str, session: &str, started: Instant) {
        if self.world.history.deleted_at(session).is_some_and(|deleted| deleted < started) {
            self.world.history.record_violation(format!("{name} in {session} succeeded after the session was deleted"));
        }
    }

    /// Returns whether a matching operation may have taken effect on the session.
    fn may_have(&self, session: &str, is_it: impl Fn(&Action) -> bool) -> bool {
        self.world.history.may_have(session, is_it)
    }
}
