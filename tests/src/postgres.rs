//! A PostgreSQL server for a single test, on a free port with its own folder. It can be killed, frozen, and restarted.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{port, process::Signal, wait::eventually};

/// A running server. PostgreSQL does not run as root, so root runs it as the account `postgres`.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    server: Child,
    folder: TempDir,
}

impl Postgres {
    /// Creates a cluster, starts its server, and waits until the server accepts connections.
    pub async fn start() -> Self {
        let port = port::lasting();
        // Root's own folder for temporary files may be in its home, which the account cannot enter.
        let parent = if is_root() { "/var/tmp".into() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("banter-postgres-").tempdir_in(parent).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        let mut init = program("initdb", folder.path());
        run(init.args(["-U", "banter", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"]).arg(&data));
        let postgres = Self { port, server: spawn(port, folder.path()), folder };
        postgres.until_it_accepts_connections().await;
        postgres
    }

    /// Creates an empty database, and returns its URL.
    pub fn create_database(&self, name: &str) -> String {
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        self.url_of(name)
    }

    /// Runs statements in a database, and returns the values of the rows, separated by line breaks.
    pub fn query(&self, database: &str, sql: &str) -> String {
        query(&self.url_of(database), sql)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://banter@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server and all of its processes, which loses everything that is not on the disk.
    pub fn kill(&mut self) {
        self.signal_all(Signal::Kill);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Sends a signal to the server and to its processes for connections.
    pub fn signal_all(&self, signal: Signal) {
        let pids = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
        let Some(postmaster) = pids.lines().next().and_then(|pid| pid.trim().parse().ok()) else { return };
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        // A frozen or killed server starts no more processes.
        signal.send(postmaster);
        for child in children.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()) {
            signal.send(child);
        }
    }

    /// Starts the server again after [`Postgres::kill`], and waits until it accepts connections.
    pub async fn restart(&mut self) {
        let _ = std::fs::remove_file(self.folder.path().join("data/postmaster.pid"));
        self.server = spawn(self.port, self.folder.path());
        self.until_it_accepts_connections().await;
    }

    async fn until_it_accepts_connections(&self) {
        let url = self.url_of("postgres");
        eventually("the PostgreSQL server accepts connections", async || try_query(&url, "SELECT 1")).await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Creates an empty database on the server with this URL, and returns the database's URL.
pub fn create_database(server: &str) -> String {
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    query(server, &format!("CREATE DATABASE {name}"));
    let (before, _) = server.rsplit_once('/').expect("the URL must name a database");
    format!("{before}/{name}")
}

/// Runs statements, and returns the values of the rows, separated by line breaks.
pub fn query(url: &str, sql: &str) -> String {
    try_query(url, sql).unwrap_or_else(|| panic!("psql failed: {sql}"))
}

fn try_query(url: &str, sql: &str) -> Option<String> {
    let output = Command::new("psql").args(["-qAtX", "-c", sql, url]).output().expect("psql is missing");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

/// Returns the newest version of one of the server's programs, to be run as the account that owns the folder.
fn program(name: &str, folder: &Path) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(version);
    let path = newest.map_or_else(|| name.into(), |version| version.join("bin").join(name));
    let mut command = as_owner(&path);
    command.current_dir(folder);
    command
}

/// Returns a command that root runs as the account `postgres`.
pub(crate) fn as_owner(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("PostgreSQL is missing: run `make test`, or install it");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn spawn(port: u16, folder: &Path) -> Child {
    let mut command = program("postgres", folder);
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    command.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PostgreSQL is missing: run `make test`, or install it")
}
