//! Ports for servers that are stopped and restarted.

use std::net::TcpListener;

use crate::dice::Dice;

/// Below the system's range of ephemeral ports: an outgoing connection could take the port of a server that is down.
const FIRST: u16 = 15_000;
const COUNT: u64 = 15_000;

/// Returns a free port that stays free while its server is down.
pub fn lasting() -> u16 {
    let mut dice = Dice::new(uuid::Uuid::new_v4().as_u64_pair().0);
    loop {
        let port = FIRST + u16::try_from(dice.below(COUNT)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
