//! A Redis of the test's own, on a free port: to be killed, frozen and started again.

use std::{
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{port, process::Signal, wait::eventually};

/// A running `redis-server` that keeps nothing on the disk.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Redis {
    /// Starts one and waits until it listens.
    pub async fn start() -> Self {
        let port = port::lasting();
        let folder = tempfile::Builder::new().prefix("banter-redis-").tempdir().unwrap();
        let redis = Self { port, child: spawn(port, &folder), folder };
        redis.until_it_listens().await;
        redis
    }

    /// What `REDIS_URL` is to be.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        signal.send(self.child.id());
    }

    /// Kills it without a goodbye.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, &self.folder);
        self.until_it_listens().await;
    }

    async fn until_it_listens(&self) {
        eventually("redis-server listens", async || TcpStream::connect(("127.0.0.1", self.port)).ok()).await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string(), "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is missing: run `make test`, or install it")
}
