//! Imports of generated files.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use banter_tests::{chat::text_of, load::Response};
use rand::RngExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ChaosClient, MAX_SESSIONS, SessionRef, messages::KEYED_LIMIT};
use crate::history::{ImportRecord, ImportedTurn, is_delete};

/// The reason that the result states for a session that could not be stored because of a fault.
const REPEAT: &str = "Import the file again";

/// The time of all objects in an imported file.
const AT: &str = "2026-01-31T12:00:00.000Z";

impl ChaosClient {
    /// Imports a session with branches, and repeats the request until the result is known.
    pub(super) async fn import(&mut self) {
        if self.user.sessions.lock().unwrap().len() >= MAX_SESSIONS {
            return;
        }
        let record = self.create_file();
        let (history, file) = (self.world.history.clone(), record.file.clone());
        self.log_line(&format!("import of {}: {:?}", record.title, record.turns));
        let index = history.begin_import(record);
        let (mut has_unknown, mut calm_since) = (false, None);
        loop {
            match self.post_file(&file).await {
                Attempt::Imported => {
                    history.acknowledge_import(index);
                    return self.find_imported(index).await;
                }
                Attempt::Skipped => {
                    if !has_unknown {
                        history.record_violation(format!("a new file was skipped: {file}"));
                    }
                    history.acknowledge_import(index);
                    return self.find_imported(index).await;
                }
                Attempt::NotStored => {}
                Attempt::Unknown => has_unknown = true,
                Attempt::Failed => return,
            }
            if self.world.faults_ended.load(Ordering::SeqCst) {
                let since: Instant = *calm_since.get_or_insert_with(Instant::now);
                if since.elapsed() > KEYED_LIMIT {
                    return history.record_violation(format!("an import got no result: {file}"));
                }
            }
            tokio::time::sleep(Duration::from_millis(50 + self.rng.random_range(0..200))).await;
        }
    }

    /// Imports a file again, which must be skipped unless its session was deleted.
    pub(super) async fn replay_import(&mut self) {
        let history = self.world.history.clone();
        let mut imports: Vec<(usize, ImportRecord)> = history.imports().into_iter().enumerate().collect();
        imports.retain(|(_, import)| import.user == self.user.number && import.is_acknowledged);
        if imports.is_empty() {
            return;
        }
        let (index, import) = imports.swap_remove(self.rng.random_range(0..imports.len()));
        if let Attempt::Imported = self.post_file(&import.file).await {
            let is_deleted = |session: &String| history.may_have(session, is_delete);
            if !import.sessions.iter().any(is_deleted) {
                history.record_violation(format!("a file was imported twice: {import:?}"));
            }
            self.find_imported(index).await;
        }
    }

    async fn post_file(&mut self, file: &str) -> Attempt {
        let client = self.client();
        let response =
            self.answer("import", client.request("POST", "/v1/import").body(file.to_owned()), &[200], &[]).await;
        let reply = match response {
            Response::Success(reply) => reply,
            Response::Rejected { .. } => return Attempt::Failed,
            Response::NotStored => return Attempt::NotStored,
            Response::Unknown(_) => return Attempt::Unknown,
        };
        let text = reply.text();
        let last: Value = text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let count = |field: &str| last[field].as_u64().unwrap_or_default();
        let (attempt, name) = match (count("imported"), count("skipped"), last["failed"].as_array()) {
            (1, 0, Some(failed)) if failed.is_empty() => (Attempt::Imported, "imported"),
            (0, 1, Some(failed)) if failed.is_empty() => (Attempt::Skipped, "skipped"),
            (0, 0, Some(failed)) if failed.len() == 1 && text_of(&failed[0], "reason").contains(REPEAT) => {
                (Attempt::NotStored, "not stored")
            }
            _ if last["type"] != "result" => (Attempt::Unknown, "incomplete"),
            _ => {
                self.world.history.record_violation(format!("an import returned {text}: {file}"));
                (Attempt::Failed, "failed")
            }
        };
        self.world.history.count(&format!("import: {name}"));
        self.log_line(&format!("import: {text:?}"));
        attempt
    }

