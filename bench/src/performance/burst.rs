//! Measures a burst: one user sends messages to many sessions at once, and then another user sends a single message.

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

/// Number of connections on which the user sends messages.
const CONNECTIONS: usize = 16;
/// Time limit for the remaining answers once everything has been sent.
const LIMIT: Duration = Duration::from_mins(2);

/// The measurements from one run.
#[derive(Debug)]
pub struct Burst {
    sessions: usize,
    all: Duration,
    other: Duration,
}

/// Sends one message to each of `sessions` sessions of one user, then one message as another user.
///
/// # Errors
/// Fails if a message is not answered exactly once.
pub async fn run(installation: &Installation, sessions: usize) -> Result<Burst> {
    let [key, other] = <[String; 2]>::try_from(installation.create_users(2).await).ok().context("two keys")?;
    let mut other = Chat::create(installation, &other).await?;
    other.take_turn().await?;
    let (mut connection, mut created) = (installation.connect(&key).await?, Vec::new());
    for _ in 0..sessions {
        created.push(id_of(&connection.post("/v1/chat", &json!({"agent_key": AGENT_KEY}), 201).await?)?);
    }
    let (all, behind) = answer_all(installation, &key, &created, other.take_turn()).await?;
    Ok(Burst { sessions, all, other: behind.answered })
}

/// Sends one message to each session, then awaits `next`. Returns the time until every message was answered, and the
/// output of `next`.
///
/// # Errors
/// Fails if a message is not answered exactly once, or if `next` fails.
pub async fn answer_all<T>(
    installation: &Installation,
    key: &str,
    sessions: &[String],
    next: impl Future<Output = Result<T>>,
) -> Result<(Duration, T)> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(installation.connect(key).await?);
    }
    let (mut stream, count) = (installation.follow(key).await?, sessions.len());
    let begun = Instant::now();
    let answers = tokio::spawn(async move {
        let mut observer = Observer::default();
        while observer.ended() < count {
            observer.observe(&stream.next().await?)?;
        }
        anyhow::Ok(begun.elapsed())
    });
    let mut sending = JoinSet::new();
    for (number, mut connection) in connections.into_iter().enumerate() {
        let share: Vec<String> = sessions.iter().skip(number).step_by(CONNECTIONS).cloned().collect();
        sending.spawn(async move {
            for session in share {
                let (path, body) = (format!("/v1/chat/{session}/messages"), json!({"content": "one of many"}));
                connection.call(Method::POST, &path, Some(body.to_string()), 202).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = sending.join_next().await {
        done??;
    }
    let output = next.await?;
    let all = timeout(LIMIT, answers).await.context("answers are missing")???;
    Ok((all, output))
}

impl Burst {
    /// Adds this run's measurements to the figures.
    pub fn add(&self, figures: &mut Figures, column: &str) {
        let section = format!("Burst of {} sessions with one message each", self.sessions);
        figures.add(&section, "All answered, s", column, self.all.as_secs_f64());
        figures.add(&section, "Another user's message behind it, ms", column, 1000.0 * self.other.as_secs_f64());
    }
}
