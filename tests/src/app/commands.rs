//! Runs the binaries' commands, such as `api check` and `api keys create`.

use std::process::Output;

use super::TestApp;
use crate::{client::Client, process};

impl TestApp {
    /// Runs `api …` in this installation's environment and waits for it to exit.
    pub async fn run_api(&self, arguments: &[&str]) -> Output {
        process::run("api", arguments, &self.environment, self.folder.path()).await
    }

    /// Runs `worker …` in this installation's environment and waits for it to exit.
    pub async fn run_worker(&self, arguments: &[&str]) -> Output {
        process::run("worker", arguments, &self.environment, self.folder.path()).await
    }

    /// Returns the violations that `api check` reports, if any.
    pub async fn find_violations(&self) -> Option<String> {
        let output = self.run_api(&["check"]).await;
        let text = || [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
        (!output.status.success()).then(text)
    }

    /// Panics if `api check` reports violations.
    pub async fn check(&self) {
        if let Some(violations) = self.find_violations().await {
            panic!("api check: {violations}");
        }
    }

    /// Creates a key with `api keys create`.
    pub async fn create_key(&self, workspace: &str, user: &str, role: &str) -> String {
        let output = self.run_api(&["keys", "create", "--user", user, "--workspace", workspace, "--role", role]).await;
        assert!(output.status.success(), "keys create: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace()
            .find(|word| word.starts_with("bnt_"))
            .unwrap_or_else(|| panic!("`keys create` printed no key: {text:?}"))
            .to_owned()
    }

    /// Returns a client for the first api, with a new key for this user in the workspace `default`.
    pub async fn client_for(&self, user: &str, role: &str) -> Client {
        self.client().with_key(&self.create_key("default", user, role).await)
    }
}
