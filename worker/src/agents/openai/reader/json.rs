//! Parses JSON that has minor defects, and splits text that contains several values in a row.

use banter_shared::lenient_json::{self, LoneSurrogates};
use serde_json::Value;

/// Maximum nesting depth of simplified text. Deeper values become `null`. The depth must be below the limit in
/// `serde_json`.
const MAX_DEPTH: usize = 100;

/// Maximum number of truncated values to skip. If there are more, the rest of the text is not split.
const MAX_TRUNCATED: usize = 16;

/// Parses a value. Lone surrogates in strings are marked.
pub(super) fn parse(text: &str) -> Option<Value> {
    let parse = |text: &str| lenient_json::parse(text.as_bytes(), LoneSurrogates::Mark).ok();
    parse(text).or_else(|| text.starts_with(['{', '[']).then(|| parse(&simplified(text))).flatten())
}

/// Removes trailing commas. Numbers that are out of range and values that are too deeply nested become `null`.
fn simplified(text: &str) -> String {
    let mut simple = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => string_end(rest).unwrap_or(rest.len()),
            '-' | '0'..='9' => {
                rest.find(|c| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        match first {
            '{' | '[' => {
                depth += 1;
                if depth == MAX_DEPTH + 1 {
                    simple.push_str("null");
                }
            }
            '}' | ']' => {
                if depth <= MAX_DEPTH {
                    simple.truncate(simple.trim_end().trim_end_matches(',').len());
                }
                depth = depth.saturating_sub(1);
                if depth >= MAX_DEPTH {
                    continue;
                }
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            continue;
        }
        let is_infinite = token.parse::<f64>().is_ok_and(f64::is_infinite);
        simple.push_str(if is_infinite { "null" } else { token });
    }
    simple
}

/// Splits text into the values that it contains and the text between them, and removes separators.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut truncated = 0;
    let mut rest = without_separators(text);
    while !rest.is_empty() {
        let end = if is_at(rest, "[done]") {
            "[done]".len()
        } else if rest.starts_with(['{', '[']) {
            value_end(rest).unwrap_or_else(|| {
                // After a truncated value, the next value can be recognized only if it starts a new event.
                truncated += 1;
                next_event(rest).filter(|_| truncated <= MAX_TRUNCATED).unwrap_or(rest.len())
            })
        } else {
            let value = rest.find("{\"").unwrap_or(rest.len());
            next_event(&rest[..rest.len().min(value + 1)]).unwrap_or(value)
        };
        let (piece, after) = rest.split_at(end);
        pieces.push(piece.trim_end());
        rest = without_separators(after);
    }
    pieces
}

/// Skips the field names, escaped line breaks, and other separators that servers put between values.
fn without_separators(mut text: &str) -> &str {
    loop {
        let before = text.len();
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '\u{feff}'));
        for separator in ["data:", "\\n", "\\r"] {
            if is_at(text, separator) {
                text = &text[separator.len()..];
            }
        }
        if text.len() == before {
            return text;
        }
    }
}

/// Returns whether the text starts with the given word, ignoring case.
fn is_at(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Returns the position of the next event in the text.
fn next_event(text: &str) -> Option<usize> {
    let is_event = |at: &usize| text[at + "data:".len()..].trim_start().starts_with(['{', '[']);
    text.match_indices("data:").map(|(at, _)| at).find(|at| *at > 0 && is_event(at))
}

/// Returns the length of the object or array at the start of the text, or `None` if the value is truncated.
fn value_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                at += string_end(&text[at..])?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns whether the text ends inside a string.
pub(super) fn ends_in_string(text: &str) -> bool {
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        match string_end(&rest[start..]) {
            Some(end) => rest = &rest[start + end..],
            None => return true,
        }
    }
    false
}

/// Returns the length of the string at the start of the text, or `None` if the string is truncated.
fn string_end(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.bytes().enumerate().skip(1).find(|(_, byte)| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parses_values_with_defects() {
        let deep = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(5_000), "]".repeat(5_000));
        for (text, expected) in [
            (r#"{"a":[1,2,],"b":{"c":",}",},}"#, json!({"a": [1, 2], "b": {"c": ",}"}})),
            (
                r#"{"a":1e999,"b":-1E+999,"c":"1e999","d":[0.5,-3]}"#,
                json!({"a": null, "b": null, "c": "1e999", "d": [0.5, -3]}),
            ),
            ("{\"a\":\"\t\\\",}\",}", json!({"a": "\t\",}"})),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        assert_eq!(parse(&deep).map(|value| value["b"].clone()), Some(json!(1)));
        for text in ["", "{", "{oops}", "{\"a\":\"b", "[,", "}", "]{"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn splits_values() {
        for (text, expected) in [
            ("{\"a\":1}{\"b\":\"}\\\"{\"}", &["{\"a\":1}", "{\"b\":\"}\\\"{\"}"][..]),
            ("{\"a\":1}data: {\"b\":2} Data:[DONE]", &["{\"a\":1}", "{\"b\":2}", "[DONE]"]),
            ("{\"a\":1}\\n\\ndata: {\"b\":2}\\n\\n", &["{\"a\":1}", "{\"b\":2}"]),
            ("data: data: {\"a\":1}[done]", &["{\"a\":1}", "[done]"]),
            ("\u{feff}\u{1e}{\"a\":1}", &["{\"a\":1}"]),
            ("{\"a\":1} oops {\"b\":2}", &["{\"a\":1}", "oops", "{\"b\":2}"]),
            ("{\"a\":\"cut data: {\"b\":2}", &["{\"a\":\"cut", "{\"b\":2}"]),
            ("{\"a\":\"cut", &["{\"a\":\"cut"]),
            ("é", &["é"]),
            (" , ", &[]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
