//! Decodes files that agents send as base64.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Decodes base64 in either alphabet (RFC 4648), with or without padding, line breaks, and the beginning of a data URL.
/// Returns `None` if the text is empty or invalid.
pub(super) fn decode(text: &str) -> Option<Bytes> {
    let data = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,")?.1,
        None => text,
    };
    let data: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let decoded = STANDARD.decode(&data).or_else(|_| URL_SAFE.decode(&data)).ok()?;
    (!decoded.is_empty()).then(|| decoded.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_form() {
        for text in ["+/8=", "+/8", "-_8=", "+/\n8=\r\n", "data:image/png;base64,+/8="] {
            assert_eq!(decode(text).as_deref(), Some(&b"\xfb\xff"[..]), "{text:?}");
        }
        for text in ["", "=", "a", "é", "+/8=+/8=", "data:text/plain,x", "https://example.org/a.png"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
