//! A user with one session who runs one turn after another and checks every event.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hyper::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::{
    connection::Connection,
    installation::{Installation, id_of},
    model::{AGENT_KEY, ARRIVAL},
    monotonic,
    observer::{Observer, Task},
    stream::EventStream,
};

/// Time limit for one turn.
const TURN_LIMIT: Duration = Duration::from_mins(2);

/// A user with one session.
#[derive(Debug)]
pub struct Chat {
    connection: Connection,
    stream: EventStream,
    observer: Observer,
    path: String,
    sent: usize,
}

/// The timings of a turn, measured from the moment its message is sent.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// When the message was accepted.
    pub acknowledged: Duration,
    /// When the model received the request; `None` if the answer does not report this time.
    pub started: Option<Duration>,
    /// When the event with the outcome arrived.
    pub answered: Duration,
}

#[derive(Debug, Deserialize)]
struct Accepted {
    task: Task,
}

impl Chat {
    /// Creates a session for the user with this key, and opens the user's stream.
    ///
    /// # Errors
    /// Fails if the api cannot be reached or rejects a request.
    pub async fn create(installation: &Installation, key: &str) -> Result<Self> {
        let mut connection = installation.connect(key).await?;
        let session = id_of(&connection.post("/v1/chat", &json!({"agent_key": AGENT_KEY}), 201).await?)?;
        Self::open(installation, key, &session).await
    }

    /// Opens an existing session and the user's stream.
    ///
    /// # Errors
    /// Fails if the api cannot be reached or rejects a request.
    pub async fn open(installation: &Installation, key: &str, session: &str) -> Result<Self> {
        let (connection, mut stream) = (installation.connect(key).await?, installation.follow(key).await?);
        let mut observer = Observer::default();
        observer.observe(&stream.next().await?)?;
        let path = format!("/v1/chat/{session}/messages");
        Ok(Self { connection, stream, observer, path, sent: 0 })
    }

    /// Sends a message and reads the stream until the message's task has succeeded.
    ///
    /// # Errors
    /// Fails if the turn times out or its events are not exactly as expected.
    pub async fn take_turn(&mut self) -> Result<Turn> {
        self.take_turn_with(&format!("turn {}", self.sent)).await
    }

    /// Sends this message and reads the stream until the message's task has succeeded.
    ///
    /// # Errors
    /// Fails if the turn times out or its events are not exactly as expected.
    pub async fn take_turn_with(&mut self, content: &str) -> Result<Turn> {
        timeout(TURN_LIMIT, self.turn(content)).await.context("a turn did not end")?
    }

    async fn turn(&mut self, content: &str) -> Result<Turn> {
        let body = json!({"content": content}).to_string();
        let (begun, begun_at) = (Instant::now(), monotonic::now()?);
        let response = self.connection.call(Method::POST, &self.path, Some(body), 202).await?;
        let acknowledged = begun.elapsed();
        self.sent += 1;
        let Accepted { task } = serde_json::from_slice(&response)?;
        let ended = loop {
            if let Some(ended) = self.observer.observe(&self.stream.next().await?)? {
                break ended;
            }
        };
        let answered = begun.elapsed();
        ensure!(ended.task == task.id, "{} ended instead of {}", ended.task, task.id);
        ensure!(self.observer.ended() == self.sent, "{} of {} ended", self.observer.ended(), self.sent);
        let arrival = ended.answer.rsplit_once(ARRIVAL).and_then(|(_, nanos)| nanos.parse().ok());
        let started = arrival.map(Duration::from_nanos).and_then(|arrival| arrival.checked_sub(begun_at));
        Ok(Turn { acknowledged, started, answered })
    }
}
