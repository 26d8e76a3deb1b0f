//! Runs git. Nothing that a repository configures is executed: no hooks, filters, monitors, or other programs.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::Command;

use crate::agents::process::{ProcessHost, ToolLimits, ToolOutput, find_program};

/// Time limit for a git command.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// Maximum length of the output of a git command, in bytes.
const MAX_OUTPUT_BYTES: usize = 64 * 1024 * 1024;

/// A reason why git failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// Git is not installed on the worker.
    #[error("git is not installed")]
    NotInstalled,
    /// Git could not be run, or did not end in time.
    #[error("git {command}: {source}")]
    Unusable {
        /// The command.
        command: String,
        /// The cause.
        source: io::Error,
    },
    /// Git reported an error.
    #[error("git {command}: {message}")]
    Failed {
        /// The command.
        command: String,
        /// The error output of git.
        message: String,
    },
    /// A file of a snapshot could not be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Runs git with certain variables in a folder.
#[derive(Clone, Debug)]
pub struct Git {
    host: ProcessHost,
    program: PathBuf,
    folder: PathBuf,
    variables: HashMap<&'static str, OsString>,
    /// Settings that take precedence over those of the repository, as `name=value`.
    settings: Vec<String>,
}

impl Git {
    /// Runs git in a folder.
    pub fn new(host: &ProcessHost, folder: &Path) -> Result<Self, GitError> {
        let program = find_program("git").ok_or(GitError::NotInstalled)?;
        Ok(Self {
            host: host.clone(),
            program,
            folder: folder.to_owned(),
            variables: HashMap::new(),
            settings: Vec::new(),
        })
    }

    /// Sets an environment variable.
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    /// Disables all filters that the repository configures.
    ///
    /// # Errors
    /// Fails if the configuration cannot be read.
    pub async fn without_filters(mut self) -> Result<Self, GitError> {
        let arguments = ["config", "--list", "--name-only", "-z"].map(OsStr::new);
        let listed = self.run(&arguments, Vec::new()).await?;
        let names = listed.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let filters: BTreeSet<String> =
            names.filter_map(|name| Some(name.strip_prefix("filter.")?.rsplit_once('.')?.0.to_owned())).collect();
        for filter in filters {
            for (key, value) in [("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")] {
                self.settings.push(format!("filter.{filter}.{key}={value}"));
            }
        }
        Ok(self)
    }

    /// Returns the folder in which git runs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a command and returns its output. Fails if the command fails, or if its output is too long.
    pub async fn run(&self, arguments: &[&OsStr], input: Vec<u8>) -> Result<Vec<u8>, GitError> {
        let output = self.run_limited(arguments, input, MAX_OUTPUT_BYTES).await?;
        if output.status.is_none() {
            return Err(GitError::Failed { command: name(arguments), message: "the output is too long".into() });
        }
        Ok(output.stdout)
    }

    /// Runs a command without input whose output is a single line of text.
    pub async fn line(&self, arguments: &[&str]) -> Result<String, GitError> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        let output = self.run(&arguments, Vec::new()).await?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    /// Runs a command whose output may be cut off. Fails if the command fails.
    pub async fn run_limited(
        &self,
        arguments: &[&OsStr],
        input: Vec<u8>,
        limit: usize,
    ) -> Result<ToolOutput, GitError> {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(&self.folder);
        for name in ["PATH", "TMPDIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        // The configuration of the account and of the machine does not apply, and neither do other users' repositories
        // count as unsafe, because nothing in them is executed.
        command.envs([
            ("LC_ALL", "C"),
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_AUTHOR_NAME", "Banter"),
            ("GIT_AUTHOR_EMAIL", "banter@localhost"),
            ("GIT_COMMITTER_NAME", "Banter"),
            ("GIT_COMMITTER_EMAIL", "banter@localhost"),
        ]);
        command.envs(&self.variables);
        for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null", "safe.directory=*", "gc.auto=0"] {
            command.arg("-c").arg(setting);
        }
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        command.args(arguments);
        let limits = ToolLimits { time: TIME_LIMIT, output: limit };
        let unusable = |source| GitError::Unusable { command: name(arguments), source };
        let output = self.host.run_tool(command, input, limits).await.map_err(unusable)?;
        match output.status {
            Some(status) if !status.success() => {
                Err(GitError::Failed { command: name(arguments), message: output.stderr })
            }
            _ => Ok(output),
        }
    }
}

/// Returns the name of the command for errors.
fn name(arguments: &[&OsStr]) -> String {
    arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
