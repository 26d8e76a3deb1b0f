//! A Redis server for one test, on a free port.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::LIMIT;

/// A running `redis-server`, which is killed when dropped.
pub(super) struct RedisServer {
    port: u16,
    folder: TempDir,
    process: Child,
}

impl RedisServer {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Self::spawn(port, &folder);
        let server = Self { port, folder, process };
        server.wait_until_up().await;
        server
    }

    fn spawn(port: u16, folder: &TempDir) -> Child {
        Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed; `make test` installs it")
    }

    async fn wait_until_up(&self) {
        let deadline = Instant::now() + LIMIT;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server is not listening");
            sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    pub(super) fn url(&self) -> String {
        self.url_of("")
    }

    /// Returns the URL with a user and a password (`USER:PASSWORD@`).
    pub(super) fn url_of(&self, user: &str) -> String {
        format!("redis://{user}127.0.0.1:{}", self.port)
    }

    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(super) async fn restart(&mut self) {
        self.process = Self::spawn(self.port, &self.folder);
        self.wait_until_up().await;
    }

    pub(super) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.process.id().to_string()]).status().unwrap().success());
    }

    /// Runs a command, whose arguments must not contain spaces, and returns the response as text.
    pub(super) fn run(&self, command: &str) -> String {
        let mut words = command.split(' ');
        let mut request = ::redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            request.arg(word);
        });
        let value: ::redis::Value = request.query(&mut self.connect()).unwrap();
        ::redis::from_redis_value::<String>(value.clone()).unwrap_or_else(|_| format!("{value:?}"))
    }

    /// Publishes a raw message, as any other Redis client could.
    pub(super) fn publish(&self, channel: &str, message: &[u8]) {
        ::redis::cmd("PUBLISH").arg(channel).arg(message).query::<()>(&mut self.connect()).unwrap();
    }

    /// Returns the number of times that clients have sent a command.
    pub(super) fn calls(&self, command: &str) -> u64 {
        let stats = self.run("INFO commandstats");
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
        line.map_or(0, |line| line.split(['=', ',']).nth(1).unwrap().parse().unwrap())
    }

    fn connect(&self) -> ::redis::Connection {
        ::redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
