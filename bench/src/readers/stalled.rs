//! A reader that never reads.

use std::{fs, net::SocketAddr};

use anyhow::{Context as _, Result};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

/// Size of the receive buffer, in bytes; a small one makes the api's send buffer fill up.
const RECEIVE_BUFFER: u32 = 4096;

/// The connection, open until it is dropped.
#[derive(Debug)]
pub struct StalledReader(#[expect(dead_code, reason = "held for its drop")] TcpStream);

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

/// Counts the connections of the api at this address with unsent data (proc(5), `/proc/net/tcp`).
pub fn full_connections(address: &str) -> Result<usize> {
    let port: SocketAddr = address.parse()?;
    let local = format!(":{:04X}", port.port());
    let table = fs::read_to_string("/proc/net/tcp").context("/proc/net/tcp")?;
    let is_full = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let untaken = fields.get(4).and_then(|queues| queues.split_once(':')).map(|(sending, _)| sending);
        fields.get(1).is_some_and(|own| own.ends_with(&local))
            && untaken.and_then(|bytes| u64::from_str_radix(bytes, 16).ok()).is_some_and(|bytes| bytes > 0)
    };
    Ok(table.lines().skip(1).filter(is_full).count())
}
