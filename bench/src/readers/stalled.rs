//! A client that opens a stream and never reads it.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

/// Size of the receive buffer, in bytes. A small buffer makes the api's send buffer fill up.
const RECEIVE_BUFFER: u32 = 4096;

/// A stalled reader. Dropping it closes the connection.
#[derive(Debug)]
pub struct StalledReader(#[expect(dead_code, reason = "kept only to be dropped")] TcpStream);

impl StalledReader {
    /// Requests the user's events after this cursor without reading them.
    pub async fn connect(address: &str, key: &str, cursor: &str) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let mut stream = socket.connect(address.parse::<SocketAddr>()?).await?;
        let request = format!(
            "GET /v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nLast-Event-ID: {cursor}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(Self(stream))
    }
}

/// Counts the connections to the api at this address that have unsent data.
pub fn full_connections(address: &str) -> Result<usize> {
    let address: SocketAddr = address.parse()?;
    let connections = procfs::net::tcp().context("/proc/net/tcp")?;
    Ok(connections.iter().filter(|it| it.local_address == address && it.tx_queue > 0).count())
}
