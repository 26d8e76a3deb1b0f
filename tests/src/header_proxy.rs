//! A reverse proxy that rewrites requests as nginx does: it changes `Host` and adds headers.

use std::fmt::Write as _;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Maximum length of a request head, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// A running proxy. Dropping it closes all connections. Each connection carries one request.
#[derive(Debug)]
pub struct HeaderProxy {
    address: String,
    server: JoinHandle<()>,
}

impl HeaderProxy {
    /// Forwards requests to `target` with this `Host` and these headers.
    pub async fn start(target: &str, host: &str, headers: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut added = format!("Host: {host}\r\nConnection: close\r\n");
        for (name, value) in headers {
            let _ = write!(added, "{name}: {value}\r\n");
        }
        let target = target.to_owned();
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass_on(client, target.clone(), added.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, server }
    }

    /// Returns the address as `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for HeaderProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(mut client: TcpStream, target: String, added: String) -> Option<()> {
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if received.len() > MAX_HEAD || client.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(received[..end].to_vec()).ok()?;
    let (first, rest) = head.split_once("\r\n")?;
    let is_kept = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "host" | "connection")
    };
    let kept: String =
        rest.lines().filter(is_kept).filter(|line| !line.is_empty()).fold(String::new(), |mut kept, line| {
            let _ = write!(kept, "{line}\r\n");
            kept
        });
    let mut server = TcpStream::connect(target).await.ok()?;
    server.write_all(format!("{first}\r\n{added}{kept}\r\n").as_bytes()).await.ok()?;
    server.write_all(&received[end..]).await.ok()?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    // This future never completes, because only the server ends the connection.
    let upload = async {
        let _ = copy(&mut from_client, &mut to_server).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = upload => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
    Some(())
}
