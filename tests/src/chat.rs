//! Chat operations on top of plain HTTP calls.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Client, Reply},
    wait::{PATIENCE, eventually, within},
};

/// Number of seconds for which [`Client::ask`] makes the server wait for the answer.
const ASK_SECONDS: u32 = 60;

/// An accepted message.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The user message in the response.
    pub message: Value,
    /// The task in the response.
    pub task: Value,
    /// The ID of the message.
    pub message_id: String,
    /// The ID of the task.
    pub task_id: String,
}

impl Sent {
    /// Parses the body of a 202 or 200 response.
    pub fn from_body(body: &Value) -> Self {
        let (message, task) = (body["message"].clone(), body["task"].clone());
        let (message_id, task_id) = (id_of(&message), id_of(&task));
        assert_eq!(message["task_id"], task["id"], "the message and the task do not match");
        Self { message, task, message_id, task_id }
    }
}

/// Returns the `id` of an object.
pub fn id_of(object: &Value) -> String {
    text_of(object, "id")
}

/// Returns a field that must be a string.
pub fn text_of(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no string `{field}` in {object}")).to_owned()
}

/// Returns whether a task has a final status.
pub fn has_ended(task: &Value) -> bool {
    ["succeeded", "failed", "cancelled", "interrupted"].contains(&task["status"].as_str().unwrap_or_default())
}

/// Returns an unused idempotency key.
pub fn fresh_key() -> String {
    Uuid::new_v4().to_string()
}

/// Returns an ID that does not exist.
pub fn unknown_id() -> String {
    Uuid::now_v7().to_string()
}

impl Client {
    /// Creates a session and returns its ID.
    pub async fn create_session(&self, agent_key: &str) -> String {
        id_of(&self.post("/v1/chat", &json!({"agent_key": agent_key})).await.ok(201))
    }

    /// Sends a message with a new idempotency key. `query` is empty or starts with `?`.
    pub async fn post_message(&self, session: &str, query: &str, body: &Value) -> Reply {
        self.post_message_keyed(session, query, body, &fresh_key()).await
    }

    /// Sends a message with this idempotency key.
    pub async fn post_message_keyed(&self, session: &str, query: &str, body: &Value, key: &str) -> Reply {
        let path = format!("/v1/chat/{session}/messages{query}");
        self.call(self.request("POST", &path).header("Idempotency-Key", key).json(body)).await
    }

    /// Sends a message and expects it to be accepted.
    pub async fn send(&self, session: &str, content: &str) -> Sent {
        Sent::from_body(&self.post_message(session, "", &json!({"content": content})).await.ok(202))
    }

    /// Sends a message with this value for `on_busy`.
    pub async fn send_on_busy(&self, session: &str, content: &str, on_busy: &str) -> Reply {
        self.post_message(session, "", &json!({"content": content, "on_busy": on_busy})).await
    }

    /// Sends a message and waits until its task has ended. Returns `{message, task, reply}`.
    pub async fn ask(&self, session: &str, content: &str) -> Value {
        let query = format!("?wait={ASK_SECONDS}");
        self.post_message(session, &query, &json!({"content": content})).await.ok(200)
    }

    /// Returns the newest 200 turns of a session: `{session, messages, has_more, partial, as_of}`.
    pub async fn chat(&self, session: &str) -> Value {
        match self.find_chat(session).await {
            Some(chat) => chat,
            None => self.get(&format!("/v1/chat/{session}?limit=200")).await.ok(200),
        }
    }

