//! Live text between processes on one machine. A process with open streams listens on a socket, and workers write to
//! the sockets of all such processes.
//!
//! Nothing waits for a slow reader. A piece of text may be lost; streams then read the stored text. Every message is
//! [signed](super::super::key).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::codec::LengthDelimitedCodec;

use crate::{
    chat::UserRef,
    relay::{LiveText, RelayKey},
};

/// Maximum size of a message, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// A piece of text, and the user whose streams receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserText {
    pub(super) user: UserRef,
    pub(super) text: LiveText,
}

/// Signs and verifies messages.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) key: RelayKey,
    /// The name of the channel, which contains the ID of the installation.
    pub(super) channel: Arc<str>,
}

impl Seal {
    pub(super) fn new(key: RelayKey, installation: &str) -> Self {
        Self { key, channel: format!("banter:{installation}:live").into() }
    }

    /// Encodes and signs a message.
    pub(super) fn close(&self, text: &UserText) -> serde_json::Result<Vec<u8>> {
        Ok(self.key.seal(&self.channel, &serde_json::to_vec(text)?))
    }

    /// Decodes a message; `None` if its signature is invalid.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<serde_json::Result<UserText>> {
        self.key.open(&self.channel, sealed).map(serde_json::from_slice)
    }
}

/// Returns the framing of messages on a socket.
pub(super) fn framing() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(MAX_MESSAGE_BYTES).new_codec()
}