    /// Finds the session that an import created, so that clients use it. Another one may have found or deleted it.
    async fn find_imported(&mut self, index: usize) {
        let history = self.world.history.clone();
        let import = history.imports().swap_remove(index);
        let client = self.client();
        let request = client.request("GET", "/v1/chat?status=all&limit=100");
        let Response::Success(reply) = self.answer("find import", request, &[200], &[]).await else { return };
        let list = reply.json();
        let is_it = |session: &&Value| session["title"] == import.title.as_str();
        let Some(session) = list["items"].as_array().unwrap().iter().find(is_it) else { return };
        let id = text_of(session, "id");
        let request = client.request("GET", &format!("/v1/chat/{id}/export"));
        let Response::Success(reply) = self.answer("export", request, &[200], &[404]).await else { return };
        let document = reply.json();
        let messages = document["conversations"][0]["messages"].as_array().unwrap().iter();
        let users = messages.filter(|message| message["role"] == "user");
        let known = users.map(|message| (text_of(message, "id"), text_of(message, "content"))).collect();
        // Only one client uses the session's ID from here on.
        let mut sessions = self.user.sessions.lock().unwrap();
        if !history.imports()[index].sessions.contains(&id) {
            history.add_imported_session(index, &id, known);
            self.world.owners.lock().unwrap().push((id.clone(), self.user.number));
            self.log_line(&format!("imported {id}"));
            sessions.push(SessionRef { id, agent: "scripted", is_first: false });
        }
    }

    /// Creates a file with one session, whose turns have several versions.
    fn create_file(&mut self) -> ImportRecord {
        let mut turns: Vec<ImportedTurn> = Vec::new();
        for _ in 0..self.rng.random_range(1..6) {
            let turn = turns.last().map_or(0, |last| last.turn) + self.rng.random_range(1..3);
            let parent = self.rng.random_range(0..=turns.len()).checked_sub(1).map(|index| turns[index].turn);
            let text = self.fresh_text("scripted");
            let answer = self.world.history.answer_to(&text).unwrap_or_default();
            turns.push(ImportedTurn { turn, parent, text, answer });
        }
        self.made += 1;
        let title = format!("import{}n{}", self.number, self.made);
        let leaf = self.pick_leaf(&turns);
        let file = document(&title, &turns, &path_to(&turns, leaf));
        ImportRecord { user: self.user.number, title, turns, file, is_acknowledged: false, sessions: Vec::new() }
    }

    fn pick_leaf(&mut self, turns: &[ImportedTurn]) -> i64 {
        let is_leaf = |turn: &&ImportedTurn| turns.iter().all(|other| other.parent != Some(turn.turn));
        let leaves: Vec<i64> = turns.iter().filter(is_leaf).map(|turn| turn.turn).collect();
        leaves[self.rng.random_range(0..leaves.len())]
    }
}

/// What one request to import a file has achieved.
enum Attempt {
    Imported,
    Skipped,
    NotStored,
    Unknown,
    Failed,
}

/// Returns the turns of the branch that ends with a turn.
fn path_to(turns: &[ImportedTurn], last: i64) -> Vec<i64> {
    let mut path = vec![last];
    while let Some(parent) = turns.iter().find(|turn| Some(turn.turn) == path.last().copied()).and_then(|it| it.parent)
    {
        path.push(parent);
    }
    path
}

/// Returns a document in the JSON format of the product.
fn document(title: &str, turns: &[ImportedTurn], current: &[i64]) -> String {
    let mut messages = Vec::new();
    for ImportedTurn { turn, parent, text, answer } in turns {
        let message = |role: &str, content: &str| {
            json!({"id": Uuid::now_v7(), "turn": turn, "seq": 2 * turn - i64::from(role == "user"), "role": role,
                "parent_turn": null, "current": current.contains(turn), "agent_key": null, "content": content,
                "attachments": [], "created_at": AT, "edited_at": null, "task": null, "finish_reason": null,
                "elapsed_ms": null, "usage": null})
        };
        let (mut question, mut reply) = (message("user", text), message("assistant", answer));
        question["parent_turn"] = json!(parent);
        question["task"] = json!({"status": "succeeded", "attempt": 1, "error": null, "usage": null, "started_at": AT,
            "finished_at": AT, "steps": []});
        reply["finish_reason"] = if answer.is_empty() { "empty" } else { "stop" }.into();
        reply["agent_key"] = "scripted".into();
        messages.extend([question, reply]);
    }
    let session = json!({"id": Uuid::now_v7(), "title": title, "agent_key": "scripted", "status": "active",
        "pinned_at": null, "created_at": AT, "updated_at": AT, "last_activity_at": AT, "last_read_seq": 0,
        "forked_from": null, "messages": messages});
    // The fields are in the same order as in an export.
    format!(r#"{{"format":"banter","version":1,"exported_at":"{AT}","conversations":[{session}]}}"#)
}
