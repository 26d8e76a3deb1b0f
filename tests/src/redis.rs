//! A Redis server for a single test, on a free port. It can be killed, frozen, restricted, and restarted.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    certificates,
    network::{Host, command_on},
    port,
    process::Signal,
    wait::eventually,
};

/// The port on a host of a network, which has no other server.
const PORT: u16 = 6379;

/// A running `redis-server` with persistence disabled.
#[derive(Debug)]
pub struct Redis {
    host: Option<Host>,
    port: u16,
    has_tls: bool,
    child: Child,
    folder: TempDir,
}

impl Redis {
    /// Starts a server and waits until it accepts connections.
    pub async fn start() -> Self {
        Self::start_with(None, port::lasting(), false).await
    }

    /// Like [`Redis::start`], on a host of a network.
    pub async fn start_on(host: &Host) -> Self {
        Self::start_with(Some(host.clone()), PORT, false).await
    }

    /// Starts a server that accepts only TLS connections, with a certificate from a dedicated CA.
    pub async fn start_with_tls() -> Self {
        Self::start_with(None, port::lasting(), true).await
    }

    async fn start_with(host: Option<Host>, port: u16, has_tls: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("banter-redis-").tempdir().unwrap();
        if has_tls {
            certificates::create(folder.path());
        }
        let child = spawn(host.as_ref(), port, has_tls, folder.path());
        let redis = Self { host, port, has_tls, child, folder };
        redis.until_it_listens().await;
        redis
    }

    /// Returns the value for `REDIS_URL`.
    pub fn url(&self) -> String {
        self.url_of("")
    }

    /// Returns the value for `REDIS_URL` with a user and a password (`USER:PASSWORD@`).
    pub fn url_of(&self, user: &str) -> String {
        let scheme = if self.has_tls { "rediss" } else { "redis" };
        format!("{scheme}://{user}{}", self.address())
    }

    /// Returns the address as `127.0.0.1:PORT`, or with the address of the host.
    pub fn address(&self) -> String {
        format!("{}:{}", self.ip(), self.port)
    }

    fn ip(&self) -> Ipv4Addr {
        address(self.host.as_ref())
    }

    /// Returns the path of the CA certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Runs `redis-cli` with these arguments and returns its output.
    pub fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-h", &self.ip().to_string(), "-p", &self.port.to_string()]);
        if self.has_tls {
            command.arg("--tls").arg("--cacert").arg(self.ca_file());
        }
        let output = command.args(arguments).output().expect("redis-cli is missing; it is part of redis-server");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success() && !text.starts_with("ERR"), "redis-cli {arguments:?}: {text}");
        text
    }

    /// Returns the process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        signal.send(self.child.id());
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Restarts the server on the same port.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.host.as_ref(), self.port, self.has_tls, self.folder.path());
        self.until_it_listens().await;
    }

    async fn until_it_listens(&self) {
        eventually("redis-server listens", async || TcpStream::connect((self.ip(), self.port)).ok()).await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn address(host: Option<&Host>) -> Ipv4Addr {
    host.map_or(Ipv4Addr::LOCALHOST, Host::address)
}

fn spawn(host: Option<&Host>, port: u16, has_tls: bool, folder: &Path) -> Child {
    let mut command = command_on(host, "redis-server");
    command.args(["--bind", &address(host).to_string(), "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
    // Without a password, Redis otherwise accepts only local connections.
    command.args(["--protected-mode", "no"]);
    let port = port.to_string();
    if has_tls {
        command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
        command.arg("--tls-cert-file").arg(folder.join("server.pem"));
        command.arg("--tls-key-file").arg(folder.join("server.key"));
    } else {
        command.args(["--port", &port]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is missing: run `make test`, or install it")
}
