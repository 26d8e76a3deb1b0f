//! Operations on sessions, including other users' sessions.

use std::time::Instant;

use banter_tests::{
    chat::{id_of, unknown_id},
    load::Response,
};
use rand::RngExt as _;
use serde_json::{Value, json};

use super::{ChaosClient, MAX_SESSIONS, SessionRef, messages::send_request};
use crate::history::Action;

/// A read position past the last message of any session.
const FAR: i64 = 1_000_000;

impl ChaosClient {
    pub(super) async fn create(&mut self) {
        if self.user.sessions.lock().unwrap().len() >= MAX_SESSIONS {
            return;
        }
        let agent = if self.rng.random_ratio(1, 5) { "demo" } else { "scripted" };
        let client = self.client();
        let request = client.request("POST", "/v1/chat").json(&json!({"agent_key": agent}));
        if let Response::Success(reply) = self.answer("create", request, &[201], &[]).await {
            let id = id_of(&reply.json());
            self.log_line(&format!("made {id} for {agent}"));
            self.world.owners.lock().unwrap().push((id.clone(), self.user.number));
            self.user.sessions.lock().unwrap().push(SessionRef { id, agent, is_first: false });
        }
    }

    pub(super) async fn pin(&mut self, session: &SessionRef) {
        let is_pinned = self.rng.random_ratio(1, 2);
        let response = self.patch("pin", session, Action::Pin(is_pinned), &json!({"pinned": is_pinned})).await;
        self.check_response("pin", response.as_ref(), |session| session["pinned_at"].is_null() != is_pinned);
    }

    /// Renames a session, sometimes to an empty title, which also counts as set by the user.
    pub(super) async fn rename(&mut self, session: &SessionRef) {
        self.made += 1;
        let title = if self.rng.random_ratio(1, 8) { String::new() } else { format!("t{}n{}", self.number, self.made) };
        let body = json!({"title": title});
        let response = self.patch("rename", session, Action::Rename(title.clone()), &body).await;
        self.check_response("rename", response.as_ref(), |session| session["title"] == title.as_str());
    }

    pub(super) async fn restore(&mut self, session: &SessionRef) {
        let response = self.patch("restore", session, Action::Archive(false), &json!({"status": "active"})).await;
        self.check_response("restore", response.as_ref(), |session| session["status"] == "active");
    }

    async fn patch(&mut self, name: &str, session: &SessionRef, action: Action, body: &Value) -> Option<Value> {
        let request = self.client().request("PATCH", &format!("/v1/chat/{}", session.id)).json(body);
        match self.change(name, (&session.id, None), action, request, 200).await {
            Response::Success(reply) => Some(reply.json()),
            Response::Rejected { .. } | Response::NotStored | Response::Unknown(_) => None,
        }
    }

    /// Checks that a successful response contains the change.
    fn check_response(&self, name: &str, response: Option<&Value>, is_done: impl Fn(&Value) -> bool) {
        if let Some(response) = response.filter(|response| !is_done(response)) {
            self.world.history.record_violation(format!("{name} succeeded without taking effect: {response}"));
        }
    }

    pub(super) async fn archive(&mut self, session: &SessionRef) {
        let request = self.client().request("DELETE", &format!("/v1/chat/{}", session.id));
        self.change("archive", (&session.id, None), Action::Archive(true), request, 204).await;
    }

    /// Deletes a session permanently, unless it is the user's first session.
    pub(super) async fn delete(&mut self, session: &SessionRef) {
        if session.is_first {
            return;
        }
        let request = self.client().request("DELETE", &format!("/v1/chat/{}?permanent=true", session.id));
        let response = self.change("delete", (&session.id, None), Action::Delete, request, 204).await;
        if matches!(response, Response::Success(_) | Response::Rejected { .. }) {
            self.user.sessions.lock().unwrap().retain(|other| other.id != session.id);
        }
    }

    /// Marks a session as read up to some message, or sometimes past the last one.
    pub(super) async fn read(&mut self, session: &SessionRef) {
        let sent = self.pick_message(session, 10).and_then(|send| send.seq).unwrap_or(0);
        let seq = if self.rng.random_ratio(1, 3) { FAR } else { sent };
        let request =
            self.client().request("POST", &format!("/v1/chat/{}/read", session.id)).json(&json!({"seq": seq}));
        if let Response::Success(reply) =
            self.change("read", (&session.id, None), Action::Read(seq), request, 200).await
        {
            self.check_response("read", Some(&reply.json()), |response| {
                response["last_read_seq"].as_i64() >= Some(sent)
            });
        }
    }

    pub(super) async fn unread(&mut self, session: &SessionRef) {
        let request = self.client().request("POST", &format!("/v1/chat/{}/unread", session.id));
        self.change("unread", (&session.id, None), Action::Unread, request, 200).await;
    }

    /// Tries to access a deleted session or another user's session. The response must be a 404.
    pub(super) async fn access_forbidden(&mut self) {
        let Some(session) = self.pick_inaccessible_session() else { return };
        let (path, client) = (format!("/v1/chat/{session}"), self.client());
        let request = match self.rng.random_range(0..11) {
            0 => client.request("GET", &path),
            1 => client.request("GET", &format!("{path}/messages")),
            2 => client.request("GET", &format!("{path}/events")),
            3 => send_request(&client, &session, "pried", "queue", ""),
            4 => client.request("PATCH", &path).json(&json!({"title": "pried"})),
            5 => client.request("DELETE", &path),
            6 => client.request("DELETE", &format!("{path}?permanent=true")),
            7 => client.request("GET", &format!("{path}/export")),
            8 => client.request("POST", &format!("{path}/branch")).json(&json!({"message_id": unknown_id()})),
            9 => client.request("POST", &format!("{path}/messages/{}/revise", unknown_id())),
            _ => client.request("POST", &format!("{path}/read")).json(&json!({"seq": 1})),
        };
        self.answer("access forbidden", request, &[], &[404]).await;
    }

    fn pick_inaccessible_session(&mut self) -> Option<String> {
        let now = Instant::now();
        let mut owners = self.world.owners.lock().unwrap().clone();
        owners.retain(|(session, user)| {
            *user != self.user.number || self.world.history.deleted_at(session).is_some_and(|deleted| deleted < now)
        });
        if owners.is_empty() {
            return None;
        }
        let index = self.rng.random_range(0..owners.len());
        Some(owners.swap_remove(index).0)
    }
}