    /// Returns what [`Client::chat`] returns, or `None` if the status is not 200. If long messages end a page early,
    /// also fetches older turns. All turns are from the same point in time.
    pub async fn find_chat(&self, session: &str) -> Option<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (chat, pages) = self.try_chat(session).await.ok()??;
            if pages == 1 || self.get("/v1/chat?limit=1").await.ok(200)["as_of"] == chat["as_of"] {
                return Some(chat);
            }
            assert!(Instant::now() < deadline, "the session keeps changing");
        }
    }

    /// Returns what [`Client::chat`] returns, and the number of pages from which it was put together, or `None` if the
    /// session does not exist. Each page may be newer than the one before.
    ///
    /// # Errors
    /// Fails if there is no response, or another one.
    pub async fn try_chat(&self, session: &str) -> Result<Option<(Value, usize)>, String> {
        const TURNS: usize = 200;
        let path = format!("/v1/chat/{session}");
        let fetch = async |path: String| {
            let reply = self.try_call(self.request("GET", &path)).await.map_err(|error| error.to_string())?;
            match reply.status {
                200 => Ok(Some(reply.json())),
                404 => Ok(None),
                status => Err(format!("{path} returned {status}")),
            }
        };
        let Some(mut chat) = fetch(format!("{path}?limit={TURNS}")).await? else { return Ok(None) };
        let (mut messages, mut pages) = (chat["messages"].as_array().unwrap().clone(), 1);
        let turns =
            |messages: &[Value]| messages.iter().map(|message| message["turn"].as_i64()).collect::<BTreeSet<_>>().len();
        while chat["has_more"] == true && turns(&messages) < TURNS {
            let (before, limit) = (&messages[0]["turn"], TURNS - turns(&messages));
            let older = fetch(format!("{path}/messages?before_turn={before}&limit={limit}")).await?;
            let Some(older) = older else { return Ok(None) };
            messages.splice(0..0, older["items"].as_array().unwrap().iter().cloned());
            chat["has_more"] = older["has_more"].clone();
            pages += 1;
        }
        chat["messages"] = messages.into();
        Ok(Some((chat, pages)))
    }

    /// Returns the messages of the newest 200 turns.
    pub async fn messages(&self, session: &str) -> Vec<Value> {
        self.chat(session).await["messages"].as_array().unwrap().clone()
    }

    /// Returns the (role, content) pairs of the newest 200 turns.
    pub async fn transcript(&self, session: &str) -> Vec<(String, String)> {
        let messages = self.messages(session).await;
        messages.iter().map(|message| (text_of(message, "role"), text_of(message, "content"))).collect()
    }

    /// Returns the answer to a task's message, if there is one. Panics if there are two.
    pub async fn answer_of(&self, session: &str, task: &str) -> Option<Value> {
        let mut answers = self.messages(session).await;
        answers.retain(|message| message["role"] == "assistant" && message["task_id"] == task);
        assert!(answers.len() < 2, "two answers to one task: {answers:?}");
        answers.pop()
    }

    /// Returns a task with its steps.
    pub async fn task(&self, session: &str, task: &str) -> Value {
        self.get(&format!("/v1/chat/{session}/tasks/{task}")).await.ok(200)
    }

    /// Waits until the task has this status, and returns the task. Panics if the task ends with another status.
    pub async fn wait_for_status(&self, session: &str, task: &str, status: &str) -> Value {
        let what = format!("task {task} {status}");
        eventually(&what, async || {
            let now = self.task(session, task).await;
            assert!(now["status"] == status || !has_ended(&now), "ended with a status other than {status}: {now}");
            (now["status"] == status).then_some(now)
        })
        .await
    }

    /// Waits until the stored text of the session's running answer is equal to this text. Streams may receive it
    /// earlier.
    pub async fn wait_for_stored_text(&self, session: &str, text: &str) {
        eventually(&format!("{text:?} to be stored"), async || {
            (self.chat(session).await["partial"]["text"] == text).then_some(())
        })
        .await;
    }

    /// Waits until the task has a final status, and returns the task.
    pub async fn wait_for_end(&self, session: &str, task: &str) -> Value {
        eventually(&format!("the end of task {task}"), async || Some(self.task(session, task).await).filter(has_ended))
            .await
    }

    /// Waits until the session has no running or queued tasks.
    pub async fn wait_until_idle(&self, session: &str) {
        within(std::time::Duration::from_secs(90), "an idle session", async || {
            let session = &self.chat(session).await["session"];
            (session["active_task"].is_null() && session["queued_count"] == 0).then_some(())
        })
        .await;
    }

    /// Cancels a task.
    pub async fn cancel(&self, session: &str, task: &str) -> Reply {
        self.post_nothing(&format!("/v1/chat/{session}/tasks/{task}/cancel")).await
    }

    /// Retries a task.
    pub async fn retry(&self, session: &str, task: &str) -> Reply {
        self.post_nothing(&format!("/v1/chat/{session}/tasks/{task}/retry")).await
    }

    /// Edits a message.
    pub async fn edit(&self, session: &str, message: &str, content: &str) -> Reply {
        self.patch(&format!("/v1/chat/{session}/messages/{message}"), &json!({"content": content})).await
    }

    /// Unsends a message.
    pub async fn unsend(&self, session: &str, message: &str) -> Reply {
        self.delete(&format!("/v1/chat/{session}/messages/{message}")).await
    }

    /// Archives a session.
    pub async fn archive(&self, session: &str) -> Reply {
        self.delete(&format!("/v1/chat/{session}")).await
    }

    /// Fetches a list page by page and returns all of its sessions.
    pub async fn list_all(&self, query: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/v1/chat?limit=100&{query}{cursor}")).await.ok(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}
