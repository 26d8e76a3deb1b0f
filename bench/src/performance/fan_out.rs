//! Measures fan-out: many streams follow one answer, at 20 deltas per second.

use std::time::Duration;

use anyhow::{Context as _, Result};
use banter_tests::latency::Latencies;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{task::JoinSet, time::timeout};

use super::{
    chat::Chat, connection::Connection, figures::Figures, installation::Installation, model::Script, monotonic,
    stamps::StampReader, stream::EventStream, usage::Usage,
};

/// Interval between events.
pub const INTERVAL: Duration = Duration::from_millis(50);
/// Maximum number of streams to open concurrently.
const OPENING: usize = 32;
/// Maximum delay of the last event on any stream.
const LIMIT: Duration = Duration::from_mins(1);

/// The measurements from one run.
#[derive(Debug)]
pub struct FanOut {
    streams: usize,
    latencies: Latencies,
    cpu_seconds: f64,
    bytes_per_stream: f64,
    seconds: f64,
}

/// Follows an answer of `events` deltas on `streams` streams.
///
/// # Errors
/// Fails if a stream misses an event or receives one twice.
pub async fn run(installation: &Installation, streams: usize, events: u64) -> Result<FanOut> {
    let keys = installation.create_users(1).await;
    let key = keys.first().context("a key")?;
    let mut chat = Chat::create(installation, key).await?;
    // Warm up with a short answer.
    chat.take_turn_with(&Script::Paced { interval: INTERVAL, count: 10 }.to_string()).await?;
    let address = installation.app().client().address().to_owned();
    let script = Script::Paced { interval: INTERVAL, count: events }.to_string();
    let usage = || installation.usage();
    measure(&address, Some(key), streams, events, usage, async { chat.take_turn_with(&script).await.map(drop) }).await
}

/// Opens streams on a server and reads `events` events on each stream. `send` makes the server produce the events,
/// unless the server does so by itself.
///
/// # Errors
/// Fails if a stream misses an event or receives one twice.
pub async fn measure(
    address: &str,
    key: Option<&str>,
    streams: usize,
    events: u64,
    usage: impl Fn() -> Result<Usage>,
    send: impl Future<Output = Result<()>>,
) -> Result<FanOut> {
    let before = usage()?;
    let open = |_| async move {
        let mut stream = EventStream::open(Connection::open(address, key).await?, "/v1/events").await?;
        stream.next().await?;
        anyhow::Ok(stream)
    };
    let opened: Vec<EventStream> = stream::iter(0..streams).map(open).buffer_unordered(OPENING).try_collect().await?;
    let (begun, since) = (usage()?, monotonic::now()?);
    let mut readers = JoinSet::new();
    for mut stream in opened {
        readers.spawn(async move {
            let mut reader = StampReader::starting_at(since);
            let limit = INTERVAL * u32::try_from(events)? + LIMIT;
            timeout(limit, reader.read(&mut stream, events)).await.context("events are missing")??;
            // Keep the stream open until all streams have been measured.
            anyhow::Ok((reader.latencies, stream))
        });
    }
    send.await?;
    let (mut latencies, mut open) = (Latencies::default(), Vec::new());
    while let Some(done) = readers.join_next().await {
        let (own, stream) = done??;
        latencies.add(&own);
        open.push(stream);
    }
    let end = usage()?;
    Ok(FanOut {
        streams,
        latencies,
        cpu_seconds: (end - begun).cpu_seconds,
        bytes_per_stream: (end - before).resident_bytes / streams as f64,
        seconds: INTERVAL.as_secs_f64() * events as f64,
    })
}

impl FanOut {
    /// Adds this run's measurements to the figures.
    pub fn add(&self, figures: &mut Figures, column: &str) {
        let section = "Fan-out of 20 events per second";
        let streams = self.streams;
        figures.add(section, &format!("{streams} streams, p50, ms"), column, self.latencies.quantile_ms(0.5));
        figures.add(section, &format!("{streams} streams, p99, ms"), column, self.latencies.quantile_ms(0.99));
        let cores = self.cpu_seconds / self.seconds;
        figures.add(section, &format!("{streams} streams, CPU seconds per second"), column, cores);
        figures.add(section, &format!("{streams} streams, KiB per stream"), column, self.bytes_per_stream / 1024.0);
    }
}
