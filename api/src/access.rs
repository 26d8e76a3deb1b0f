//! The access policy. A key is required unless keyless mode grants access to everyone on this machine.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use banter_shared::{
    config::AuthMode,
    store::{Store, StoreError},
};

/// A marker for requests that do not require a key. Added by [`crate::middleware::keyless`].
#[derive(Clone, Copy, Debug)]
pub struct Keyless;

/// The rules that determine whether a key is required.
#[derive(Debug)]
pub struct AccessPolicy {
    mode: AuthMode,
    is_loopback: bool,
    has_seen_keys: AtomicBool,
}

impl AccessPolicy {
    /// Creates the policy for an api that listens on `address`.
    #[must_use]
    pub fn new(mode: AuthMode, address: SocketAddr) -> Self {
        Self { mode, is_loopback: is_loopback(address.ip()), has_seen_keys: AtomicBool::new(false) }
    }

    /// Returns whether every request is treated as coming from the local user. If the api listens on a loopback
    /// address, this is the case until the first key is created, unless keys are always required.
    ///
    /// While this is the case, every call queries the database, so the first key takes effect immediately.
    ///
    /// # Errors
    /// Returns an error if the store fails.
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

    /// Returns whether the api would listen on a non-loopback address even though no key exists. If keys are always
    /// required, returns `false`.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn must_refuse_to_start(&self, store: &Store) -> Result<bool, StoreError> {
        Ok(self.mode == AuthMode::Auto && !self.is_loopback && !store.has_keys().await?)
    }
}

/// Returns whether an address can be reached only from this machine.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_loopback_addresses() {
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
