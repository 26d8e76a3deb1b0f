//! A test suite for all relays. Each test uses two relays, as if in two processes: one announces changes, and the other
//! receives them.

mod embedded;
mod redis;
mod server;

use std::{path::PathBuf, time::Duration};

use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use server::RedisServer;

/// A time limit that is much longer than any step needs.
const LIMIT: Duration = Duration::from_secs(20);

/// Two relays of one installation, and the folder of its database.
struct Pair {
    here: SharedRelay,
    there: SharedRelay,
    folder: TempDir,
}

async fn database(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("chat.db");
    SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
    path
}

fn identity(installation: &str) -> Identity {
    Identity { installation: installation.into(), key: RelayKey::from([7; 32]) }
}

impl Pair {
    async fn start(options: &RelayOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = database(&folder).await;
        let here = start(options, Some(&path), &identity("x")).await.unwrap();
        let there = start(options, Some(&path), &identity("x")).await.unwrap();
        Self { here, there, folder }
    }

    /// Waits until the status of both relays meets a condition.
    async fn until(&self, what: &str, holds: impl Fn(RelayStatus) -> bool) {
        eventually(what, || holds(self.here.status()) && holds(self.there.status())).await;
    }

    async fn until_connected(&self) {
        self.until("connected", |status| {
            status.subscriber == LinkState::Connected
                && status.publisher == LinkState::Connected
                && status.pending_subscriptions == 0
        })
        .await;
    }

    fn dropped_hints(&self) -> u64 {
        self.here.status().dropped_hints + self.there.status().dropped_hints
    }
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "never {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn user(name: &str) -> UserRef {
    UserRef { workspace_id: "w".into(), user_id: name.into() }
}

fn text(offset: i64, text: &str) -> LiveText {
    let (session_id, task_id, message_id) = (SessionId::generate(), TaskId::generate(), MessageId::generate());
    LiveText { session_id, task_id, attempt: 1, message_id, offset, text: text.into() }
}

fn work() -> Hints {
    Hints { wake_workers: true, ..Hints::default() }
}

fn log_of(name: &str) -> Hints {
    Hints { users: vec![user(name)], ..Hints::default() }
}

/// Waits for a signal that meets a condition, or for [`Signal::Changed`], which may stand for any change.
async fn received(signals: &mut Signals, mut is_wanted: impl FnMut(&Signal) -> bool) -> Signal {
    timeout(LIMIT, async {
        loop {
            let signal = signals.recv().await.unwrap();
            if matches!(signal, Signal::Changed) || is_wanted(&signal) {
                return signal;
            }
        }
    })
    .await
    .expect("the signal never arrived")
}

async fn assert_delivers_every_hint_in_both_processes(pair: &Pair) {
    let task_id = TaskId::generate();
    let _follow = pair.there.follow(&user("ann")).await;

    for relay in [&pair.there, &pair.here] {
        let mut signals = relay.signals();
        pair.here.announce(log_of("ann"));
        received(&mut signals, |signal| matches!(signal, Signal::Log(whose) if *whose == user("ann"))).await;

        let mut signals = relay.signals();
        pair.here.announce(work());
        received(&mut signals, |signal| matches!(signal, Signal::WakeWorkers)).await;

        let mut signals = relay.signals();
        pair.here.announce(Hints { stops: vec![task_id], ..Hints::default() });
        received(&mut signals, |signal| matches!(signal, Signal::Stop(id) if *id == task_id)).await;

        let mut signals = relay.signals();
        pair.here.announce(Hints { decisions: vec![task_id], ..Hints::default() });
        received(&mut signals, |signal| matches!(signal, Signal::Decided(id) if *id == task_id)).await;
    }
}
