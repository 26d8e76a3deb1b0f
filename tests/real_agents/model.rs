//! The agents' model servers, on the loopback interface.

use std::{fs, path::PathBuf};

use banter_tests::{
    fake_agent::python,
    process::{Environment, Process},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::stage::soon;

/// The prefix of each user message when a conversation is repeated for a new agent session.
const TOLD_AGAIN: &str = "[user]\n";

/// A `model.py` process, which calls a tool when instructed to. Dropping it stops the process.
pub struct ModelServer {
    // This field is dropped before the folder, because the process writes to the folder.
    process: Process,
    folder: TempDir,
    /// `http://127.0.0.1:PORT`.
    pub address: String,
}

/// A request for an answer in a conversation.
#[derive(Clone, Debug)]
pub struct Request {
    /// (role, text) pairs in conversation order, excluding system prompts.
    pub pairs: Vec<(String, String)>,
    /// The SHA-256 hashes of the images, in hex.
    pub images: Vec<String>,
}

impl Request {
    /// Returns the texts of the user messages.
    pub fn told(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(|(role, _)| role == "user").map(|(_, text)| text.as_str())
    }

    /// Returns how many times this user message occurs, either directly or in a repeated conversation.
    pub fn count(&self, message: &str) -> usize {
        self.told().filter(|told| told.trim_start_matches(TOLD_AGAIN).trim() == message).count()
    }

    /// Returns whether the conversation was repeated for the agent.
    pub fn was_told_again(&self) -> bool {
        self.told().any(|told| told.starts_with(TOLD_AGAIN))
    }
}

impl ModelServer {
    /// Starts a server on a free port.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("banter-model-").tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/real_agents/model.py");
        let line = format!("exec '{}' '{script}' --log '{}'", python(), log_in(&folder).display());
        let process = Process::spawn_line("model", &line, &Environment::new(), folder.path());
        let address = soon("the model server's address", async || {
            process.stdout().split_once('\n').map(|(address, _)| address.to_owned())
        })
        .await;
        Self { process, folder, address }
    }

    /// Returns the requests for answers so far. If an agent offers tools, requests without tools are omitted, because
    /// agents use such requests to generate titles and the like.
    pub fn requests(&self) -> Vec<Request> {
        let text = fs::read_to_string(log_in(&self.folder)).unwrap_or_default();
        let mut entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let has_tools = |entry: &Value| entry["tools"].as_array().is_some_and(|tools| !tools.is_empty());
        if entries.iter().any(has_tools) {
            entries.retain(has_tools);
        }
        entries
            .into_iter()
            .map(|entry| Request {
                pairs: serde_json::from_value(entry["pairs"].clone()).unwrap(),
                images: serde_json::from_value(entry["images"].clone()).unwrap(),
            })
            .collect()
    }

    /// Returns the last request with a user message that contains this question.
    pub fn request_about(&self, question: &str) -> Request {
        let asked = self.requests().into_iter().rfind(|request| request.told().any(|text| text.contains(question)));
        asked.unwrap_or_else(|| panic!("no request for {question:?}:\n{}", self.process.stderr()))
    }
}

fn log_in(folder: &TempDir) -> PathBuf {
    folder.path().join("requests")
}
