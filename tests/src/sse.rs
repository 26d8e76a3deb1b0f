//! An event stream as seen by a client. Every frame is validated against the contract.

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{client::Client, wait::PATIENCE};

/// Durable events, which are rows in the user's log and have an ID.
const DURABLE: [&str; 8] = [
    "session.created",
    "session.updated",
    "session.read",
    "session.deleted",
    "message.created",
    "message.updated",
    "message.deleted",
    "task.updated",
];

/// Ephemeral events, which are not stored.
const EPHEMERAL: [&str; 9] = [
    "hello",
    "heartbeat",
    "resync",
    "server.draining",
    "typing",
    "message.delta",
    "message.partial",
    "task.step",
    "session.draft",
];

/// The path of the stream that covers all of the user's sessions.
pub const USER_EVENTS: &str = "/v1/events";

/// Returns the path of a session's stream.
pub fn session_events(session: &str) -> String {
    format!("/v1/chat/{session}/events")
}

/// An event received from a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The cursor after the event. Only durable events have one.
    pub id: Option<String>,
    /// The event type.
    pub kind: String,
    /// The data, including the envelope.
    pub data: Value,
}

impl Event {
    /// Parses a frame. Returns `None` for a frame without an event, such as a comment.
    fn parse(frame: &str) -> Result<Option<Self>, String> {
        let (mut id, mut kind, mut data) = (None, None, None);
        for line in frame.lines().filter(|line| !line.starts_with(':')) {
            let (field, value) = line.split_once(": ").ok_or_else(|| format!("not a field: {line:?}"))?;
            let slot = match field {
                "id" => &mut id,
                "event" => &mut kind,
                "data" => &mut data,
                "retry" => continue,
                _ => return Err(format!("unknown field: {line:?}")),
            };
            if slot.replace(value.to_owned()).is_some() {
                return Err(format!("`{field}` twice in {frame:?}"));
            }
        }
        let (Some(kind), Some(data)) = (kind, data) else {
            return if id.is_none() { Ok(None) } else { Err(format!("no event or data in {frame:?}")) };
        };
        let data: Value = serde_json::from_str(&data).map_err(|error| format!("{error} in {frame:?}"))?;
        let event = Self { id, kind, data };
        event.check()?;
        Ok(Some(event))
    }

    fn check(&self) -> Result<(), String> {
        let durable = DURABLE.contains(&self.kind.as_str());
        if !durable && !EPHEMERAL.contains(&self.kind.as_str()) {
            return Err(format!("unknown event type: {self:?}"));
        }
        if self.data["type"] != self.kind.as_str() || !self.data["at"].is_string() {
            return Err(format!("broken envelope: {self:?}"));
        }
        if durable != self.id.is_some() {
            return Err(format!("only durable events have an id: {self:?}"));
        }
        let about_a_session = !["hello", "heartbeat", "resync", "server.draining"].contains(&self.kind.as_str());
        if about_a_session != self.data["chat_session_id"].is_string() {
            return Err(format!("chat_session_id is missing or unexpected: {self:?}"));
        }
        Ok(())
    }

    /// Returns whether the event is a row in the log.
    pub fn is_durable(&self) -> bool {
        self.id.is_some()
    }

    /// Returns the ID of the event's session, or an empty string if there is none.
    pub fn session(&self) -> &str {
        self.data["chat_session_id"].as_str().unwrap_or_default()
    }

    /// Returns whether this is a `task.updated` event for this task with this status.
    pub fn is_task(&self, task: &str, status: &str) -> bool {
        self.kind == "task.updated" && self.data["task"]["id"] == task && self.data["task"]["status"] == status
    }
}

/// An open stream. Dropping it closes the connection.
#[derive(Debug)]
pub struct EventStream {
    /// The response headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
    unread: Vec<u8>,
}

impl Client {
    /// Opens a stream that starts now.
    pub async fn events(&self, path: &str) -> EventStream {
        self.try_events(path, None).await.unwrap()
    }

    /// Opens a stream that starts after this cursor, which is sent as `Last-Event-ID`.
    pub async fn events_after(&self, path: &str, cursor: &str) -> EventStream {
        self.try_events(path, Some(cursor)).await.unwrap()
    }

    /// Opens a stream if the api is available.
    ///
    /// # Errors
    /// Fails if the connection fails or the api returns 503. Panics on any status other than 200 or 503.
    pub async fn try_events(&self, path: &str, last_event_id: Option<&str>) -> reqwest::Result<EventStream> {
        let mut request = self.request("GET", path);
        if let Some(cursor) = last_event_id {
            request = request.header("Last-Event-ID", cursor);
        }
        EventStream::open(request).await
    }

    /// Opens a stream with this request.
    pub async fn stream(&self, request: reqwest::RequestBuilder) -> EventStream {
        EventStream::open(request).await.unwrap()
    }
}

impl EventStream {
    async fn open(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        assert!(headers.contains_key("x-request-id"), "{}: no X-Request-Id", response.url());
        let response = if status == 503 { response.error_for_status()? } else { response };
        assert_eq!(status, 200, "{}", response.url());
        Ok(Self { headers, response, unread: Vec::new() })
    }

    /// Returns the next event, or `Ok(None)` at the end of the stream, even if the connection broke.
    ///
    /// # Errors
    /// Fails if a frame violates the contract.
    pub async fn try_next(&mut self) -> Result<Option<Event>, String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                let frame = std::str::from_utf8(&frame[..end]).map_err(|error| error.to_string())?;
                if let Some(event) = Event::parse(frame)? {
                    return Ok(Some(event));
                }
                continue;
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.unread.extend_from_slice(&bytes),
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }

    /// Returns the next event, or `None` at the end of the stream. Panics if neither arrives within `limit`.
    pub async fn next_within(&mut self, limit: Duration) -> Option<Event> {
        tokio::time::timeout(limit, self.try_next()).await.unwrap_or_else(|_| panic!("no event in {limit:?}")).unwrap()
    }

    /// Returns the next event. Panics if the stream has ended.
    pub async fn next(&mut self) -> Event {
        self.next_within(PATIENCE).await.expect("the stream has ended")
    }

    /// Returns the next event, and expects it to have this type.
    pub async fn expect(&mut self, kind: &str) -> Event {
        let event = self.next().await;
        assert_eq!(event.kind, kind, "{event:?}");
        event
    }

    /// Reads until an event matches `wanted`. Returns all events read, including that one.
    pub async fn read_until(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> bool) -> Vec<Event> {
        let deadline = Instant::now() + PATIENCE;
        let mut events = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let next = tokio::time::timeout(left, self.try_next()).await;
            let next = next.unwrap_or_else(|_| panic!("{what} did not arrive in time; received: {events:#?}")).unwrap();
            let event = next.unwrap_or_else(|| panic!("the stream ended before {what}; received: {events:#?}"));
            let found = wanted(&event);
            events.push(event);
            if found {
                return events;
            }
        }
    }

    /// Reads until a task has this status.
    pub async fn read_until_task(&mut self, task: &str, status: &str) -> Vec<Event> {
        self.read_until(&format!("task {task} {status}"), |event| event.is_task(task, status)).await
    }

    /// Reads to the end of the stream. Panics if the stream does not end within `limit`.
    pub async fn read_to_end(&mut self, limit: Duration) -> Vec<Event> {
        let deadline = Instant::now() + limit;
        let mut events = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let next = tokio::time::timeout(left, self.try_next()).await;
            match next.unwrap_or_else(|_| panic!("still open after {limit:?}")).unwrap() {
                Some(event) => events.push(event),
                None => return events,
            }
        }
    }
}
