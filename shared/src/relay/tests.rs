//! One suite for all relays: two of a kind, as in two processes, and what one tells the other hears.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command as Process, Stdio},
    time::Duration,
};

use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::*;

/// Far more than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

/// A Redis of our own, on a free port.
struct RedisServer {
    port: u16,
    folder: TempDir,
    process: Child,
}

impl RedisServer {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Self::spawn(port, &folder);
        let server = Self { port, folder, process };
        server.wait_until_up().await;
        server
    }

    fn spawn(port: u16, folder: &TempDir) -> Child {
        Process::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: `make test` sees to it")
    }

    async fn wait_until_up(&self) {
        let deadline = Instant::now() + LIMIT;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn restart(&mut self) {
        self.process = Self::spawn(self.port, &self.folder);
        self.wait_until_up().await;
    }

    fn signal(&self, name: &str) {
        assert!(Process::new("kill").args([name, &self.process.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two relays of one installation, and what they need.
struct Pair {
    here: SharedRelay,
    there: SharedRelay,
    redis: Option<RedisServer>,
    folder: TempDir,
}

async fn database(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("chat.db");
    SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
    path
}

async fn embedded(wake: WakeMode) -> Pair {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder).await;
    let options = RelayOptions { redis_url: None, wake };
    let here = start(&options, &path, "x").await.unwrap();
    let there = start(&options, &path, "x").await.unwrap();
    Pair { here, there, redis: None, folder }
}

async fn redis() -> Pair {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder).await;
    let server = RedisServer::start().await;
    let options = RelayOptions { redis_url: Some(server.url()), wake: WakeMode::Auto };
    let here = start(&options, &path, "x").await.unwrap();
    let there = start(&options, &path, "x").await.unwrap();
    let pair = Pair { here, there, redis: Some(server), folder };
    pair.until_connected().await;
    pair
}

impl Pair {
    /// Tells until it is heard: the connections are made in the background.
    async fn until_connected(&self) {
        let mut signals = self.there.signals();
        let deadline = Instant::now() + LIMIT;
        loop {
            self.here.announce(Hints { wake_workers: true, ..Hints::default() });
            if timeout(Duration::from_millis(50), signals.recv()).await.is_ok() {
                return;
            }
            assert!(Instant::now() < deadline, "never connected");
        }
    }
}

fn user(name: &str) -> UserRef {
    UserRef { workspace_id: "w".into(), user_id: name.into() }
}

fn text(offset: i64, text: &str) -> LiveText {
    let (session_id, task_id, message_id) = (SessionId::generate(), TaskId::generate(), MessageId::generate());
    LiveText { session_id, task_id, attempt: 1, message_id, offset, text: text.into() }
}

/// Waits for a signal of which this holds, or for one that says "look for yourself".
async fn heard(signals: &mut broadcast::Receiver<Signal>, mut wanted: impl FnMut(&Signal) -> bool) -> Signal {
    timeout(LIMIT, async {
        loop {
            let signal = signals.recv().await.unwrap();
            if matches!(signal, Signal::Changed) || wanted(&signal) {
                return signal;
            }
        }
    })
    .await
    .expect("the signal never came")
}

async fn every_hint_is_heard_there_and_here(pair: &Pair) {
    let task_id = TaskId::generate();
    let _follow = pair.there.follow(&user("ann")).await;

    for relay in [&pair.there, &pair.here] {
        let mut signals = relay.signals();
        pair.here.announce(Hints { users: vec![user("ann")], ..Hints::default() });
        heard(&mut signals, |signal| matches!(signal, Signal::Log(whose) if *whose == user("ann"))).await;

        let mut signals = relay.signals();
        pair.here.announce(Hints { wake_workers: true, ..Hints::default() });
        heard(&mut signals, |signal| matches!(signal, Signal::WakeWorkers)).await;

        let mut signals = relay.signals();
        pair.here.announce(Hints { stops: vec![task_id], ..Hints::default() });
        heard(&mut signals, |signal| matches!(signal, Signal::Stop(id) if *id == task_id)).await;
    }
}

#[tokio::test]
async fn the_embedded_relay_passes_every_hint_by_watching() {
    every_hint_is_heard_there_and_here(&embedded(WakeMode::Auto).await).await;
}

#[tokio::test]
async fn the_redis_relay_passes_every_hint() {
    every_hint_is_heard_there_and_here(&redis().await).await;
}

#[tokio::test]
async fn without_a_watch_the_change_counter_tells_of_a_commit() {
    let pair = embedded(WakeMode::Poll).await;
    let _attend = pair.there.attend();
    let mut signals = pair.there.signals();
    let path = pair.folder.path().join("chat.db");

    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::query("CREATE TABLE t (x INTEGER)").execute(&mut other).await.unwrap();

    heard(&mut signals, |_| false).await;
}

#[tokio::test]
async fn text_arrives_in_order_and_only_where_its_user_is_followed() {
    let pair = redis().await;
    let _follow = pair.there.follow(&user("ann")).await;
    let mut signals = pair.there.signals();

    pair.here.publish_text(&user("bob"), text(0, "not for ann"));
    for offset in 0..100 {
        pair.here.publish_text(&user("ann"), text(offset, "x"));
    }

    for expected in 0..100 {
        let signal = heard(&mut signals, |signal| matches!(signal, Signal::Text(..))).await;
        let Signal::Text(whose, text) = signal else { panic!("{signal:?}") };
        assert_eq!((whose, text.offset), (user("ann"), expected));
    }
}

#[tokio::test]
async fn a_user_who_was_forgotten_can_be_followed_again() {
    let pair = redis().await;
    for _ in 0..20 {
        let follow = pair.there.follow(&user("ann")).await;
        let mut signals = pair.there.signals();
        pair.here.announce(Hints { users: vec![user("ann")], ..Hints::default() });
        heard(&mut signals, |signal| matches!(signal, Signal::Log(_))).await;
        drop(follow);
    }
}

#[tokio::test]
async fn after_redis_was_away_everyone_is_told_and_hears_again() {
    let mut pair = redis().await;
    let _follow = pair.there.follow(&user("ann")).await;
    let mut signals = pair.there.signals();

    pair.redis.as_mut().unwrap().kill();
    // Nothing waits for it meanwhile, however much is told.
    for offset in 0..10_000 {
        pair.here.publish_text(&user("ann"), text(offset, "lost"));
    }
    pair.redis.as_mut().unwrap().restart().await;

    heard(&mut signals, |signal| matches!(signal, Signal::Healed)).await;
    pair.until_connected().await;
    every_hint_is_heard_there_and_here(&pair).await;
}

#[tokio::test]
async fn a_frozen_redis_counts_as_away() {
    let pair = redis().await;
    let mut signals = pair.there.signals();

    pair.redis.as_ref().unwrap().signal("-STOP");
    // Its connections stay open and silent. A follower waits no longer than its limit.
    let _follow = timeout(LIMIT, pair.there.follow(&user("ann"))).await.unwrap();
    sleep(3 * POLL_INTERVAL).await;
    pair.redis.as_ref().unwrap().signal("-CONT");

    heard(&mut signals, |signal| matches!(signal, Signal::Healed)).await;
    pair.until_connected().await;
    every_hint_is_heard_there_and_here(&pair).await;
}

#[tokio::test]
async fn a_relay_starts_while_redis_is_away_and_connects_later() {
    let mut server = RedisServer::start().await;
    server.kill();
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder).await;
    let options = RelayOptions { redis_url: Some(server.url()), wake: WakeMode::Auto };

    let here = start(&options, &path, "x").await.unwrap();
    let there = start(&options, &path, "x").await.unwrap();
    let mut signals = there.signals();
    server.restart().await;

    heard(&mut signals, |signal| matches!(signal, Signal::Healed)).await;
    Pair { here, there, redis: Some(server), folder }.until_connected().await;
}

#[tokio::test]
async fn installations_that_share_a_redis_do_not_hear_each_other() {
    let pair = redis().await;
    let options = RelayOptions { redis_url: Some(pair.redis.as_ref().unwrap().url()), wake: WakeMode::Auto };
    let stranger = start(&options, std::path::Path::new("unused"), "other").await.unwrap();
    let mut signals = pair.there.signals();

    for _ in 0..100 {
        stranger.announce(Hints { wake_workers: true, ..Hints::default() });
        sleep(Duration::from_millis(2)).await;
    }
    let stop = TaskId::generate();
    pair.here.announce(Hints { stops: vec![stop], ..Hints::default() });

    let signal = timeout(LIMIT, signals.recv()).await.unwrap().unwrap();
    assert!(matches!(signal, Signal::Stop(id) if id == stop), "{signal:?}");
}
