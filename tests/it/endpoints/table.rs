//! The table of all operations. [`super::coverage`] fails if the table differs from the OpenAPI document.

use banter_tests::{
    app::TestApp,
    chat::{fresh_key, id_of, unknown_id},
    client::{Client, Reply},
    permission_request::ask_permission,
};
use serde_json::{Value, json};

/// Maximum length of a message, in bytes.
pub const MAX_CONTENT: usize = 256 * 1024;

/// The users who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone, even without a key.
    Public,
    /// Every role.
    Read,
    /// Admins and members.
    Change,
}

/// An operation of the API, with valid and invalid input.
pub struct Operation {
    /// The HTTP method, such as `GET`.
    pub method: &'static str,
    /// The path, which may contain the parameters `{session}`, `{message}`, `{task}`, `{permission}`, and
    /// `{attachment}`, and required query parameters.
    pub path: &'static str,
    pub access: Access,
    /// The status of the response to valid input.
    pub status: u16,
    /// A valid body, if the operation accepts one. It may contain the parameter `{message}`.
    pub body: Option<fn() -> Value>,
    /// Invalid bodies, each with the name of the invalid field.
    pub bad_bodies: fn() -> Vec<(Value, &'static str)>,
    /// Invalid query strings.
    pub bad_queries: &'static [&'static str],
}

