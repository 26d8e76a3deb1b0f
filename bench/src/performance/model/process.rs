//! The model's process.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// A running model. Dropping it kills the process.
#[derive(Debug)]
pub struct Model {
    child: Child,
    address: String,
}

impl Model {
    /// Starts a model on a free port.
    ///
    /// # Errors
    /// Fails if the process does not start.
    pub fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("model").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut address)?;
        ensure!(address.ends_with('\n'), "the model did not start");
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// Returns the model's address, as `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the `agents.toml` table for the agent that uses the model.
    pub fn agent_table(&self) -> String {
        format!(
            "[[agents]]\nkey = \"{}\"\nname = \"Scripted\"\ndriver = \"openai\"\nbase_url = \"http://{}/v1\"\n\
             model = \"scripted\"\n",
            super::AGENT_KEY,
            self.address
        )
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
