//! Measures acknowledged sends. Each client sends its next message as soon as the previous one is accepted, and no
//! worker is running.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use banter_tests::latency::Latencies;
use hyper::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    connection::Connection,
    figures::Figures,
    installation::{Installation, id_of},
    model::AGENT_KEY,
};

/// Total number of sessions, shared among the clients. A session can hold at most 1,000 queued messages.
const SESSIONS: usize = 256;

/// A client and its sessions.
#[derive(Debug)]
struct Sender {
    connection: Connection,
    paths: Vec<String>,
    sent: usize,
}

/// The measurements from one run.
#[derive(Debug)]
pub struct SendRun {
    rate: f64,
    latencies: Latencies,
    cpu_ms: f64,
    written_kib: f64,
}

/// Lets each client send for `duration`, after a warm-up. Every accepted message must be stored exactly once.
///
/// # Errors
/// Fails if a message is not accepted or not stored.
pub async fn run(
    installation: &mut Installation,
    clients: usize,
    warm_up: Duration,
    duration: Duration,
) -> Result<SendRun> {
    let mut senders = Vec::new();
    for key in installation.create_users(clients).await {
        let mut connection = installation.connect(&key).await?;
        let mut paths = Vec::new();
        for _ in 0..SESSIONS / clients {
            let session = id_of(&connection.post("/v1/chat", &json!({"agent_key": AGENT_KEY}), 201).await?)?;
            paths.push(format!("/v1/chat/{session}/messages"));
        }
        senders.push(Sender { connection, paths, sent: 0 });
    }
    let (senders, warm) = send(senders, warm_up).await?;
    let (before, begun) = (installation.usage()?, Instant::now());
    let (_, latencies) = send(senders, duration).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let usage = installation.usage()? - before;

    let (sent, stored) = (latencies.count(), installation.count_messages().await?);
    ensure!(stored == sent + warm.count(), "{stored} messages are stored, {} were accepted", sent + warm.count());
    Ok(SendRun {
        rate: sent as f64 / seconds,
        cpu_ms: 1000.0 * usage.cpu_seconds / sent as f64,
        written_kib: usage.written_bytes / 1024.0 / sent as f64,
        latencies,
    })
}

async fn send(senders: Vec<Sender>, duration: Duration) -> Result<(Vec<Sender>, Latencies)> {
    let (begun, mut running) = (Instant::now(), JoinSet::new());
    for mut sender in senders {
        running.spawn(async move {
            let mut latencies = Latencies::default();
            while begun.elapsed() < duration {
                let path = &sender.paths[sender.sent % sender.paths.len()];
                let body = json!({"content": format!("message {}", sender.sent)}).to_string();
                let asked = Instant::now();
                sender.connection.call(Method::POST, path, Some(body), 202).await?;
                latencies.record(asked.elapsed());
                sender.sent += 1;
            }
            anyhow::Ok((sender, latencies))
        });
    }
    let (mut senders, mut all) = (Vec::new(), Latencies::default());
    while let Some(done) = running.join_next().await {
        let (sender, latencies) = done??;
        senders.push(sender);
        all.add(&latencies);
    }
    Ok((senders, all))
}

impl SendRun {
    /// Adds this run's measurements to the figures.
    pub fn add(&self, figures: &mut Figures, clients: usize, column: &str) {
        let section = "Accepted sends, no worker";
        let noun = if clients == 1 { "client" } else { "clients" };
        figures.add(section, &format!("{clients} {noun}, per second"), column, self.rate);
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let row = format!("{clients} {noun}, {name}, ms");
            figures.add(section, &row, column, self.latencies.quantile_ms(quantile));
        }
        figures.add(section, &format!("{clients} {noun}, CPU per send, ms"), column, self.cpu_ms);
        figures.add(section, &format!("{clients} {noun}, written per send, KiB"), column, self.written_kib);
    }
}
