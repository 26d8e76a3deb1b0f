//! A fake agent that uses the Agent Client Protocol and misbehaves as a test requires. The agent's program is in
//! `fake_agent/` and is started by the worker.

use std::{fmt::Write as _, fs, path::PathBuf, process::Command, sync::OnceLock};

use serde_json::Value;
use tempfile::TempDir;

/// The path of the agent's Python program.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fake_agent/fake_agent.py");

/// A fake agent and its logs, one per agent key.
#[derive(Debug)]
pub struct FakeAgent {
    folder: TempDir,
}

impl FakeAgent {
    /// Creates an agent without any logs.
    #[expect(clippy::new_without_default, reason = "cannot create a folder")]
    pub fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("banter-agent-").tempdir().unwrap() }
    }

    /// Returns a table for `agents.toml`. `arguments` are passed to the program, and `more` contains additional lines
    /// for the table.
    pub fn agent(&self, key: &str, arguments: &str, more: &str) -> String {
        let log = self.log_path(key).display().to_string();
        let arguments = arguments.split_whitespace().fold(format!("{SCRIPT:?}"), |mut list, argument| {
            let _ = write!(list, ", {argument:?}");
            list
        });
        format!(
            "[[agents]]\nkey = {key:?}\ndriver = \"acp\"\ncommand = {:?}\nargs = [{arguments}]\nenv = {{ FAKE_LOG = {log:?} }}\n{more}\n",
            python()
        )
    }

    fn log_path(&self, key: &str) -> PathBuf {
        self.folder.path().join(format!("{key}.log"))
    }

    /// Returns the log of the agent with this key: every message that it has received, and other events such as
    /// signals, in order.
    pub fn received(&self, key: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.log_path(key)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the methods of the requests and notifications that the agent with this key has received, and the names
    /// of the other events in its log, such as `(SIGTERM)`.
    pub fn methods(&self, key: &str) -> Vec<String> {
        let received = self.received(key);
        received.iter().filter_map(|message| message["method"].as_str().map(str::to_owned)).collect()
    }
}

/// Returns the path of the Python interpreter itself. A wrapper would depend on the environment, which agents do not
/// inherit.
pub fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
        let path = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        assert!(path.starts_with('/'), "python3 is required: {path:?}");
        path
    })
}
