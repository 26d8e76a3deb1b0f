//! The differences between the agents: how each of them is configured to use a model server on the loopback interface.
//!
//! The agents' tables come from `agents.example.toml`, so the example file is tested as well.

use std::{fmt::Write as _, fs, path::PathBuf};

use serde_json::json;

/// An agent that is installed in the folder of the same name in `AGENTS_DIR`.
pub struct RealAgent {
    /// The key in `agents.example.toml`.
    pub key: &'static str,
    /// The environment variable that the agent's table lists in `secrets`, if any.
    pub secret: Option<&'static str>,
    /// The environment variable for the model server's address, and the path to append to the address.
    pub address_variable: Option<(&'static str, &'static str)>,
    /// A settings file in the agent's home folder: its path, and its contents for a given server and model.
    pub settings: Option<(&'static str, Settings)>,
    /// The model that the agent requests.
    pub model: &'static str,
    /// The folder with the agent's programs, relative to the agent's folder.
    pub programs: &'static str,
}

/// The folder in which npm installs the packages' programs.
const OF_NPM: &str = "node_modules/.bin";
/// The folder that contains the programs of a Python virtual environment.
const OF_PIP: &str = "bin";

/// A function that returns the contents of a settings file, given the model server's address and the model.
type Settings = fn(&str, &str) -> String;

/// opencode, which supports any server that provides chat completions.
pub fn opencode() -> RealAgent {
    RealAgent {
        key: "opencode",
        secret: None,
        address_variable: None,
        settings: Some((".config/opencode/opencode.json", opencode_settings)),
        model: "scripted",
        programs: OF_NPM,
    }
}

fn opencode_settings(address: &str, model: &str) -> String {
    let name = format!("local/{model}");
    let provider = json!({
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": format!("{address}/v1"), "apiKey": "none"},
        "models": {model: {
            "attachment": true, "modalities": {"input": ["text", "image"], "output": ["text"]},
            "limit": {"context": 32_000, "output": 2000},
        }},
    });
    let settings = json!({
        "model": name, "small_model": name, "enabled_providers": ["local"], "provider": {"local": provider},
        "autoupdate": false, "share": "disabled", "permission": {"bash": "ask", "edit": "ask", "webfetch": "ask"},
    });
    settings.to_string()
}

/// Gemini CLI, which uses the Gemini API at a configurable address.
pub fn gemini() -> RealAgent {
    RealAgent {
        key: "gemini",
        secret: Some("GEMINI_API_KEY"),
        address_variable: Some(("GOOGLE_GEMINI_BASE_URL", "")),
        settings: None,
        model: "auto",
        programs: OF_NPM,
    }
}

/// Codex, which uses OpenAI's Responses API with a custom provider. The model must be one that Codex knows, because the
/// model determines which tools Codex offers.
pub fn codex() -> RealAgent {
    RealAgent {
        key: "codex",
        secret: Some("OPENAI_API_KEY"),
        address_variable: None,
        settings: Some((".codex/config.toml", codex_settings)),
        model: "gpt-5.5",
        programs: OF_NPM,
    }
}

fn codex_settings(address: &str, model: &str) -> String {
    format!(
        "model = {model:?}\nmodel_provider = \"loopback\"\n[model_providers.loopback]\nname = \"loopback\"\n\
         base_url = \"{address}/v1\"\nwire_api = \"responses\"\nenv_key = \"OPENAI_API_KEY\"\n"
    )
}

/// Claude, which uses Anthropic's Messages API at a configurable address.
pub fn claude() -> RealAgent {
    RealAgent {
        key: "claude",
        secret: Some("ANTHROPIC_API_KEY"),
        address_variable: Some(("ANTHROPIC_BASE_URL", "")),
        settings: None,
        model: "default",
        programs: OF_NPM,
    }
}

/// fast-agent, which supports any server that provides chat completions. It has no tools unless the command line
/// provides some.
pub fn fast_agent() -> RealAgent {
    RealAgent {
        key: "fast-agent",
        secret: None,
        address_variable: Some(("GENERIC_BASE_URL", "/v1")),
        settings: None,
        model: "llama3.2",
        programs: OF_PIP,
    }
}

impl RealAgent {
    /// Returns the path of the folder that contains the agent's programs.
    pub fn folder(&self) -> PathBuf {
        let folder = std::env::var_os("AGENTS_DIR").expect("AGENTS_DIR: run `make test-agents`");
        PathBuf::from(folder).join(self.key).join(self.programs)
    }

    /// Returns the agent's table for a model server. `more` contains additional lines.
    pub fn table(&self, address: &str, more: &str) -> String {
        let examples = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../agents.example.toml")).unwrap();
        let is_mine = |table: &&str| table.contains(&format!("\nkey = {:?}\n", self.key));
        let example = examples.split("[[agents]]").find(is_mine).expect("a table in agents.example.toml");
        let mut table = String::from("[[agents]]");
        // Comments after the last field belong to the next table.
        let is_left_out = |line: &str| {
            line.starts_with("enabled = ")
                || line.starts_with('#')
                || (self.address_variable.is_some() && line.starts_with("env = "))
        };
        for line in example.trim_end().lines().filter(|line| !is_left_out(line)) {
            let _ = writeln!(table, "{line}");
        }
        if let Some((variable, path)) = self.address_variable {
            let _ = writeln!(table, "env = {{ {variable} = \"{address}{path}\" }}");
        }
        let _ = writeln!(table, "{more}");
        table
    }
}
