//! A parser for JSON from programs that do not fully conform to RFC 8259.
//!
//! A byte order mark is ignored, and invalid UTF-8 is replaced. The text is then parsed strictly. If that fails, the
//! text is repaired and parsed again. The repair handles unpaired surrogate escapes, raw control characters in strings,
//! and unknown escapes. `NaN`, `Infinity`, and `-Infinity` become `null`. Any other defect, such as a truncated object,
//! is an error.
//!
//! A character outside the Basic Multilingual Plane requires two escapes, which a stream may split across two messages.
//! [`LoneSurrogates::Mark`] preserves each half, and [`SurrogateJoiner`] joins the halves.

mod repair;
mod surrogates;

use std::borrow::Cow;

use serde::de::DeserializeOwned;

pub use surrogates::{SurrogateJoiner, replace_marks};

/// The representation of an unpaired surrogate escape in the repaired text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoneSurrogates {
    /// As U+FFFD.
    Replace,
    /// As a mark for [`SurrogateJoiner`]. Marks must not remain in text: pass every string through the joiner or
    /// [`replace_marks`].
    Mark,
}

/// Parses a value. If strict parsing fails, repairs the text and parses it again.
///
/// # Errors
/// Returns an error if the text is invalid even after the repair, or if the value has another type.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], lone: LoneSurrogates) -> serde_json::Result<T> {
    let text = decode(bytes);
    serde_json::from_str(&text).or_else(|strict| match repair(&text, lone) {
        Cow::Borrowed(_) => Err(strict),
        Cow::Owned(repaired) => serde_json::from_str(&repaired),
    })
}

/// Decodes UTF-8. Omits a byte order mark at the start, and replaces invalid bytes with U+FFFD.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes))
}

/// Repairs text, or returns it unchanged if there is nothing to repair. The meaning of valid JSON is preserved.
#[must_use]
pub fn repair(text: &str, lone: LoneSurrogates) -> Cow<'_, str> {
    repair::repair(text, lone, repair::Scope::Everything)
}

/// Replaces unpaired surrogate escapes with U+FFFD and changes nothing else.
#[must_use]
pub fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    repair::repair(text, LoneSurrogates::Replace, repair::Scope::Surrogates)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    fn value(text: &str) -> Option<Value> {
        parse(text.as_bytes(), LoneSurrogates::Replace).ok()
    }

    #[test]
    fn accepts_valid_json_unchanged() {
        for text in [r#"{"a":"\\ud83d \ud83c\udf89 \u00e9 \"x\" \/"}"#, "[1, -2.5e3, true, null]", r#""NaN""#, "\"é\""]
        {
            assert_eq!(value(text), serde_json::from_str(text).ok(), "{text}");
            assert!(matches!(repair(text, LoneSurrogates::Mark), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn repairs_each_defect() {
        let cases = [
            ("\u{feff}{\"a\":1}", json!({"a": 1})),
            (r#""\ud83d""#, json!("\u{fffd}")),
            (r#""a\udf89b""#, json!("a\u{fffd}b")),
            (r#""\ud83d\ud83d\ude00""#, json!("\u{fffd}😀")),
            (r#""\ud83d\n""#, json!("\u{fffd}\n")),
            (r#"{"\uD83D":"\uDE00\uD83D"}"#, json!({"\u{fffd}": "\u{fffd}\u{fffd}"})),
            ("\"a\tb\nc\u{1}\"", json!("a\tb\nc\u{1}")),
            (r#""\x41 \' \q""#, json!(r"\x41 ' \q")),
            (r#""C:\users""#, json!(r"C:\users")),
            ("[NaN, Infinity, -Infinity, \"NaN\"]", json!([null, null, null, "NaN"])),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        assert_eq!(parse::<Value>(b"\"a\xff\"", LoneSurrogates::Replace).ok(), Some(json!("a\u{fffd}")));
    }

    #[test]
    fn rejects_other_defects() {
        for text in ["", "{", r#"{"a":"\ud83d"#, "[1,]", "nan", "{'a': 1}", r#""\ud8"#, r#""\"#] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn replaces_only_surrogates() {
        assert_eq!(replace_lone_surrogates(r#"{"a":"\ud83d","b":"\ud83d\ude00"}"#), r#"{"a":"�","b":"\ud83d\ude00"}"#);
        assert!(matches!(replace_lone_surrogates("\"\u{1} \\q NaN\""), Cow::Borrowed(_)));
    }

    #[test]
    fn joins_halves_across_messages() {
        let halves = [r#""a\ud83c""#, r#""""#, r#""\udf89b""#, r#""\ud83c""#, r#""c\udf89""#, r#""\ud83d""#];
        let mut joiner = SurrogateJoiner::default();

        let mut text = String::new();
        for half in halves {
            let piece: String = parse(half.as_bytes(), LoneSurrogates::Mark).unwrap();
            text.push_str(&joiner.push(&piece));
        }
        text.push_str(joiner.finish());

        assert_eq!(text, "a🎉b\u{fffd}c\u{fffd}\u{fffd}");
    }

    proptest! {
        #[test]
        fn keeps_the_meaning_of_valid_json(texts in vec(any::<String>(), 0..4), number in any::<i64>()) {
            let expected = json!([texts, {"number": number}]);

            prop_assert_eq!(value(&expected.to_string()), Some(expected));
        }

        #[test]
        fn repair_is_idempotent(text in r#"(["\\/'u{}\[\]:, aNn\x00-\x02]|ud83d|ude00|NaN|Infinity|-){0,16}"#) {
            let repaired = repair(&text, LoneSurrogates::Replace);

            prop_assert_eq!(&repair(&repaired, LoneSurrogates::Replace), &repaired);
        }

        #[test]
        fn joins_the_halves_of_any_text(text in "[^\u{fdd0}]*", lengths in vec(1..4_usize, 0..64)) {
            let units: Vec<u16> = text.encode_utf16().collect();
            let (mut rest, mut lengths) = (units.as_slice(), lengths.into_iter().cycle());
            let (mut joiner, mut joined) = (SurrogateJoiner::default(), String::new());

            while !rest.is_empty() {
                let (piece, after) = rest.split_at(lengths.next().unwrap_or(1).min(rest.len()));
                rest = after;
                let escapes: Vec<_> = piece.iter().map(|unit| format!("\\u{unit:04x}")).collect();
                let piece: String = parse(format!("\"{}\"", escapes.concat()).as_bytes(), LoneSurrogates::Mark).unwrap();
                joined.push_str(&joiner.push(&piece));
            }
            joined.push_str(joiner.finish());

            prop_assert_eq!(joined, text);
        }
    }
}
