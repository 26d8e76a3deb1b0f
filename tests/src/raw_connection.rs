//! Raw connections, for clients that send incomplete requests or never read.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// Size of the client's receive buffer, in bytes. It is small so that the server's send buffer fills up.
const RECEIVE_BUFFER: u32 = 4096;

/// A raw connection. Dropping it closes the connection.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Everything received before the connection was closed.
#[derive(Clone, Debug)]
pub struct RawReply {
    /// The received text.
    pub text: String,
}

impl RawReply {
    /// Returns the status of the first response, or `None` if the connection was closed without one.
    pub fn status(&self) -> Option<u16> {
        self.text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }
}

impl RawConnection {
    /// Connects with a small receive buffer.
    pub async fn open(address: &str) -> Self {
        Self::open_from("127.0.0.1", address).await
    }

    /// Connects from this local address.
    pub async fn open_from(own: &str, address: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
        socket.bind(SocketAddr::new(own.parse().unwrap(), 0)).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        Self { stream, received: Vec::new() }
    }

    /// Connects and sends text, such as the start of a request.
    pub async fn with(address: &str, text: &str) -> Self {
        let mut connection = Self::open(address).await;
        connection.send(text).await;
        connection
    }

    /// Sends text. Does nothing if the connection is closed.
    pub async fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// Closes the sending side.
    pub async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads until the connection is closed. Returns `None` if it is still open after `limit`; the data received so far
    /// is kept.
    pub async fn read_to_close(&mut self, limit: Duration) -> Option<RawReply> {
        let read = async {
            // A reset also ends the connection.
            while self.stream.read_buf(&mut self.received).await.is_ok_and(|count| count > 0) {}
        };
        timeout(limit, read).await.ok()?;
        Some(RawReply { text: String::from_utf8_lossy(&self.received).into_owned() })
    }

    /// Reads until the received data contains this text, and returns the data. Returns `None` if the connection is closed
    /// first, or after `limit`.
    pub async fn read_until(&mut self, text: &str, limit: Duration) -> Option<String> {
        let read = async {
            loop {
                let received = String::from_utf8_lossy(&self.received).into_owned();
                if received.contains(text) {
                    return Some(received);
                }
                self.stream.read_buf(&mut self.received).await.ok().filter(|count| *count > 0)?;
            }
        };
        timeout(limit, read).await.ok()?
    }

    /// Returns whether the server has closed the connection. Discards any unread data.
    pub fn is_closed(&self) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    }
}

/// Returns the head of a POST request with a JSON body of this length.
pub fn post_head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}
