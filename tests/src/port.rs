//! Ports for a server that goes down and comes back.

use std::net::TcpListener;

use crate::dice::Dice;

/// Below the range from which the system takes ports for outgoing connections: one of those could take the port of a
/// server while it is down.
const FIRST: u16 = 15_000;
const COUNT: u64 = 15_000;

/// A free port that stays free while its server is down.
pub fn lasting() -> u16 {
    let mut dice = Dice::new(uuid::Uuid::new_v4().as_u64_pair().0);
    loop {
        let port = FIRST + u16::try_from(dice.below(COUNT)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
