//! Who is let in: with a key, or everybody on this machine while there has never been one.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use banter_shared::{
    config::AuthMode,
    store::{Store, StoreError},
};

/// Decides whether a key is needed.
#[derive(Debug)]
pub struct AccessPolicy {
    mode: AuthMode,
    is_loopback: bool,
    has_seen_keys: AtomicBool,
}

impl AccessPolicy {
    /// The policy of an api that listens on `address`.
    #[must_use]
    pub fn new(mode: AuthMode, address: SocketAddr) -> Self {
        Self { mode, is_loopback: is_loopback(address.ip()), has_seen_keys: AtomicBool::new(false) }
    }

    /// Whether every request is the local user's: on a loopback address, while the database has never had a key.
    ///
    /// Asks the database each time until there is a key, so that the first one works at once; never again after that.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_keyless(&self, store: &Store) -> Result<bool, StoreError> {
        if self.mode == AuthMode::Required || !self.is_loopback || self.has_seen_keys.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let has_keys = store.has_keys().await?;
        if has_keys {
            self.has_seen_keys.store(true, Ordering::Relaxed);
        }
        Ok(!has_keys)
    }

    /// Whether nobody could be let in, and everybody on the network would try.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn must_refuse_to_start(&self, store: &Store) -> Result<bool, StoreError> {
        Ok(self.mode == AuthMode::Auto && !self.is_loopback && !store.has_keys().await?)
    }
}

/// Whether only this machine reaches an address.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_this_machine_s_own() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("192.168.0.1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
