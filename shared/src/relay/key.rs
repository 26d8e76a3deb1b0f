//! Signatures of messages: whoever can reach Redis cannot forge what processes tell each other.
//!
//! A sealed message is an HMAC-SHA-256 tag followed by the message. The tag covers the channel's name, so a recorded
//! message is worthless on any other channel. It hides nothing: who can read Redis can read live text.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a tag.
const TAG_BYTES: usize = 32;

/// Signs and verifies the messages of one installation. Its `Debug` does not show the key.
#[derive(Clone)]
pub struct RelayKey(Hmac<Sha256>);

impl fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayKey")
    }
}

impl From<[u8; 32]> for RelayKey {
    fn from(key: [u8; 32]) -> Self {
        // HMAC pads a shorter key with zeros to the block size itself (RFC 2104, section 2).
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(&key);
        Self(Hmac::new(&block.into()))
    }
}

impl RelayKey {
    fn mac(&self, channel: &str, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // The length keeps the end of the channel's name and the start of the message apart.
        mac.update(&(channel.len() as u64).to_be_bytes());
        mac.update(channel.as_bytes());
        mac.update(message);
        mac
    }

    /// Returns the message with its tag.
    pub(super) fn seal(&self, channel: &str, message: &[u8]) -> Vec<u8> {
        let mut sealed = self.mac(channel, message).finalize().into_bytes().to_vec();
        sealed.extend_from_slice(message);
        sealed
    }

    /// Returns the message if its tag is valid for this channel. Compares in constant time.
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
    fn opens_only_what_was_sealed_with_the_key_for_the_channel() {
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
    fn the_tag_is_hmac_sha_256_with_the_key_as_it_is() {
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
