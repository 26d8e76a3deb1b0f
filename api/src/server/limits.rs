//! The limits on the number of connections.

use std::net::IpAddr;

use banter_shared::config::Config;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Default maximum number of connections per address. With the default, loopback is exempt, because a proxy on this
/// machine connects from there on behalf of all its clients.
const PER_ADDRESS: usize = 256;
/// Percentage of the open-file limit that connections may use. The rest is reserved for the database and Redis.
const SHARE_PERCENT: u64 = 80;
/// Maximum number of connections per process, regardless of its open-file limit.
const MAX_CONNECTIONS: usize = 1_000_000;

/// The connection limits for one process.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Maximum number of connections for the process.
    pub total: usize,
    /// Maximum number of connections from one address or IPv6 network.
    per_address: usize,
    /// Whether the limit per address also applies to loopback.
    limits_loopback: bool,
}

impl ConnectionLimits {
    /// Raises the open-file limit of the process as far as permitted, and derives the connection limits from it and
    /// from the configuration.
    #[must_use]
    pub fn apply(config: &Config) -> Self {
        let files = raise_open_files();
        let share = usize::try_from(files.saturating_mul(SHARE_PERCENT) / 100)
            .unwrap_or(MAX_CONNECTIONS)
            .clamp(1, MAX_CONNECTIONS);
        let total = config.max_connections.unwrap_or(share);
        if total > share {
            tracing::warn!("MAX_CONNECTIONS={total} exceeds 80% of the open-file limit ({files}); using {share}");
        }
        let limits = Self::new(total.min(share), config.max_connections_per_address);
        tracing::info!(
            open_files = files,
            connections = limits.total,
            per_address = limits.per_address,
            "connection limits"
        );
        limits
    }

    pub(super) fn new(total: usize, per_address: Option<usize>) -> Self {
        Self { total, per_address: per_address.unwrap_or(PER_ADDRESS), limits_loopback: per_address.is_some() }
    }

    /// Returns the maximum number of connections from this address.
    #[must_use]
    pub fn per_address(&self, address: IpAddr) -> usize {
        if address.is_loopback() && !self.limits_loopback { usize::MAX } else { self.per_address }
    }
}

/// Raises the soft limit on open files to the hard limit, and returns the resulting limit.
fn raise_open_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            tracing::warn!(%error, soft, hard, "cannot raise the open-file limit");
            soft
        }
    }
}

/// Returns the address to which limits apply: the address itself for IPv4 and loopback, and otherwise its /64 network,
/// because a whole /64 network is usually assigned to one client.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) if address.is_loopback() => IpAddr::V6(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn exempts_loopback_by_default_only() {
        let (unset, set) = (ConnectionLimits::new(1000, None), ConnectionLimits::new(1000, Some(9)));

        for (address, by_default) in [("127.0.0.1", usize::MAX), ("::1", usize::MAX), ("10.0.0.1", 256)] {
            assert_eq!(unset.per_address(ip(address)), by_default, "{address}");
            assert_eq!(set.per_address(ip(address)), 9, "{address}");
        }
    }

    #[test]
    fn counts_ipv6_addresses_by_network() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::1", "::1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(client_network(ip(address)), ip(network), "{address}");
        }
    }
}
