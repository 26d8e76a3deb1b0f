//! A PostgreSQL server for a single test, on a free port with its own folder. It can be killed, frozen, and restarted.

use std::{
    fs::OpenOptions,
    io::Write as _,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    certificates,
    network::{self, Host, command_on},
    port,
    process::Signal,
    wait::{eventually, within},
};

/// The port on a host of a network, which has no other server.
const PORT: u16 = 5432;

/// A running server. PostgreSQL does not run as root, so root runs it as the account `postgres`.
#[derive(Debug)]
pub struct Postgres {
    host: Option<Host>,
    port: u16,
    server: Child,
    folder: TempDir,
}

impl Postgres {
    /// Creates a cluster, starts its server, and waits until the server accepts connections.
    pub async fn start() -> Self {
        Self::start_with(None, port::lasting()).await
    }

    /// Like [`Postgres::start`], on a host of a network.
    pub async fn start_on(host: &Host) -> Self {
        Self::start_with(Some(host.clone()), PORT).await
    }

    async fn start_with(host: Option<Host>, port: u16) -> Self {
        let folder = create_folder();
        let data = folder.path().join("data");
        let mut init = program(None, "initdb", folder.path());
        run(init.args(["-U", "banter", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"]).arg(&data));
        if host.is_some() {
            let mut clients = OpenOptions::new().append(true).open(data.join("pg_hba.conf")).unwrap();
            writeln!(clients, "host all all {} trust", network::ADDRESSES).unwrap();
        }
        Self::start_in(folder, host, port).await
    }

    async fn start_in(folder: TempDir, host: Option<Host>, port: u16) -> Self {
        let server = spawn(host.as_ref(), port, folder.path());
        let postgres = Self { host, port, server, folder };
        postgres.until_it_accepts_connections().await;
        postgres
    }

    /// Accepts only TLS connections with a password to the database `banter` from now on, and returns the path of the
    /// CA's certificate. Connections to other databases are not affected.
    pub fn require_tls(&self, password: &str) -> PathBuf {
        let data = self.folder.path().join("data");
        certificates::create(&data);
        run(Command::new("chmod").arg("600").arg(data.join("server.key")));
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(data.join("server.key")));
        }
        let rules = data.join("pg_hba.conf");
        let others = std::fs::read_to_string(&rules).unwrap();
        let rule = "hostssl banter all 127.0.0.1/32 scram-sha-256\nhost banter all 127.0.0.1/32 reject\n";
        std::fs::write(&rules, format!("{rule}{others}")).unwrap();
        self.query("postgres", &format!("ALTER ROLE banter PASSWORD '{password}'"));
        self.query("postgres", "ALTER SYSTEM SET ssl_cert_file = 'server.pem'");
        self.query("postgres", "ALTER SYSTEM SET ssl = on");
        self.query("postgres", "SELECT pg_reload_conf()");
        data.join("ca.pem")
    }

    /// Copies the running server's cluster with `pg_basebackup` and these arguments.
    pub fn base_backup(&self, arguments: &[&str]) -> BaseBackup {
        let folder = create_folder();
        let mut backup = program(None, "pg_basebackup", folder.path());
        let server = format!("host=127.0.0.1 port={} user=banter", self.port);
        run(backup.args(["-c", "fast", "-d", &server, "-D"]).arg(folder.path().join("data")).args(arguments));
        BaseBackup { folder }
    }

    /// Runs one of the server's programs, such as `pg_dump`, on a database. The program is run in the server's folder.
    pub fn run(&self, name: &str, database: &str, arguments: &[&str]) {
        run(program(None, name, self.folder.path()).arg("-d").arg(self.url_of(database)).args(arguments));
    }

    /// Returns the server's folder, to which the server can write.
    pub fn folder(&self) -> &Path {
        self.folder.path()
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

    /// Returns the URL of a database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://banter@{}/{database}", self.address())
    }

    /// Returns the server's address and port.
    pub fn address(&self) -> String {
        format!("{}:{}", address(self.host.as_ref()), self.port)
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

    /// Stops the server with `pg_ctl`: `fast` closes all connections, and `immediate` also omits the last checkpoint.
    pub fn stop(&mut self, mode: &str) {
        let mut stop = program(None, "pg_ctl", self.folder.path());
        run(stop.args(["stop", "-w", "-m", mode, "-D"]).arg(self.folder.path().join("data")));
        let _ = self.server.wait();
    }

    /// Starts the server again after [`Postgres::kill`] or [`Postgres::stop`], and waits until it accepts connections.
    pub async fn restart(&mut self) {
        let _ = std::fs::remove_file(self.folder.path().join("data/postmaster.pid"));
        self.server = spawn(self.host.as_ref(), self.port, self.folder.path());
        let url = self.url_of("postgres");
        eventually("the PostgreSQL server accepts connections", async || {
            // A new server exits if processes of the killed one still use the cluster.
            if self.server.try_wait().unwrap().is_some() {
                self.server = spawn(self.host.as_ref(), self.port, self.folder.path());
            }
            try_query(&url, "SELECT 1")
        })
        .await;
    }

    async fn until_it_accepts_connections(&self) {
        let url = self.url_of("postgres");
        // Recovery from an archive may take long.
        within(Duration::from_mins(1), "the PostgreSQL server accepts connections", async || {
            try_query(&url, "SELECT 1")
        })
        .await;
    }
}

/// A copy of a cluster, whose server has not been started.
#[derive(Debug)]
pub struct BaseBackup {
    folder: TempDir,
}

impl BaseBackup {
    /// Adds lines to `postgresql.conf`.
    pub fn configure(&self, lines: &str) {
        let file = self.folder.path().join("data/postgresql.conf");
        let mut settings = std::fs::read_to_string(&file).unwrap();
        settings.push_str(lines);
        std::fs::write(file, settings).unwrap();
    }

    /// Creates an empty file in the cluster, such as `recovery.signal`.
    pub fn touch(&self, name: &str) {
        std::fs::write(self.folder.path().join("data").join(name), "").unwrap();
    }

    /// Starts the server, and waits until it accepts connections.
    pub async fn start(self) -> Postgres {
        Postgres::start_in(self.folder, None, port::lasting()).await
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

fn address(host: Option<&Host>) -> Ipv4Addr {
    host.map_or(Ipv4Addr::LOCALHOST, Host::address)
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

/// Returns the newest version of one of the server's programs, to be run as the account that owns the folder.
fn program(host: Option<&Host>, name: &str, folder: &Path) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(version);
    let path = newest.map_or_else(|| name.into(), |version| version.join("bin").join(name));
    let mut command = as_owner(host, &path);
    command.current_dir(folder);
    command
}

/// Returns a command that root runs as the account `postgres`.
pub(crate) fn as_owner(host: Option<&Host>, program: &Path) -> Command {
    if is_root() {
        let mut command = command_on(host, "setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        command_on(host, program)
    }
}

/// Creates a folder for the account that runs the server.
fn create_folder() -> TempDir {
    // Root's own folder for temporary files may be in its home, which the account cannot enter.
    let parent = if is_root() { "/var/tmp".into() } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("banter-postgres-").tempdir_in(parent).unwrap();
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(folder.path()));
    }
    folder
}

fn run(command: &mut Command) {
    let output = command.output().expect("PostgreSQL is missing: run `make test`, or install it");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn spawn(host: Option<&Host>, port: u16, folder: &Path) -> Child {
    let mut command = program(host, "postgres", folder);
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
    command.arg("-c").arg(format!("listen_addresses={}", address(host)));
    command.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PostgreSQL is missing: run `make test`, or install it")
}
