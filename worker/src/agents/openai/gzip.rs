//! Decodes gzip bodies with any number of members, declared as `gzip` or `x-gzip`, ignoring case.
//!
//! `reqwest` recognizes only the lowercase name `gzip`, and stops after the first member.

use std::io::Write as _;

use banter_shared::chat::ErrorCode;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures::{Stream, StreamExt as _, stream};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use crate::agents::AgentError;

/// The first bytes of gzip data (RFC 1952, section 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Returns whether a response declares a gzip-encoded body.
pub(super) fn is_declared(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ["gzip", "x-gzip"].iter().any(|name| encoding.trim().eq_ignore_ascii_case(name))
}

/// Decodes a body. If the first two bytes are not [`MAGIC`], passes the body through unchanged.
pub(super) fn decode(
    body: impl Stream<Item = Result<Bytes, AgentError>>,
) -> impl Stream<Item = Result<Bytes, AgentError>> {
    let mut decoder = Decoder::Start(Vec::new());
    body.flat_map(move |bytes| {
        let (plain, error) = match bytes {
            Ok(bytes) => decoder.push(&bytes),
            Err(error) => (Vec::new(), Some(error)),
        };
        stream::iter(std::iter::once(Ok(plain.into())).chain(error.map(Err)))
    })
}

enum Decoder {
    /// The first bytes, while there are too few of them to recognize gzip.
    Start(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// The body is not compressed.
    Plain,
}

impl Decoder {
    /// Decodes the next bytes. Returns the decoded bytes and any error.
    fn push(&mut self, bytes: &[u8]) -> (Vec<u8>, Option<AgentError>) {
        match self {
            Self::Start(head) => {
                head.extend_from_slice(bytes);
                if head.len() < MAGIC.len() {
                    return (Vec::new(), None);
                }
                let head = std::mem::take(head);
                let is_gzip = head.starts_with(&MAGIC);
                *self = if is_gzip { Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))) } else { Self::Plain };
                self.push(&head)
            }
            Self::Gzip(decoder) => {
                let result = decoder.write_all(bytes).and_then(|()| decoder.flush());
                let error = result.err().map(|error| {
                    tracing::warn!(%error, "compressed response is corrupted");
                    AgentError::new(ErrorCode::AgentNetwork, "The agent's server sent a corrupted compressed response.")
                });
                (std::mem::take(decoder.get_mut()), error)
            }
            Self::Plain => (bytes.to_vec(), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn compressed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// Decodes a body that arrives in these pieces. Returns the text, and whether there was an error.
    async fn decoded(pieces: &[&[u8]]) -> (String, bool) {
        let pieces: Vec<Result<Bytes, AgentError>> =
            pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let found: Vec<_> = decode(stream::iter(pieces)).collect().await;
        let has_error = found.iter().any(Result::is_err);
        let bytes: Vec<u8> = found.into_iter().filter_map(Result::ok).flatten().collect();
        (String::from_utf8(bytes).unwrap(), has_error)
    }

    #[tokio::test]
    async fn decodes_members_at_any_split() {
        let two = [compressed("Hello "), compressed("world")].concat();
        for cut in 0..=two.len() {
            let (head, tail) = two.split_at(cut);
            assert_eq!(decoded(&[head, tail]).await, ("Hello world".to_owned(), false), "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = two.chunks(1).collect();
        assert_eq!(decoded(&bytes).await.0, "Hello world");
    }

    #[tokio::test]
    async fn keeps_output_before_corruption() {
        let damaged = [compressed("Hello"), b"oops, this is not gzip".to_vec()].concat();

        assert_eq!(decoded(&[&damaged]).await, ("Hello".to_owned(), true));
        assert_eq!(decoded(&[b"p", b"lain"]).await, ("plain".to_owned(), false));
    }

    #[test]
    fn recognizes_every_name() {
        let is = |name: &'static str| is_declared(&HeaderMap::from_iter([(CONTENT_ENCODING, name.parse().unwrap())]));

        for name in ["gzip", "x-gzip", "GZIP", "X-Gzip", " gzip"] {
            assert!(is(name), "{name}");
        }
        for name in ["br", "identity", "gzip, br"] {
            assert!(!is(name), "{name}");
        }
    }
}
