//! Parses JSON that other programs have written.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// Parses a value. Invalid UTF-8 and halves of surrogate pairs, which some programs write when they cut a text, become
/// U+FFFD.
///
/// # Errors
/// Returns an error if the text is not valid JSON, or not a `T`.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let error = match serde_json::from_slice(json) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(json);
    match replace_lone_surrogates(&text) {
        Some(replaced) => serde_json::from_str(&replaced),
        None if matches!(text, Cow::Owned(_)) => serde_json::from_str(&text),
        None => Err(error),
    }
}

/// Replaces escapes of surrogates that are not part of a pair; `None` if there are none.
fn replace_lone_surrogates(json: &str) -> Option<String> {
    let bytes = json.as_bytes();
    let mut replaced = String::new();
    let (mut kept, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let Some(unit) = surrogate(bytes, at) else {
            // Skip the escaped character, which may be a backslash.
            at += 2;
            continue;
        };
        let is_high = unit < 0xdc00;
        if is_high && surrogate(bytes, at + ESCAPE).is_some_and(|next| next >= 0xdc00) {
            at += 2 * ESCAPE;
            continue;
        }
        replaced.push_str(&json[kept..at]);
        replaced.push('\u{fffd}');
        at += ESCAPE;
        kept = at;
    }
    (kept > 0).then(|| replaced + &json[kept..])
}

/// The length of an escape such as `\ud83d`, in bytes.
const ESCAPE: usize = 6;

/// Returns the surrogate whose escape begins at an index.
fn surrogate(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn replaces_halves_of_surrogate_pairs() {
        for (json, expected) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\\ud83d\ud83d""#, "\\ud83d\u{fffd}"),
            (r#""\ud83d\ude00 \ud83d""#, "😀 \u{fffd}"),
        ] {
            assert_eq!(parse::<String>(json.as_bytes()).unwrap(), expected, "{json}");
        }
        assert_eq!(parse::<String>(b"\"a\xff\"").unwrap(), "a\u{fffd}");
        assert!(parse::<String>(b"\"a").is_err());
    }

    proptest! {
        #[test]
        fn parses_any_sequence_of_escaped_units(units in vec(prop_oneof![0xd800_u16..0xe000, 0x20_u16..0x30, Just(0x5c)], 0..12)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let parsed: String = parse(format!("\"{escaped}\"").as_bytes()).unwrap();
            prop_assert_eq!(parsed, String::from_utf16_lossy(&units));
        }
    }
}
