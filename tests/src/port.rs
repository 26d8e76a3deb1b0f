//! Ports for servers that are stopped and restarted.

use std::net::TcpListener;

/// The lowest port. The whole range is below the system's ephemeral ports. Otherwise, an outgoing connection could take
/// the port of a server that is down.
const FIRST: u16 = 15_000;
const COUNT: u16 = 15_000;

/// Returns a free port that no outgoing connection can take while its server is down.
pub fn lasting() -> u16 {
    loop {
        let port = rand::random_range(FIRST..FIRST + COUNT);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
