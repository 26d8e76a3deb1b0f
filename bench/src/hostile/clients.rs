//! Clients that send half a request head, send a body one byte at a time, or never read. They reconnect whenever they
//! are disconnected.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// Size of the client's receive buffer, in bytes. A small buffer makes the api's send buffer fill up.
const RECEIVE_BUFFER: u32 = 4096;
/// Delay between the bytes in a slow body.
const BYTE_INTERVAL: Duration = Duration::from_secs(1);
/// Delay before a disconnected client reconnects.
const RECONNECT_DELAY: Duration = Duration::from_millis(200);
/// Period over which the clients in a group connect. It equals the api's time limit for a request body, so the clients'
/// timeouts are spread evenly.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Number of requests that a client pipelines without reading any response.
const PIPELINED: usize = 50;

/// The behavior of a hostile client.
#[derive(Clone, Debug)]
pub enum Behavior {
    /// Sends only half of a request head.
    HalfOpen,
    /// Sends a body one byte at a time.
    SlowBody,
    /// Requests this path many times without reading the responses.
    NeverReads(String),
}

/// The hostile clients in one round, which are disconnected when this value is dropped.
#[derive(Debug)]
pub struct HostileClients {
    clients: JoinSet<()>,
    stop: CancellationToken,
}

impl HostileClients {
    /// Creates an empty group.
    pub fn new() -> Self {
        Self { clients: JoinSet::new(), stop: CancellationToken::new() }
    }

    /// Adds `count` clients with this behavior, which connect to the api at `address`.
    pub fn add(&mut self, count: usize, address: &str, behavior: &Behavior) -> Result<()> {
        let address: SocketAddr = address.parse()?;
        let behavior = Arc::new(behavior.clone());
        for number in 0..count {
            let (behavior, stop) = (Arc::clone(&behavior), self.stop.clone());
            let delay = CONNECT_TIME.mul_f64(number as f64 / count as f64);
            self.clients.spawn(async move {
                stop.run_until_cancelled(async {
                    sleep(delay).await;
                    reconnect_forever(address, &behavior).await;
                })
                .await;
            });
        }
        Ok(())
    }
}

impl Drop for HostileClients {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn reconnect_forever(address: SocketAddr, behavior: &Behavior) {
    loop {
        // Errors are expected, because the api may disconnect hostile clients.
        let _ = misbehave(address, behavior).await;
        sleep(RECONNECT_DELAY).await;
    }
}

async fn misbehave(address: SocketAddr, behavior: &Behavior) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    let mut stream = socket.connect(address).await?;
    match behavior {
        Behavior::HalfOpen => {
            stream.write_all(b"POST /v1/auth/session HTTP/1.1\r\nHost: local").await?;
            until_closed(&mut stream).await
        }
        Behavior::SlowBody => {
            let head = "POST /v1/auth/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                        Content-Length: 1000\r\n\r\n{";
            stream.write_all(head.as_bytes()).await?;
            loop {
                sleep(BYTE_INTERVAL).await;
                stream.write_all(b" ").await?;
            }
        }
        Behavior::NeverReads(path) => {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream.write_all(request.repeat(PIPELINED).as_bytes()).await?;
            loop {
                sleep(BYTE_INTERVAL).await;
                // Detects a disconnection without reading any data.
                if stream.take_error()?.is_some() {
                    return Ok(());
                }
            }
        }
    }
}

async fn until_closed(stream: &mut TcpStream) -> std::io::Result<()> {
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}
