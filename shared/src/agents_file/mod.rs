//! Reads `agents.toml`, which configures the agents.
//!
//! `api` reads the file to list agents and to reject messages to unknown agents. `worker` reads it to run the agents.
//! Both need the same file and the same environment. If the file contains an error, the whole file is rejected, and the
//! error names the line.
//!
//! Each `[[agents]]` table becomes an [`AgentConfig`]; the worker's `agents` module runs the agents. Each `[[folders]]`
//! table becomes a [`FolderConfig`].

mod catalog;
mod config;
mod defaults;
mod detectable;
mod error;
mod folder;
mod parse;
mod parse_folder;
mod parse_program;
mod program;
mod reader;
#[cfg(test)]
mod tests;

pub use catalog::{AgentCatalog, OPENAI_KEY};
pub use config::{AgentConfig, DEMO_KEY, DemoConfig, DriverConfig, OpenaiConfig};
pub use defaults::{
    DEFAULT_FIRST_BYTE_TIMEOUT, DEFAULT_HISTORY_BYTES, DEFAULT_IDLE_TIMEOUT, DEFAULT_KEEP_WARM, DEFAULT_MAX_MEMORY_MB,
    DEFAULT_MAX_PROCESSES, DEFAULT_TIMEOUT,
};
pub use detectable::detectable;
pub use error::AgentsFileError;
pub use folder::{FolderConfig, Isolation};
pub use program::{AcpConfig, AnswerFormat, CommandConfig, CommandInput, PermissionPolicy, ProgramConfig};
