//! A network of hosts on one machine, with links that can be cut, slow, or lossy.
//!
//! Each [`Host`] is a network namespace with its own address, which belongs to a TUN device. A switch in this
//! process forwards packets between the devices. Connections are therefore real: data that is lost is sent again, and a
//! side that is cut off does not learn that the other one closed the connection. The test itself is a host as well,
//! whose device is in the namespace of the test.
//!
//! This requires root, the program `ip`, and `/dev/net/tun`.

mod host;
mod link;
mod switch;
#[cfg(test)]
mod tests;

pub use host::Host;
pub(crate) use host::command_on;
pub use link::{Condition, Link};

use std::{
    net::Ipv4Addr,
    process::{Command, Stdio},
    sync::Arc,
};

use crate::random::TestRng;
use switch::Switch;

/// The number of networks that can exist at the same time. Each has a range of 256 addresses in 198.18.0.0/15, which is
/// reserved for tests of networks (RFC 2544).
const NETWORKS: u16 = 512;

/// How often to look for a range of addresses that no other network uses.
const ATTEMPTS: usize = 16;

/// All addresses of all networks.
pub const ADDRESSES: &str = "198.18.0.0/15";

/// A running network. Dropping it removes it.
#[derive(Debug)]
pub struct Network {
    // The switch is stopped first, which removes the devices.
    switch: Switch,
    hosts: Vec<Host>,
    address: Ipv4Addr,
}

impl Network {
    /// Creates a network of hosts with these names. `rng` determines which packets a lossy link loses.
    ///
    /// # Errors
    /// Returns the reason why this machine cannot have such a network.
    pub fn start(names: &[String], rng: &mut TestRng) -> Result<Self, String> {
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            let number = rand::random_range(0..NETWORKS);
            match Self::start_with(number, names, rng) {
                Ok(network) => return Ok(network),
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    fn start_with(number: u16, names: &[String], rng: &mut TestRng) -> Result<Self, String> {
        let [high, low] = number.to_be_bytes();
        let name = |index: usize| format!("banter{number}-{index}");
        let address = |index: usize| Ipv4Addr::new(198, 18 + high, low, u8::try_from(index + 1).unwrap());
        let links: Vec<Arc<Link>> = (0..=names.len()).map(|_| Arc::new(Link::new(rng))).collect();
        let ports = links.iter().enumerate().map(|(index, link)| switch::Port {
            device: name(index),
            address: address(index),
            link: link.clone(),
        });
        // The first device is the test's. It marks the number as used, even for other processes.
        let switch = Switch::start(ports.collect())?;
        let mut network = Self { switch, hosts: Vec::new(), address: address(0) };
        ip(&["addr", "add", &format!("{}/24", address(0)), "dev", &name(0)])?;
        ip(&["link", "set", &name(0), "up"])?;
        for (index, host) in (1..).zip(names) {
            let namespace = name(index);
            // A killed test leaves its namespaces behind.
            let _ = ip(&["netns", "del", &namespace]);
            ip(&["netns", "add", &namespace])?;
            network.hosts.push(Host::new(host, &namespace, address(index), &links[index]));
            ip(&["link", "set", &namespace, "netns", &namespace])?;
            ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
            ip(&["-n", &namespace, "addr", "add", &format!("{}/24", address(index)), "dev", &namespace])?;
            ip(&["-n", &namespace, "link", "set", &namespace, "up"])?;
        }
        Ok(network)
    }

    /// Returns the address of the test.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Returns all hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Returns the host with this name.
    pub fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name() == name).unwrap_or_else(|| panic!("no host {name}"))
    }

    /// Restores all links.
    pub fn heal(&self) {
        self.hosts.iter().for_each(|host| host.link().heal());
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.switch.stop();
        for host in &self.hosts {
            let _ = ip(&["netns", "del", host.namespace()]);
        }
    }
}

/// Runs `ip`.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new("ip").args(arguments).stdin(Stdio::null()).output().map_err(|error| format!("ip: {error}"))?;
    let text = || format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    if output.status.success() { Ok(()) } else { Err(text()) }
}
