//! Measures a burst, in which one user sends messages to many sessions at once and another user then sends a single
//! message.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hyper::Method;
use serde_json::json;
use tokio::{task::JoinSet, time::timeout};

use super::{
    chat::Chat,
    figures::Figures,
    installation::{Installation, id_of},
    model::AGENT_KEY,
    observer::Observer,
};

/// Number of connections that the user sends on.
const CONNECTIONS: usize = 16;
/// Time limit for all answers.
const LIMIT: Duration = Duration::from_mins(2);

/// The measurements from one run.
#[derive(Debug)]
pub struct Burst {
    sessions: usize,
    all: Duration,
    other: Duration,
}

/// Sends one message to each of `sessions` sessions.
///
/// # Errors
/// Fails if a message is not answered exactly once.
pub async fn run(installation: &Installation, sessions: usize) -> Result<Burst> {
    let [key, other] = <[String; 2]>::try_from(installation.create_users(2).await).ok().context("two keys")?;
    let mut other = Chat::create(installation, &other).await?;
    other.take_turn().await?;
    let mut senders = Vec::new();
    for number in 0..CONNECTIONS {
        let (mut connection, mut paths) = (installation.connect(&key).await?, Vec::new());
        for _ in (number..sessions).step_by(CONNECTIONS) {
            let session = id_of(&connection.post("/v1/chat", &json!({"agent_key": AGENT_KEY}), 201).await?)?;
            paths.push(format!("/v1/chat/{session}/messages"));
        }
        senders.push((connection, paths));
    }
    let mut stream = installation.follow(&key).await?;
    let begun = Instant::now();
    let answers = tokio::spawn(async move {
        let mut observer = Observer::default();
        while observer.ended() < sessions {
            observer.observe(&stream.next().await?)?;
        }
        anyhow::Ok(begun.elapsed())
    });
    let mut sending = JoinSet::new();
    for (mut connection, paths) in senders {
        sending.spawn(async move {
            for path in paths {
                let body = json!({"content": "one of many"}).to_string();
                connection.call(Method::POST, &path, Some(body), 202).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = sending.join_next().await {
        done??;
    }
    let behind = other.take_turn().await?;
    let all = timeout(LIMIT, answers).await.context("answers are missing")???;
    Ok(Burst { sessions, all, other: behind.answered })
}

impl Burst {
    /// Adds this run's measurements to the figures.
    pub fn add(&self, figures: &mut Figures, column: &str) {
        let section = format!("Burst of {} sessions with one message each", self.sessions);
        figures.add(&section, "All answered, s", column, self.all.as_secs_f64());
        figures.add(&section, "Another user's message behind it, ms", column, 1000.0 * self.other.as_secs_f64());
    }
}
