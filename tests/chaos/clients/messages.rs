//! Operations on messages.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use banter_tests::{
    chat::{fresh_key, has_ended, id_of},
    client::{Client, Reply},
    load::Response,
};
use rand::RngExt as _;
use reqwest::RequestBuilder;
use serde_json::json;

use super::{ChaosClient, SessionRef};
use crate::history::{Action, SendRecord, is_archive, is_delete};

/// Time limit, after all faults have ended, for a response to a send with an idempotency key.
const KEYED_LIMIT: Duration = Duration::from_secs(45);

/// Maximum number of messages per session. The checks compare only the newest 200 turns.
const MAX_SENDS: usize = 100;

impl ChaosClient {
    pub(super) async fn send(&mut self, session: &SessionRef) {
        if self.world.history.acknowledged(&session.id).len() >= MAX_SENDS {
            return self.create().await;
        }
        let text = self.fresh_text(session.agent);
        let on_busy = match self.rng.random_range(0..12) {
            0 | 1 => "interrupt",
            2 => "reject",
            _ => "queue",
        };
        let wait = (self.rng.random_ratio(1, 6)).then(|| 1 + self.rng.random_range(0..3));
        let key = (self.rng.random_ratio(1, 2)).then(|| (fresh_key(), on_busy));
        let name = format!(
            "send{}{} {on_busy}",
            if key.is_some() { " keyed" } else { "" },
            if wait.is_some() { " waiting" } else { "" }
        );
        let index = self.world.history.begin_send(&session.id, &text, key.clone());
        let mut has_unknown = false;
        let mut calm_since = None;
        loop {
            let (client, started) = (self.client(), Instant::now());
            let key_text = key.as_ref().map(|(key, _)| key.as_str());
            let request = send_request(&client, &session.id, &text, on_busy, wait, key_text);
            let response = self.answer(&name, request, &[202, 200], &[409, 404]).await;
            self.log_line(&format!("{name} of {text} in {}: {}", session.id, response.summary()));
            match response {
                Response::Success(reply) => {
                    self.check_found(&name, &session.id, started);
                    return self.accept(index, &name, &reply, wait);
                }
                // An earlier attempt that got no response may still have taken effect.
                Response::Rejected { .. } if has_unknown => return,
                Response::Rejected { code, .. } => {
                    self.check_rejection(&name, session, &text, on_busy, &code);
                    return self.world.history.reject_send(index);
                }
                Response::NotStored if key.is_none() => return self.world.history.reject_send(index),
                Response::NotStored => {}
                Response::Unknown(_) => has_unknown = true,
            }
            if key.is_none() {
                return;
            }
            if self.world.faults_ended.load(Ordering::SeqCst) {
                let since: Instant = *calm_since.get_or_insert_with(Instant::now);
                if since.elapsed() > KEYED_LIMIT {
                    return self.world.history.record_violation(format!("{name} of {text} got no response"));
                }
            }
            tokio::time::sleep(Duration::from_millis(50 + self.rng.random_range(0..200))).await;
        }
    }

    /// Records a 202 response, or the 200 response to a send that waited for its answer.
    fn accept(&self, index: usize, name: &str, reply: &Reply, wait: Option<u64>) {
        let body = reply.json();
        let (message, task) = (id_of(&body["message"]), id_of(&body["task"]));
        self.log_line(&format!("{} is {message} with task {task}", body["message"]["content"]));
        self.world.history.accept_send(index, message, task, body["message"]["seq"].as_i64());
        let is_the_end = reply.status == 200;
        if is_the_end && (wait.is_none() || !has_ended(&body["task"])) {
            self.world.history.record_violation(format!("{name} returned 200 before the task ended: {body}"));
        }
        let answer = &body["reply"];
        if !answer.is_null() && (answer["task_id"] != body["task"]["id"] || answer["role"] != "assistant") {
            self.world.history.record_violation(format!("{name} returned another task's reply: {body}"));
        }
        if is_the_end && body["task"]["status"] == "succeeded" && answer.is_null() {
            self.world.history.record_violation(format!("{name} succeeded without a reply: {body}"));
        }
    }

    fn check_rejection(&self, name: &str, session: &SessionRef, text: &str, on_busy: &str, code: &str) {
        let is_explained = match code {
            "session_archived" => self.may_have(&session.id, is_archive),
            "agent_busy" => on_busy == "reject",
            "not_found" => self.may_have(&session.id, is_delete),
            _ => false,
        };
        if !is_explained {
            self.world.history.record_violation(format!("{name} of {text} in {} was rejected with {code}", session.id));
        }
    }

