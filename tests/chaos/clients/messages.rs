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
use crate::history::{Action, OperationResult, RevisedMessage, SendRecord, is_archive, is_delete};

/// Time limit, after all faults have ended, for a response to a request that is repeated until there is one.
pub(super) const KEYED_LIMIT: Duration = Duration::from_secs(45);

/// Maximum number of messages per session. The checks compare only the newest 200 turns.
pub(super) const MAX_SENDS: usize = 100;

/// How often an operation is repeated that requires an idle session.
pub(super) const BUSY_ATTEMPTS: usize = 8;

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
        self.deliver(&session.id, text, on_busy, None).await;
    }

    /// Sends a message, or a new version of another message. With an idempotency key, repeats the request until the
    /// result is known.
    pub(super) async fn deliver(
        &mut self,
        session: &str,
        text: String,
        on_busy: &'static str,
        revises: Option<RevisedMessage>,
    ) {
        let wait = (self.rng.random_ratio(1, 6)).then(|| 1 + self.rng.random_range(0..3));
        // Without a key, a repeated message whose request got no response could not be recognized.
        let is_keyed = revises.as_ref().is_some_and(|revised| revised.is_repeated) || self.rng.random_ratio(1, 2);
        let (key, session) = (is_keyed.then(fresh_key), session.to_owned());
        let (started, result) = (Instant::now(), OperationResult::Unknown);
        let send = SendRecord { session, text, started, result, ids: None, seq: None, key, on_busy, revises };
        let name = format!(
            "{}{}{} {on_busy}",
            operation_name(&send),
            if send.key.is_some() { " keyed" } else { "" },
            if wait.is_some() { " waiting" } else { "" }
        );
        let index = self.world.history.begin_send(send.clone());
        let mut has_unknown = false;
        let mut calm_since = None;
        let mut busy_attempts = 0;
        loop {
            let (client, started) = (self.client(), Instant::now());
            let request = request_of(&client, &send, wait);
            let response = self.answer(&name, request, &[202, 200], &[409, 404]).await;
            self.log_line(&format!("{name} of {} in {}: {}", send.text, send.session, response.summary()));
            match response {
                Response::Success(reply) => {
                    self.check_found(&name, &send.session, started);
                    return self.accept(index, &name, &reply, wait);
                }
                Response::Rejected { code, .. }
                    if code == "agent_busy" && send.revises.is_some() && busy_attempts < BUSY_ATTEMPTS =>
                {
                    busy_attempts += 1;
                    self.pause_while_busy().await;
                    continue;
                }
                // An earlier attempt that got no response may still have taken effect.
                Response::Rejected { .. } if has_unknown => return,
                Response::Rejected { code, .. } => {
                    self.check_rejection(&name, &send, &code);
                    return self.world.history.reject_send(index);
                }
                Response::NotStored if send.key.is_none() => return self.world.history.reject_send(index),
                Response::NotStored => {}
                Response::Unknown(_) => has_unknown = true,
            }
            if send.key.is_none() {
                return;
            }
            if self.world.faults_ended.load(Ordering::SeqCst) {
                let since: Instant = *calm_since.get_or_insert_with(Instant::now);
                if since.elapsed() > KEYED_LIMIT {
                    let violation = format!("{name} of {} got no response", send.text);
                    return self.world.history.record_violation(violation);
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
        if body["message"]["task_id"] != task.as_str() {
            self.world.history.record_violation(format!("{name} returned another message's task: {body}"));
        }
        self.world.history.accept_send(index, &body["message"]);
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

    fn check_rejection(&self, name: &str, send: &SendRecord, code: &str) {
        let revised = send.revises.as_ref();
        let is_explained = match code {
            "session_archived" => self.may_have(&send.session, is_archive),
            "agent_busy" => send.on_busy == "reject" || revised.is_some(),
            "not_found" => {
                self.may_have(&send.session, is_delete)
                    || revised.is_some_and(|revised| self.world.history.may_be_gone(&send.session, &revised.id))
            }
            _ => false,
        };
        if !is_explained {
            self.world.history.record_violation(format!("{name} was rejected with {code}: {send:?}"));
        }
    }

    /// Repeats an acknowledged send with the same key, which must return the same message.
    pub(super) async fn replay(&mut self, session: &SessionRef) {
        let mut keyed = self.world.history.acknowledged(&session.id);
        keyed.retain(|send| send.key.is_some());
        let Some(send) = keyed.pop() else { return };
        let Some((message, _)) = send.ids.clone() else { return };
        let wait = (self.rng.random_ratio(1, 4)).then_some(1);
        let client = self.client();
        let request = request_of(&client, &send, wait);
        let name = format!("replay {}", operation_name(&send));
        let may_be_gone = || {
            let revised = send.revises.as_ref().map(|revised| &revised.id);
            [Some(&message), revised].into_iter().flatten().any(|id| self.world.history.may_be_gone(&session.id, id))
        };
        match self.answer(&name, request, &[202, 200], &[409, 404]).await {
            Response::Success(reply) => {
                let again = id_of(&reply.json()["message"]);
                if again != message {
                    self.world.history.record_violation(format!("the same key created {message} and {again}"));
                }
            }
            Response::Rejected { code, .. } if ["message_gone", "not_found"].contains(&&*code) && may_be_gone() => {}
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
        if self.world.history.may_have_branches(&session.id) {
            return;
        }
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

pub(super) fn send_request(client: &Client, session: &str, text: &str, on_busy: &str, wait: &str) -> RequestBuilder {
    let request = client.request("POST", &format!("/v1/chat/{session}/messages{wait}"));
    request.json(&json!({"content": text, "on_busy": on_busy}))
}

/// Builds the request for a message or a revision.
fn request_of(client: &Client, send: &SendRecord, wait: Option<u64>) -> RequestBuilder {
    let wait = wait.map(|seconds| format!("?wait={seconds}")).unwrap_or_default();
    let request = match &send.revises {
        None => send_request(client, &send.session, &send.text, send.on_busy, &wait),
        Some(RevisedMessage { id, is_repeated }) => {
            let path = format!("/v1/chat/{}/messages/{id}/revise{wait}", send.session);
            let request = client.request("POST", &path);
            if *is_repeated { request } else { request.json(&json!({"content": send.text})) }
        }
    };
    if let Some(key) = &send.key { request.header("Idempotency-Key", key) } else { request }
}

/// Returns the name used in the counters.
fn operation_name(send: &SendRecord) -> &'static str {
    match &send.revises {
        None => "send",
        Some(RevisedMessage { is_repeated: true, .. }) => "regenerate",
        Some(RevisedMessage { is_repeated: false, .. }) => "revise",
    }
}

fn message_path(send: &SendRecord) -> String {
    let message = send.ids.as_ref().map_or("", |(message, _)| message);
    format!("/v1/chat/{}/messages/{message}", send.session)
}

pub(super) fn task_path(send: &SendRecord) -> String {
    let task = send.ids.as_ref().map_or("", |(_, task)| task);
    format!("/v1/chat/{}/tasks/{task}", send.session)
}
