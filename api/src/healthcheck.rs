//! Implements `api healthcheck`, which checks whether a running api is ready, for containers that do not have curl.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Time limit for the whole check.
const LIMIT: Duration = Duration::from_secs(5);
/// Maximum number of bytes read from the response.
const READ_BYTES: u64 = 64 * 1024;

/// Requests `/readyz` from the api that listens on `address`.
///
/// # Errors
/// Returns an error if the api cannot be reached, does not respond in time, or is not ready.
pub async fn run(address: SocketAddr) -> anyhow::Result<()> {
    let address = reachable(address);
    let response = timeout(LIMIT, get(address)).await.with_context(|| format!("{address} did not respond in time"))?;
    let response = response.with_context(|| format!("cannot connect to {address}"))?;
    let status = response.split(' ').nth(1).unwrap_or("the response has no status line");
    let body = response.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    anyhow::ensure!(status == "200", "{address} is not ready: {status} {body}");
    Ok(())
}

/// Returns the address at which an api that listens on `bound` can be reached from the same machine.
fn reachable(mut bound: SocketAddr) -> SocketAddr {
    match bound {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => bound.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => bound.set_ip(Ipv6Addr::LOCALHOST.into()),
        SocketAddr::V4(_) | SocketAddr::V6(_) => {}
    }
    bound
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(READ_BYTES).read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_an_unspecified_address_over_loopback() {
        for (bound, reached) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), reached);
        }
    }
}
