//! What can be wrong with the agents' configuration.

use std::path::{Path, PathBuf};

/// Why there is no catalog of agents.
#[derive(Debug, thiserror::Error)]
pub enum AgentsFileError {
    /// No such file, no permission, not UTF-8.
    #[error("AGENTS_FILE={}: cannot read the file", path.display())]
    Unreadable {
        /// The file, as it was named in the configuration.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file was read and not understood.
    #[error("AGENTS_FILE={}:{line}: {problem}", path.display())]
    Invalid {
        /// The file, as it was named in the configuration.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Which agent and field, what was expected and what was found.
        problem: String,
    },
    /// There is no file, and a variable that stands in for it is wrong.
    #[error("{name}: {problem}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What was expected and what was found.
        problem: String,
    },
}

/// A place in the text and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub line: usize,
    pub text: String,
}

impl Problem {
    pub fn in_file(self, path: &Path) -> AgentsFileError {
        AgentsFileError::Invalid { path: path.to_owned(), line: self.line, problem: self.text }
    }
}
