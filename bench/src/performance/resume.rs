//! Measures how long a stream takes to deliver the events that its client missed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use banter_tests::latency::Latencies;
use hyper::Method;
use serde_json::{Value, json};

use super::{burst, fill, installation::Installation, stream::EventStream};

/// Number of events to replay.
pub const REPLAYED_EVENTS: u64 = 5000;
/// Number of turns that produce at least [`REPLAYED_EVENTS`] events, each turn in its own session.
pub const REPLAYED_TURNS: usize = 1700;

/// Connects `requests` times with a cursor that is one event behind, and waits for the missed event.
///
/// # Errors
/// Fails if the api cannot be reached or rejects a request.
pub async fn one_behind(installation: &Installation, key: &str, session: &str, requests: usize) -> Result<Latencies> {
    let cursor = latest_cursor(installation, key).await?;
    let body = json!({"title": format!("Changed after {cursor}")}).to_string();
    let mut connection = installation.connect(key).await?;
    connection.call(Method::PATCH, &format!("/v1/chat/{session}"), Some(body), 200).await?;
    let mut latencies = Latencies::default();
    for _ in 0..requests {
        latencies.record(receive(installation, key, &cursor, 1).await?);
    }
    Ok(latencies)
}

/// Runs turns in many sessions. Then connects `times` times with a cursor that is [`REPLAYED_EVENTS`] events behind,
/// and waits for all missed events.
///
/// # Errors
/// Fails if a message is not answered exactly once, or an event is missing.
pub async fn replay(installation: &Installation, key: &str, times: usize) -> Result<Vec<Duration>> {
    let sessions: Vec<String> = (0..REPLAYED_TURNS).map(fill::session_id).collect();
    burst::answer_all(installation, key, &sessions, async { Ok(()) }).await?;
    let latest = latest_cursor(installation, key).await?;
    let (epoch, seq) = latest.rsplit_once('-').context("a cursor")?;
    let seq: u64 = seq.parse()?;
    ensure!(seq >= REPLAYED_EVENTS, "only {seq} events were stored");
    let cursor = format!("{epoch}-{}", seq - REPLAYED_EVENTS);
    let mut latencies = Vec::new();
    for _ in 0..times {
        latencies.push(receive(installation, key, &cursor, REPLAYED_EVENTS).await?);
    }
    Ok(latencies)
}

async fn latest_cursor(installation: &Installation, key: &str) -> Result<String> {
    let list: Value = serde_json::from_slice(&installation.connect(key).await?.get("/v1/chat?limit=1").await?)?;
    Ok(list["as_of"].as_str().context("no cursor")?.to_owned())
}

/// Returns the time from connecting to receiving the last of `count` stored events after the cursor.
async fn receive(installation: &Installation, key: &str, cursor: &str, count: u64) -> Result<Duration> {
    let (begun, mut received) = (Instant::now(), 0);
    let path = format!("/v1/events?after={cursor}");
    let mut stream = EventStream::open(installation.connect(key).await?, &path).await?;
    while received < count {
        let frame = stream.next().await?;
        ensure!(frame.kind() != "resync", "the cursor was rejected: {}", frame.data());
        received += u64::from(frame.seq().is_some());
    }
    Ok(begun.elapsed())
}
