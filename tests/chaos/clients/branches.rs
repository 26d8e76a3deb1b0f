//! Revisions of messages, switches between branches, and exports with all branches.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use banter_tests::load::Response;
use rand::RngExt as _;
use serde_json::json;

use super::{
    ChaosClient, SessionRef,
    messages::{BUSY_ATTEMPTS, MAX_SENDS},
};
use crate::history::{Action, OperationResult, RevisedMessage};

impl ChaosClient {
    /// Sends another text in place of a message.
    pub(super) async fn revise(&mut self, session: &SessionRef) {
        let Some((id, _)) = self.pick_revisable(session) else { return };
        let text = self.fresh_text(session.agent);
        self.deliver(&session.id, text, "queue", Some(RevisedMessage { id, is_repeated: false })).await;
    }

    /// Asks the agent the same again.
    pub(super) async fn regenerate(&mut self, session: &SessionRef) {
        let Some((id, text)) = self.pick_revisable(session) else { return };
        self.deliver(&session.id, text, "queue", Some(RevisedMessage { id, is_repeated: true })).await;
    }

    /// Makes the branch with a message current, or that of another version of it.
    pub(super) async fn switch(&mut self, session: &SessionRef) {
        let Some((message, _)) = self.pick_any_message(session) else { return };
        let index = self.rng.random_ratio(1, 3).then(|| self.rng.random_range(1..=3));
        let mut body = json!({"message_id": message});
        if let Some(index) = index {
            body["index"] = index.into();
        }
        let history = self.world.history.clone();
        let path = format!("/v1/chat/{}/branch", session.id);
        // A version with this number may not exist.
        let rejections: &[u16] = if index > Some(1) { &[400, 404, 409] } else { &[404, 409] };
        for _ in 0..BUSY_ATTEMPTS {
            let change = history.begin_change(&session.id, Action::Switch { message: message.clone(), index });
            let (client, started) = (self.client(), Instant::now());
            let response = self.answer("switch", client.request("POST", &path).json(&body), &[200], rejections).await;
            self.log_line(&format!("switch of {} to {message} {index:?}: {}", session.id, response.summary()));
            history.end_change(change, OperationResult::of(&response), None);
            match response {
                Response::Rejected { code, .. } if code == "agent_busy" => self.pause_while_busy().await,
                Response::Rejected { code, .. } => {
                    return self.check_missing("switch", &session.id, Some(&message), &code);
                }
                Response::Success(_) => return self.check_found("switch", &session.id, started),
                Response::NotStored | Response::Unknown(_) => return,
            }
        }
    }

    /// Checks that an export has every message once that was acknowledged before the request and cannot have been
    /// deleted.
    pub(super) async fn export(&mut self, session: &SessionRef) {
        let history = self.world.history.clone();
        let acknowledged = history.acknowledged(&session.id).into_iter().filter_map(|send| Some(send.ids?.0));
        let imported = history.imported_messages(&session.id).into_iter().map(|(id, _)| id);
        let before: Vec<String> = acknowledged.chain(imported).collect();
        let (client, started) = (self.client(), Instant::now());
        let request = client.request("GET", &format!("/v1/chat/{}/export", session.id));
        let reply = match self.answer("export", request, &[200], &[404]).await {
            Response::Success(reply) => reply,
            Response::Rejected { code, .. } => return self.check_missing("export", &session.id, None, &code),
            Response::NotStored | Response::Unknown(_) => return,
        };
        self.check_found("export", &session.id, started);
        let document = reply.json();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for message in document["conversations"][0]["messages"].as_array().unwrap() {
            *counts.entry(message["id"].as_str().unwrap()).or_default() += 1;
        }
        for (id, _) in counts.iter().filter(|(_, count)| **count > 1) {
            history.record_violation(format!("an export of {} has {id} twice", session.id));
        }
        for id in before.iter().filter(|id| !counts.contains_key(id.as_str())) {
            if !history.may_be_gone(&session.id, id) {
                history.record_violation(format!("acknowledged but not in a later export of {}: {id}", session.id));
            }
        }
    }

    /// Picks a message of a session that may have another version.
    fn pick_revisable(&mut self, session: &SessionRef) -> Option<(String, String)> {
        let has_room = self.world.history.acknowledged(&session.id).len() < MAX_SENDS;
        if has_room { self.pick_any_message(session) } else { None }
    }

    /// Picks any message of a session, half of the time one of the newest. Returns its ID and its text.
    fn pick_any_message(&mut self, session: &SessionRef) -> Option<(String, String)> {
        let history = &self.world.history;
        let mut known = history.imported_messages(&session.id);
        known.extend(history.acknowledged(&session.id).into_iter().filter_map(|send| Some((send.ids?.0, send.text))));
        let range =
            if self.rng.random_ratio(1, 2) { known.len().saturating_sub(4)..known.len() } else { 0..known.len() };
        if known.is_empty() { None } else { Some(known.swap_remove(self.rng.random_range(range))) }
    }

    /// Waits for a while before an operation is repeated that requires an idle session.
    pub(super) async fn pause_while_busy(&mut self) {
        tokio::time::sleep(Duration::from_millis(100 + self.rng.random_range(0..400))).await;
    }
}