    /// Repeats an acknowledged send with the same key, which must return the same message.
    pub(super) async fn replay(&mut self, session: &SessionRef) {
        let mut keyed = self.world.history.acknowledged(&session.id);
        keyed.retain(|send| send.key.is_some());
        let Some(send) = keyed.pop() else { return };
        let (Some((key, on_busy)), Some((message, _))) = (send.key, send.ids) else { return };
        let wait = (self.rng.random_ratio(1, 4)).then_some(1);
        let client = self.client();
        let request = send_request(&client, &session.id, &send.text, on_busy, wait, Some(&key));
        match self.answer("replay", request, &[202, 200], &[409, 404]).await {
            Response::Success(reply) => {
                let again = id_of(&reply.json()["message"]);
                if again != message {
                    self.world.history.record_violation(format!("the same key created {message} and {again}"));
                }
            }
            Response::Rejected { code, .. }
                if code == "message_gone" && self.world.history.may_be_gone(&session.id, &message) => {}
            Response::Rejected { code, .. } if code == "not_found" && self.may_have(&session.id, is_delete) => {}
            Response::Rejected { code, .. } => {
                self.world.history.record_violation(format!("the key of {message} was rejected with {code}"));
            }
            Response::NotStored | Response::Unknown(_) => {}
        }
    }

    pub(super) async fn edit(&mut self, session: &SessionRef) {
        let Some((send, message)) = self.pick_message(session, 6).and_then(with_message) else { return };
        let text = self.fresh_text(session.agent);
        let client = self.client();
        let request = client.request("PATCH", &message_path(&send)).json(&json!({"content": text}));
        self.change("edit", (&session.id, Some(&message)), Action::Edit(text), request, 200).await;
    }

    pub(super) async fn unsend(&mut self, session: &SessionRef) {
        let Some((send, message)) = self.pick_message(session, 6).and_then(with_message) else { return };
        let client = self.client();
        let request = client.request("DELETE", &message_path(&send));
        self.change("unsend", (&session.id, Some(&message)), Action::Unsend, request, 204).await;
    }

    pub(super) async fn retry(&mut self, session: &SessionRef) {
        let Some((send, message)) = self.pick_message(session, 6).and_then(with_message) else { return };
        let client = self.client();
        let request = client.request("POST", &format!("{}/retry", task_path(&send)));
        self.change("retry", (&session.id, Some(&message)), Action::Retry, request, 202).await;
    }

    /// Checks that a random api returns every message that was acknowledged before the request and cannot have been
    /// deleted.
    pub(super) async fn get(&mut self, session: &SessionRef) {
        let before = self.world.history.acknowledged(&session.id);
        let (client, started) = (self.client(), Instant::now());
        let request = client.request("GET", &format!("/v1/chat/{}?limit=200", session.id));
        let reply = match self.answer("get", request, &[200], &[404]).await {
            Response::Success(reply) => reply,
            Response::Rejected { code, .. } => return self.check_missing("get", &session.id, None, &code),
            Response::NotStored | Response::Unknown(_) => return,
        };
        self.check_found("get", &session.id, started);
        let chat = reply.json();
        let messages = chat["messages"].as_array().unwrap();
        let ids: Vec<&str> = messages.iter().filter_map(|message| message["id"].as_str()).collect();
        for (message, _) in before.into_iter().filter_map(|send| send.ids) {
            if !ids.contains(&message.as_str()) && !self.world.history.may_be_gone(&session.id, &message) {
                let violation = format!("acknowledged but not in a later GET of {}: {message}", session.id);
                self.world.history.record_violation(violation);
            }
        }
    }
}

fn with_message(send: SendRecord) -> Option<(SendRecord, String)> {
    let message = send.ids.as_ref()?.0.clone();
    Some((send, message))
}

pub(super) fn send_request(
    client: &Client,
    session: &str,
    text: &str,
    on_busy: &str,
    wait: Option<u64>,
    key: Option<&str>,
) -> RequestBuilder {
    let wait = wait.map(|seconds| format!("?wait={seconds}")).unwrap_or_default();
    let request = client.request("POST", &format!("/v1/chat/{session}/messages{wait}"));
    let request = request.json(&json!({"content": text, "on_busy": on_busy}));
    if let Some(key) = key { request.header("Idempotency-Key", key) } else { request }
}

fn message_path(send: &SendRecord) -> String {
    let message = send.ids.as_ref().map_or("", |(message, _)| message);
    format!("/v1/chat/{}/messages/{message}", send.session)
}

pub(super) fn task_path(send: &SendRecord) -> String {
    let task = send.ids.as_ref().map_or("", |(_, task)| task);
    format!("/v1/chat/{}/tasks/{task}", send.session)
}
