//! Decodes a body to text.
//!
//! Event streams and JSON must be encoded in UTF-8, so UTF-8 is tried first, even if a server declares another
//! encoding. The declared encoding is used from the first invalid UTF-8 byte onward. UTF-16 is used instead if the body
//! starts with a UTF-16 byte order mark, or if one of the first two bytes is zero. Bytes that cannot be decoded become
//! U+FFFD.

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Number of bytes needed to detect the encoding.
const SNIFFED_BYTES: usize = 3;

/// Decodes a body that arrives in chunks.
pub(super) struct TextDecoder {
    declared: Option<&'static Encoding>,
    state: State,
}

enum State {
    /// The first few bytes, while there are too few of them to detect the encoding.
    Start(Vec<u8>),
    /// UTF-8, with the bytes of an incomplete character.
    Utf8(Vec<u8>),
    /// Another encoding.
    Other(Decoder),
}

impl TextDecoder {
    /// Creates a decoder for a body with this `Content-Type`.
    pub fn new(content_type: &str) -> Self {
        Self { declared: declared_in(content_type), state: State::Start(Vec::new()) }
    }

    /// Decodes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        match &mut self.state {
            State::Start(head) => {
                head.extend_from_slice(bytes);
                if head.len() < SNIFFED_BYTES { String::new() } else { self.start() }
            }
            State::Utf8(pending) => {
                pending.extend_from_slice(bytes);
                self.decode_utf8()
            }
            State::Other(decoder) => decode(decoder, bytes, false),
        }
    }

    /// Returns the rest of the text at the end of the body.
    pub fn finish(&mut self) -> String {
        let mut text = if matches!(self.state, State::Start(_)) { self.start() } else { String::new() };
        match &mut self.state {
            State::Start(_) => {}
            State::Utf8(pending) if pending.is_empty() => {}
            State::Utf8(pending) => {
                pending.clear();
                text.push(char::REPLACEMENT_CHARACTER);
            }
            State::Other(decoder) => text.push_str(&decode(decoder, &[], true)),
        }
        text
    }

    /// Detects the encoding and decodes the first bytes.
    fn start(&mut self) -> String {
        let State::Start(head) = &mut self.state else { return String::new() };
        let head = std::mem::take(head);
        let wide = match (Encoding::for_bom(&head), head.as_slice()) {
            (Some((encoding, _)), _) => Some(encoding).filter(|encoding| *encoding != UTF_8),
            // Both event streams and JSON start with an ASCII character.
            (None, [_, 0, ..]) => Some(UTF_16LE),
            (None, [0, ..]) => Some(UTF_16BE),
            (None, _) => None,
        };
        if let Some(wide) = wide {
            let mut decoder = wide.new_decoder_with_bom_removal();
            let text = decode(&mut decoder, &head, false);
            self.state = State::Other(decoder);
            return text;
        }
        let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&head);
        self.state = State::Utf8(head.to_vec());
        self.decode_utf8()
    }

    fn decode_utf8(&mut self) -> String {
        let State::Utf8(pending) = &mut self.state else { return String::new() };
        let bytes = std::mem::take(pending);
        let mut text = String::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        loop {
            let (valid, error_len) = match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => (error.valid_up_to(), error.error_len()),
            };
            let (good, bad) = rest.split_at(valid);
            text.push_str(&String::from_utf8_lossy(good));
            let Some(error_len) = error_len else {
                self.state = State::Utf8(bad.to_vec());
                return text;
            };
            if let Some(declared) = self.declared {
                let mut decoder = declared.new_decoder_without_bom_handling();
                text.push_str(&decode(&mut decoder, bad, false));
                self.state = State::Other(decoder);
                return text;
            }
            text.push(char::REPLACEMENT_CHARACTER);
            rest = &bad[error_len..];
        }
    }
}

/// Returns the encoding declared in a `Content-Type`, unless it is UTF-8 or is not a superset of ASCII.
fn declared_in(content_type: &str) -> Option<&'static Encoding> {
    let lower = content_type.to_ascii_lowercase();
    let (_, label) = lower.split_once("charset=")?;
    let label = label.split(';').next()?.trim().trim_matches(|c| matches!(c, '"' | '\''));
    Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != UTF_8 && encoding.is_ascii_compatible())
}

fn decode(decoder: &mut Decoder, bytes: &[u8], is_last: bool) -> String {
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 3 + 16));
    // The capacity is the maximum length of the decoded text, so all bytes are decoded.
    let _ = decoder.decode_to_string(bytes, &mut text, is_last);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(content_type: &str, bytes: &[u8]) -> String {
        let whole = decoded_in(content_type, &[bytes]);
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(decoded_in(content_type, &[head, tail]), whole, "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decoded_in(content_type, &single), whole);
        whole
    }

    fn decoded_in(content_type: &str, parts: &[&[u8]]) -> String {
        let mut decoder = TextDecoder::new(content_type);
        let mut text: String = parts.iter().map(|part| decoder.push(part)).collect();
        text.push_str(&decoder.finish());
        text
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn decodes_every_encoding_at_any_split() {
        let text = "data: é 🎉 重点";
        let sse = "text/event-stream";
        let latin1 = "text/event-stream; charset=ISO-8859-1";
        let bom = |bytes: &[u8], bom: &[u8]| [bom, bytes].concat();

        assert_eq!(decoded(sse, text.as_bytes()), text);
        assert_eq!(decoded(sse, &bom(text.as_bytes(), b"\xef\xbb\xbf")), text);
        assert_eq!(decoded(sse, &bom(&utf16(text, u16::to_le_bytes), b"\xff\xfe")), text);
        assert_eq!(decoded(sse, &bom(&utf16(text, u16::to_be_bytes), b"\xfe\xff")), text);
        assert_eq!(decoded("text/event-stream; charset=utf-16le", &utf16(text, u16::to_le_bytes)), text);
        assert_eq!(decoded("application/json; charset=\"UTF-16BE\"", &utf16(text, u16::to_be_bytes)), text);
        assert_eq!(decoded(latin1, b"data: caf\xe9 \xfc"), "data: café ü");
        assert_eq!(decoded("text/plain;charset=gbk", b"data: \xd6\xd8\xb5\xe3"), "data: 重点");
        assert_eq!(decoded("text/plain; charset=shift_jis", b"data: \x93\xfa\x96\x7b"), "data: 日本");
    }

    #[test]
    fn decodes_utf8_that_is_declared_as_another_encoding() {
        for charset in ["iso-8859-1", "utf-16", "windows-1252", "nonsense"] {
            let content_type = format!("text/event-stream; charset={charset}");
            assert_eq!(decoded(&content_type, "data: é 🎉".as_bytes()), "data: é 🎉", "{charset}");
        }
    }

    #[test]
    fn replaces_invalid_bytes() {
        assert_eq!(decoded("", b"a\xff\xe2\x82b\xc3"), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!(decoded("", b""), "");
        assert_eq!(decoded("", b"ab"), "ab");
    }
}
