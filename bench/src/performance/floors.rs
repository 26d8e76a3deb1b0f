//! Measures the floors: what the machine can do without the product. They are measured in the same run as the
//! workloads.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use banter_tests::{latency::Latencies, redis::Redis};
use futures::StreamExt as _;
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{figures::Figures, model::Model, single::ask_model};
use crate::performance::model::Script;

const SECTION: &str = "Floors";
/// The only column in the section.
pub const COLUMN: &str = "bare";
/// Size, in bytes, of a written record, a published message, and the padding of an event.
const RECORD: usize = 200;
const SYNCS: usize = 300;
const COMMITS: usize = 2000;
const HOPS: usize = 2000;
const ANSWERS: usize = 200;

/// Measures all floors except the one for streams.
///
/// # Errors
/// Fails if the disk, Redis, or the model fails.
pub async fn run(figures: &mut Figures, model: &Model) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let syncs = sync(&folder.path().join("syncs"))?;
    figures.add(SECTION, "fdatasync of 200 bytes, p50, ms", COLUMN, syncs.quantile_ms(0.5));
    figures.add(SECTION, "fdatasync of 200 bytes, p99, ms", COLUMN, syncs.quantile_ms(0.99));
    for (name, mode) in [("full", SqliteSynchronous::Full), ("normal", SqliteSynchronous::Normal)] {
        let rate = commit(&folder.path().join(name), mode).await?;
        figures.add(SECTION, &format!("SQLite commits of one row through sqlx, {name}, per second"), COLUMN, rate);
    }
    let hops = hop().await?;
    figures.add(SECTION, "Redis publish → receive, p50, ms", COLUMN, hops.quantile_ms(0.5));
    figures.add(SECTION, "Redis publish → receive, p99, ms", COLUMN, hops.quantile_ms(0.99));
    let mut answers = Latencies::default();
    for _ in 0..ANSWERS {
        answers.record(ask_model(model, &Script::Instant("turn".into())).await?);
    }
    figures.add(SECTION, "The model alone, p50, ms", COLUMN, answers.quantile_ms(0.5));
    Ok(())
}

fn sync(path: &Path) -> Result<Latencies> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let mut latencies = Latencies::default();
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[b'x'; RECORD])?;
        file.sync_data()?;
        latencies.record(begun.elapsed());
    }
    Ok(latencies)
}

async fn commit(path: &Path, synchronous: SqliteSynchronous) -> Result<f64> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(synchronous);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE row (id INTEGER PRIMARY KEY, content TEXT NOT NULL)").execute(&mut connection).await?;
    let (content, begun) = ("x".repeat(RECORD), Instant::now());
    for _ in 0..COMMITS {
        sqlx::query("INSERT INTO row (content) VALUES (?1)").bind(&content).execute(&mut connection).await?;
    }
    let rate = COMMITS as f64 / begun.elapsed().as_secs_f64();
    connection.close().await?;
    Ok(rate)
}

async fn hop() -> Result<Latencies> {
    let server = Redis::start().await;
    let client = redis::Client::open(server.url())?;
    let mut publisher = client.get_multiplexed_async_connection().await?;
    let mut subscriber = client.get_async_pubsub().await?;
    subscriber.subscribe("bench").await?;
    let (mut messages, mut latencies) = (subscriber.on_message(), Latencies::default());
    let payload = "x".repeat(RECORD);
    for _ in 0..HOPS {
        let begun = Instant::now();
        redis::cmd("PUBLISH").arg("bench").arg(&payload).query_async::<()>(&mut publisher).await?;
        messages.next().await.context("the subscription ended")?;
        latencies.record(begun.elapsed());
    }
    Ok(latencies)
}

/// A server that runs in its own process and streams timestamped events. Dropping this value kills the process.
#[derive(Debug)]
pub struct StampServer {
    child: Child,
    /// The server's address, as `127.0.0.1:PORT`.
    pub address: String,
}

impl StampServer {
    /// Starts a server with a command that prints the server's address.
    ///
    /// # Errors
    /// Fails if the server does not start.
    pub fn start(mut command: Command) -> Result<Self> {
        use std::io::BufRead as _;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        let stdout = child.stdout.take().context("stdout is piped")?;
        std::io::BufReader::new(stdout).read_line(&mut address)?;
        anyhow::ensure!(address.ends_with('\n'), "{command:?} did not start");
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// Returns the process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for StampServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends timestamped events to all streams with bare axum until the process is killed.
///
/// # Errors
/// Fails if no port is free.
pub async fn serve_stamps() -> Result<()> {
    use axum::{
        Router,
        body::{Body, Bytes},
        http::header,
        routing::get,
    };
    use tokio_stream::wrappers::BroadcastStream;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (sender, _) = tokio::sync::broadcast::channel::<Bytes>(64);
    let subscriptions = sender.clone();
    let events = move || {
        let live = BroadcastStream::new(subscriptions.subscribe());
        let hello = futures::stream::iter([Ok(Bytes::from_static(b"event: hello\ndata: {}\n\n"))]);
        let body = Body::from_stream(hello.chain(live));
        std::future::ready(([(header::CONTENT_TYPE, "text/event-stream")], body))
    };
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(super::fan_out::INTERVAL);
        for number in 0_u64.. {
            ticks.tick().await;
            let _ = sender.send(stamped(number).into());
        }
    });
    axum::serve(listener, Router::new().route("/v1/events", get(events))).await?;
    Ok(())
}

/// Returns a timestamped event that is about as large as a delta.
fn stamped(number: u64) -> String {
    let stamp = Script::stamp(number, super::monotonic::now().unwrap_or(Duration::ZERO));
    format!("event: message.delta\ndata: {{\"text\":\"{stamp}\",\"rest\":\"{}\"}}\n\n", "x".repeat(RECORD))
}
