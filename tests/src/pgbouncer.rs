//! A connection pooler for a single test, on a free port with its own folder.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    port,
    postgres::{Postgres, as_owner},
    wait::eventually,
};

/// A running `pgbouncer` in front of a PostgreSQL server.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    child: Child,
    _folder: TempDir,
}

impl PgBouncer {
    /// Returns whether the program is installed.
    pub fn is_installed() -> bool {
        Command::new("pgbouncer").arg("--version").output().is_ok_and(|output| output.status.success())
    }

    /// Starts a pooler with these lines in its configuration, and waits until it accepts connections.
    pub async fn start(server: &Postgres, settings: &str) -> Self {
        let port = port::lasting();
        let folder = tempfile::Builder::new().prefix("banter-pgbouncer-").tempdir_in("/var/tmp").unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=banter\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\n{settings}\n",
            server.port()
        );
        std::fs::write(&file, configuration).unwrap();
        let accounts = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), accounts).unwrap();
        let child = as_owner(None, Path::new("pgbouncer"))
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer is missing");
        eventually("pgbouncer listens", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        Self { port, child, _folder: folder }
    }

    /// Returns the URL of a database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://banter@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
