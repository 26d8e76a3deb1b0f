//! Ports for servers that are stopped and restarted.

use std::{
    net::TcpListener,
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

/// The lowest port. The whole range is below the system's ephemeral ports. Otherwise, an outgoing connection could take
/// the port of a server that is down.
const FIRST: u16 = 15_000;
const COUNT: u16 = 15_000;

/// The number of the next port.
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random_range(0..COUNT)));

/// Returns a free port that no outgoing connection can take while its server is down. Every call returns another port,
/// because the servers on earlier ones may still be starting.
pub fn lasting() -> u16 {
    loop {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
