//! Message signatures, which prevent others with access to Redis from forging messages between processes.
//!
//! A sealed message is an HMAC-SHA-256 tag followed by the message. The tag covers the channel's name, so that a
//! recorded message is invalid on any other channel. Messages are not encrypted: anyone with access to Redis can read
//! live text.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The length of a tag in bytes.
const TAG_BYTES: usize = 32;

/// The key for signing and verifying an installation's messages. Its `Debug` output does not contain the key.
#[derive(Clone)]
pub struct RelayKey(Hmac<Sha256>);

impl fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayKey")
    }
}

impl From<[u8; 32]> for RelayKey {
    fn from(key: [u8; 32]) -> Self {
        // HMAC itself pads a shorter key with zeros to the block size (RFC 2104, section 2).
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(&key);
        Self(Hmac::new(&block.into()))
    }
}

impl RelayKey {
    fn mac(&self, channel: &str, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // The length prefix separates the channel's name from the message.
        mac.update(&(channel.len() as u64).to_be_bytes());
        mac.update(channel.as_bytes());
        mac.update(message);
        mac
    }

    /// Returns the message, prefixed with its tag.
    pub(super) fn seal(&self, channel: &str, message: &[u8]) -> Vec<u8> {
        let mut sealed = self.mac(channel, message).finalize().into_bytes().to_vec();
        sealed.extend_from_slice(message);
        sealed
    }

    /// Returns the message if its tag is valid for this channel. Compares tags in constant time.
    pub(super) fn open<'a>(&self, channel: &str, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (tag, message) = sealed.split_at_checked(TAG_BYTES)?;
        self.mac(channel, message).verify_slice(tag).ok()?;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_messages_sealed_with_the_same_key_for_the_same_channel() {
        let (ours, theirs) = (RelayKey::from([1; 32]), RelayKey::from([2; 32]));
        let sealed = ours.seal("work", b"\"work\"");
        let changed = |position: usize| {
            let mut sealed = sealed.clone();
            sealed[position] ^= 1;
            sealed
        };

        assert_eq!(ours.open("work", &sealed), Some(b"\"work\"".as_slice()));
        for (case, channel, sealed) in [
            ("another channel", "stops", sealed.clone()),
            ("a prefix of the channel", "wor", [&sealed[..TAG_BYTES], b"k", &sealed[TAG_BYTES..]].concat()),
            ("another key", "work", theirs.seal("work", b"\"work\"")),
            ("a changed tag", "work", changed(0)),
            ("a changed message", "work", changed(TAG_BYTES)),
            ("a shortened message", "work", sealed[..sealed.len() - 1].to_vec()),
            ("no tag", "work", b"\"work\"".to_vec()),
            ("an unsigned message longer than a tag", "work", vec![b' '; 100]),
            ("nothing", "work", Vec::new()),
        ] {
            assert_eq!(ours.open(channel, &sealed), None, "{case}");
        }
    }

    #[test]
    fn signs_with_hmac_sha_256_and_the_unmodified_key() {
        use sha2::Digest as _;
        let key = [7; 32];
        let pad = |byte: u8| -> Vec<u8> { (0..64).map(|at| byte ^ key.get(at).copied().unwrap_or(0)).collect() };
        let inner = Sha256::digest([pad(0x36), 1_u64.to_be_bytes().to_vec(), b"cm".to_vec()].concat());
        let tag = Sha256::digest([pad(0x5c), inner.to_vec()].concat());

        assert_eq!(RelayKey::from(key).seal("c", b"m")[..TAG_BYTES], tag[..]);
    }

    #[test]
    fn debug_output_hides_the_key() {
        assert_eq!(format!("{:?}", RelayKey::from([1; 32])), "RelayKey");
    }
}
