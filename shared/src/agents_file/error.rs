//! Errors in the agent configuration.

use std::path::{Path, PathBuf};

/// The reason why the agents could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum AgentsFileError {
    /// The file does not exist, is not readable, or is not UTF-8.
    #[error("AGENTS_FILE={}: cannot read the file", path.display())]
    Unreadable {
        /// The path, as given in the configuration.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file is not valid.
    #[error("AGENTS_FILE={}:{line}: {problem}", path.display())]
    Invalid {
        /// The path, as given in the configuration.
        path: PathBuf,
        /// The line number, starting at 1.
        line: usize,
        /// A description of the problem. It names the agent and the field if they are known.
        problem: String,
    },
    /// No file is configured, and a variable that is used instead is invalid.
    #[error("{name}: {problem}")]
    Variable {
        /// The name of the variable.
        name: &'static str,
        /// A description of the problem that does not contain the value.
        problem: String,
    },
}

/// A problem with the file, and its position.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    pub line: usize,
    pub text: String,
}

impl ParseError {
    pub fn in_file(self, path: &Path) -> AgentsFileError {
        AgentsFileError::Invalid { path: path.to_owned(), line: self.line, problem: self.text }
    }
}
