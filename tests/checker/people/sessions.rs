//! Operations on sessions, including those of other users.

use std::time::Instant;

use banter_tests::chat::id_of;
use serde_json::{Value, json};

use super::{MAX_SESSIONS, Person, Place, messages::send_request, told::Told};
use crate::history::Action;

/// A read position beyond every message.
const FAR: i64 = 1_000_000;

impl Person {
    pub(super) async fn create(&mut self) {
        if self.user.sessions.lock().unwrap().len() >= MAX_SESSIONS {
            return;
        }
        let agent = if self.dice.below(5) == 0 { "demo" } else { "scripted" };
        let client = self.client();
        let request = client.request("POST", "/v1/chat").json(&json!({"agent_key": agent}));
        if let Told::Yes(reply) = self.answer("create", request, &[201], &[]).await {
            let id = id_of(&reply.json());
            self.note(&format!("made {id} for {agent}"));
            self.world.owners.lock().unwrap().push((id.clone(), self.user.number));
            self.user.sessions.lock().unwrap().push(Place { id, agent, is_home: false });
        }
    }

    pub(super) async fn pin(&mut self, place: &Place) {
        let is_pinned = self.dice.below(2) == 0;
        let told = self.patch("pin", place, Action::Pin(is_pinned), &json!({"pinned": is_pinned})).await;
        self.judge_told("pin", told.as_ref(), |session| session["pinned_at"].is_null() != is_pinned);
    }

    /// Sometimes to an empty title, which is a user's title, too.
    pub(super) async fn rename(&mut self, place: &Place) {
        self.made += 1;
        let title = if self.dice.below(8) == 0 { String::new() } else { format!("t{}n{}", self.number, self.made) };
        let body = json!({"title": title});
        let told = self.patch("rename", place, Action::Rename(title.clone()), &body).await;
        self.judge_told("rename", told.as_ref(), |session| session["title"] == title.as_str());
    }

    pub(super) async fn restore(&mut self, place: &Place) {
        let told = self.patch("restore", place, Action::Archive(false), &json!({"status": "active"})).await;
        self.judge_told("restore", told.as_ref(), |session| session["status"] == "active");
    }

    async fn patch(&mut self, name: &str, place: &Place, action: Action, body: &Value) -> Option<Value> {
        let request = self.client().request("PATCH", &format!("/v1/chat/{}", place.id)).json(body);
        match self.change(name, (&place.id, None), action, request, 200).await {
            Told::Yes(reply) => Some(reply.json()),
            Told::No(_) | Told::NothingStored | Told::Nothing => None,
        }
    }

    /// Checks that a success response shows the change.
    fn judge_told(&self, name: &str, told: Option<&Value>, is_done: impl Fn(&Value) -> bool) {
        if let Some(told) = told.filter(|told| !is_done(told)) {
            self.world.history.complain(format!("{name} is answered yes with {told}"));
        }
    }

    pub(super) async fn archive(&mut self, place: &Place) {
        let request = self.client().request("DELETE", &format!("/v1/chat/{}", place.id));
        self.change("archive", (&place.id, None), Action::Archive(true), request, 204).await;
    }

    /// Deletes a session permanently, unless it is the user's first.
    pub(super) async fn delete(&mut self, place: &Place) {
        if place.is_home {
            return;
        }
        let request = self.client().request("DELETE", &format!("/v1/chat/{}?permanent=true", place.id));
        let told = self.change("delete", (&place.id, None), Action::Delete, request, 204).await;
        if matches!(told, Told::Yes(_) | Told::No(_)) {
            self.user.sessions.lock().unwrap().retain(|other| other.id != place.id);
        }
    }

    /// Marks a session read up to some message, sometimes beyond the last one.
    pub(super) async fn read(&mut self, place: &Place) {
        let sent = self.pick_message(place, 10).and_then(|send| send.seq).unwrap_or(0);
        let seq = if self.dice.below(3) == 0 { FAR } else { sent };
        let request = self.client().request("POST", &format!("/v1/chat/{}/read", place.id)).json(&json!({"seq": seq}));
        if let Told::Yes(reply) = self.change("read", (&place.id, None), Action::Read(seq), request, 200).await {
            self.judge_told("read", Some(&reply.json()), |told| told["last_read_seq"].as_i64() >= Some(sent));
        }
    }

    pub(super) async fn unread(&mut self, place: &Place) {
        let request = self.client().request("POST", &format!("/v1/chat/{}/unread", place.id));
        self.change("unread", (&place.id, None), Action::Unread, request, 200).await;
    }

    /// Requests a session of another user, or a deleted one: the response must be 404.
    pub(super) async fn pry(&mut self) {
        let Some(session) = self.pick_nothing_of_ours() else { return };
        let (path, client) = (format!("/v1/chat/{session}"), self.client());
        let request = match self.dice.below(8) {
            0 => client.request("GET", &path),
            1 => client.request("GET", &format!("{path}/messages")),
            2 => client.request("GET", &format!("{path}/events")),
            3 => send_request(&client, &session, "pried", "queue", None, None),
            4 => client.request("PATCH", &path).json(&json!({"title": "pried"})),
            5 => client.request("DELETE", &path),
            6 => client.request("DELETE", &format!("{path}?permanent=true")),
            _ => client.request("POST", &format!("{path}/read")).json(&json!({"seq": 1})),
        };
        self.answer("pry", request, &[], &[404]).await;
    }

    fn pick_nothing_of_ours(&mut self) -> Option<String> {
        let now = Instant::now();
        let mut owners = self.world.owners.lock().unwrap().clone();
        owners.retain(|(session, user)| {
            *user != self.user.number || self.world.history.deleted_at(session).is_some_and(|deleted| deleted < now)
        });
        if owners.is_empty() {
            return None;
        }
        let index = usize::try_from(self.dice.below(owners.len() as u64)).unwrap();
        Some(owners.swap_remove(index).0)
    }
}