const fn get(path: &'static str, access: Access, bad_queries: &'static [&'static str]) -> Operation {
    Operation { method: "GET", path, access, status: 200, body: None, bad_bodies: Vec::new, bad_queries }
}

const fn change(method: &'static str, path: &'static str, status: u16) -> Operation {
    let access = Access::Change;
    Operation { method, path, access, status, body: None, bad_bodies: Vec::new, bad_queries: &[] }
}

/// All operations.
pub const OPERATIONS: &[Operation] = &[
    get("/healthz", Access::Public, &[]),
    get("/readyz", Access::Public, &[]),
    get("/metrics", Access::Public, &[]),
    get("/v1/openapi.json", Access::Public, &[]),
    get("/v1/auth/me", Access::Read, &[]),
    Operation {
        access: Access::Public,
        // Valid keys are tested in `auth/logins.rs`.
        body: Some(|| json!({"api_key": "bnt_no_such_key"})),
        bad_bodies: || vec![(json!({}), "api_key"), (json!({"api_key": 5}), "api_key")],
        ..change("POST", "/v1/auth/session", 401)
    },
    Operation { access: Access::Read, ..change("DELETE", "/v1/auth/session", 204) },
    Operation { access: Access::Read, ..change("POST", "/v1/auth/sse-token", 201) },
    get("/v1/agents", Access::Read, &[]),
    get("/v1/folders", Access::Read, &[]),
    get("/v1/chat/{session}/changes", Access::Read, &["turn=0", "turn=x"]),
    get("/v1/events", Access::Read, &[]),
    get(
        "/v1/chat",
        Access::Read,
        &[
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=x",
            "limit=1.5",
            "limit=99999999999999999999",
            "status=gone",
            "unread=maybe",
            "cursor=x",
            "cursor=%00",
            "cursor=-",
        ],
    ),
    get("/v1/chat/{session}", Access::Read, &["limit=0", "limit=201", "limit=-1", "limit=x"]),
    get("/v1/chat/{session}/events", Access::Read, &[]),
    get(
        "/v1/chat/{session}/messages",
        Access::Read,
        &["limit=0", "limit=201", "limit=-1", "limit=x", "before_turn=x", "after_turn=x", "before_turn=1.5"],
    ),
    get("/v1/export", Access::Read, &[]),
    // Valid files are tested in `imports/`.
    change("POST", "/v1/import", 422),
    get("/v1/chat/{session}/export", Access::Read, &["format=pdf", "format="]),
    Operation {
        bad_queries: &["name=", "name=..", "name=a%2Fb", "name=a%00"],
        ..change("POST", "/v1/attachments", 201)
    },
    get(
        "/v1/chat/{session}/attachments",
        Access::Read,
        &["limit=0", "limit=101", "limit=x", "before_turn=x", "before_turn=-1"],
    ),
    get("/v1/attachments/{attachment}", Access::Read, &["thumbnail=0", "thumbnail=1025", "thumbnail=x"]),
    change("DELETE", "/v1/attachments/{attachment}", 204),
    get("/v1/chat/{session}/tasks/{task}", Access::Read, &[]),
    get(
        "/v1/search?q=Hello&chat_session_id={session}",
        Access::Read,
        &["limit=0", "limit=51", "limit=x", "cursor=x", "cursor=-1u"],
    ),
    Operation {
        body: Some(|| json!({"agent_key": "demo"})),
        bad_bodies: || {
            vec![
                (json!({}), "agent_key"),
                (json!({"agent_key": 5}), "agent_key"),
                (json!({"agent_key": null}), "agent_key"),
                (json!({"agent_key": "demo", "title": 7}), "title"),
                (json!({"agent_key": "demo", "title": "é".repeat(201)}), "title"),
                (json!({"agent_key": "demo", "folder": 1}), "folder"),
                (json!({"agent_key": "demo", "base": "main"}), "base"),
            ]
        },
        ..change("POST", "/v1/chat", 201)
    },
    Operation {
        body: Some(|| json!({"title": "A title", "pinned": true})),
        bad_bodies: || {
            vec![
                (json!({"title": 7}), "title"),
                (json!({"title": "x".repeat(201)}), "title"),
                (json!({"status": "gone"}), "status"),
                (json!({"status": 5}), "status"),
                (json!({"pinned": "yes"}), "pinned"),
                (json!({"agent_key": 5}), "agent_key"),
            ]
        },
        ..change("PATCH", "/v1/chat/{session}", 200)
    },
    change("DELETE", "/v1/chat/{session}", 204),
    Operation {
        body: Some(|| json!({"title": "A fork"})),
        bad_bodies: || {
            vec![
                (json!({"title": "x".repeat(201)}), "title"),
                (json!({"agent_key": 5}), "agent_key"),
                (json!({"message_id": 5}), "message_id"),
            ]
        },
        ..change("POST", "/v1/chat/{session}/fork", 201)
    },
    Operation {
        body: Some(|| json!({"message_id": "{message}"})),
        bad_bodies: || {
            vec![
                (json!({}), "message_id"),
                (json!({"message_id": 5}), "message_id"),
                (json!({"message_id": "{message}", "index": "1"}), "index"),
                (json!({"message_id": "{message}", "index": 0}), "index"),
                (json!({"message_id": "{message}", "index": -1}), "index"),
                (json!({"message_id": "{message}", "index": 2}), "index"),
            ]
        },
        ..change("POST", "/v1/chat/{session}/branch", 200)
    },
    Operation {
        access: Access::Read,
        body: Some(|| json!({"seq": 1})),
        bad_bodies: || vec![(json!({}), "seq"), (json!({"seq": "x"}), "seq"), (json!({"seq": 1.5}), "seq")],
        ..change("POST", "/v1/chat/{session}/read", 200)
    },
    Operation { access: Access::Read, ..change("POST", "/v1/chat/{session}/unread", 200) },
    get("/v1/chat/{session}/draft", Access::Read, &[]),
    Operation {
        body: Some(|| json!({"text": "To be continued", "revision": 0})),
        bad_bodies: || {
            vec![
                (json!({}), "text"),
                (json!({"text": 5, "revision": 0}), "text"),
                (json!({"text": "x"}), "revision"),
                (json!({"text": "x", "revision": "0"}), "revision"),
                (json!({"text": "x".repeat(MAX_CONTENT + 1), "revision": 0}), "text"),
            ]
        },
        ..change("PUT", "/v1/chat/{session}/draft", 200)
    },
    Operation {
        body: Some(|| json!({"content": "Hello", "on_busy": "queue"})),
        bad_bodies: || {
            vec![
                (json!({}), "content"),
                (json!({"content": 5}), "content"),
                (json!({"content": null}), "content"),
                (json!({"content": ""}), "content"),
                (json!({"content": " \n\t\u{a0}\u{3000}"}), "content"),
                (json!({"content": "x".repeat(MAX_CONTENT + 1)}), "content"),
                (json!({"content": "x", "on_busy": "maybe"}), "on_busy"),
                (json!({"content": "x", "attachments": 5}), "attachments"),
                (json!({"content": "x", "attachments": vec![unknown_id(); 11]}), "attachments"),
                (json!({"content": "x", "attachments": [5]}), "attachments[0]"),
            ]
        },
        bad_queries: &["wait=-1", "wait=121", "wait=x"],
        ..change("POST", "/v1/chat/{session}/messages", 202)
    },
    Operation {
        body: Some(|| json!({"content": "Better"})),
        bad_bodies: || {
            vec![
                (json!({}), "content"),
                (json!({"content": 5}), "content"),
                (json!({"content": " "}), "content"),
                (json!({"content": "x".repeat(MAX_CONTENT + 1)}), "content"),
            ]
        },
        ..change("PATCH", "/v1/chat/{session}/messages/{message}", 200)
    },
    change("DELETE", "/v1/chat/{session}/messages/{message}", 204),
    Operation {
        body: Some(|| json!({"content": "Better"})),
        bad_bodies: || {
            vec![
                (json!({"content": 5}), "content"),
                (json!({"content": ""}), "content"),
                (json!({"content": " \n"}), "content"),
                (json!({"content": "x".repeat(MAX_CONTENT + 1)}), "content"),
                (json!({"attachments": 5}), "attachments"),
                (json!({"attachments": vec![unknown_id(); 11]}), "attachments"),
                (json!({"attachments": [5]}), "attachments[0]"),
            ]
        },
        bad_queries: &["wait=-1", "wait=121", "wait=x"],
        ..change("POST", "/v1/chat/{session}/messages/{message}/revise", 202)
    },
    change("POST", "/v1/chat/{session}/tasks/{task}/cancel", 202),
    change("POST", "/v1/chat/{session}/tasks/{task}/retry", 202),
    Operation {
        body: Some(|| json!({"decision": "allow"})),
        bad_bodies: || {
            vec![
                (json!({}), "decision"),
                (json!({"decision": null}), "decision"),
                (json!({"decision": "maybe"}), "decision"),
                (json!({"decision": true}), "decision"),
                (json!({"option_id": 5}), "option_id"),
                (json!({"decision": "allow", "option_id": "y"}), "option_id"),
            ]
        },
        ..change("POST", "/v1/chat/{session}/tasks/{task}/permissions/{permission}", 204)
    },
];

impl Operation {
    /// Returns the name used in failure reports.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns whether the path contains an object that belongs to a user.
    pub fn has_owner(&self) -> bool {
        self.path.contains("{session}") || self.path.contains("{attachment}")
    }

    /// Returns the path with its parameters replaced by the IDs of these objects.
    pub fn path_for(&self, target: &Target) -> String {
        self.path
            .replace("{session}", &target.session)
            .replace("{message}", &target.message)
            .replace("{task}", &target.task)
            .replace("{permission}", &target.permission)
            .replace("{attachment}", &target.attachment)
    }

    /// Returns the valid body with its parameters replaced. Panics if the operation has none.
    pub fn body_for(&self, target: &Target) -> Value {
        with_ids(&self.body.unwrap()(), target)
    }

    /// Creates the objects that the operation needs to succeed: a session with one message and, if the path requires
    /// one, a permission request. The message's task stays queued, because there is no worker. If the operation is a
    /// operation on an ended task or turn, the task is cancelled.
    pub async fn prepare(&self, app: &TestApp, owner: &Client) -> Target {
        let session = owner.create_session("demo").await;
        let sent = owner.send(&session, "Hello").await;
        if ["/retry", "/fork", "/revise", "/branch"].iter().any(|end| self.path.ends_with(end)) {
            owner.cancel(&session, &sent.task_id).await.ok(202);
        }
        let permission = if self.path.contains("{permission}") {
            ask_permission(&app.database(), &sent.task_id).await
        } else {
            unknown_id()
        };
        let attachment = id_of(&owner.upload("notes.txt", "hello").await);
        Target { session, message: sent.message_id, task: sent.task_id, permission, attachment }
    }

    /// Calls the operation on a target, with this query string. The body defaults to the operation's valid body.
    pub async fn send(&self, client: &Client, target: &Target, query: &str, body: Option<&Value>) -> Reply {
        let separator = match query {
            "" => "",
            _ if self.path.contains('?') => "&",
            _ => "?",
        };
        let path = format!("{}{separator}{query}", self.path_for(target));
        let mut request = client.request(self.method, &path);
        if self.path.ends_with("/messages") {
            request = request.header("Idempotency-Key", fresh_key());
        }
        let good = self.body.map(|good| good());
        if let Some(body) = body.or(good.as_ref()) {
            request = request.json(&with_ids(body, target));
        }
        client.call(request).await
    }
}

/// Replaces the parameter `{message}` in a body.
fn with_ids(body: &Value, target: &Target) -> Value {
    serde_json::from_str(&body.to_string().replace("{message}", &target.message)).unwrap()
}

/// The objects on which an operation is called.
#[derive(Clone, Debug)]
pub struct Target {
    pub session: String,
    pub message: String,
    pub task: String,
    pub permission: String,
    pub attachment: String,
}

/// The failures in a test, collected so that one run reports all of them.
#[derive(Debug, Default)]
pub struct Complaints(Vec<String>);

impl Complaints {
    /// Returns the error if the response is one with this status. Otherwise, adds a failure.
    pub fn expect_problem(&mut self, what: &str, reply: &Reply, status: u16) -> Option<Value> {
        reply.check_problem(status).map_err(|complaint| self.add(format!("{what}: {complaint}"))).ok()
    }

    /// Adds a failure unless the response has this status.
    pub fn expect_status(&mut self, what: &str, reply: &Reply, status: u16) {
        if reply.status != status {
            self.add(format!("{what}: expected {status}: {} {}", reply.status, reply.text()));
        }
    }

    /// Adds a failure.
    pub fn add(&mut self, complaint: String) {
        self.0.push(complaint);
    }

    /// Fails the test if there are any failures.
    pub fn report(self) {
        assert!(self.0.is_empty(), "{} complaints:\n{}", self.0.len(), self.0.join("\n"));
    }
}
