//! Masks keys in a server's messages. Servers often repeat part of a key that they reject.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::agents::pattern::pattern;

const MASK: &str = "***";
/// Prefixes of the keys that well-known servers issue.
const PREFIXES: [&str; 11] = ["sk-", "sk_", "gsk_", "pplx-", "csk-", "nvapi-", "xai-", "hf_", "r8_", "Bearer-", "AIza"];
/// Minimum length, in bytes, of a random-looking part. A word that contains one is treated as a key.
const LONG_BYTES: usize = 20;
/// Minimum length, in bytes, of a configured key whose parts are masked.
const WHOLE_BYTES: usize = 16;
/// Minimum length, in bytes, of a part of a configured key that is masked.
const PART_BYTES: usize = 4;

/// Matches a word that may be a key or part of one.
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9_*.…-]*[A-Za-z0-9*]"));

/// Masks the configured key, parts of it, and anything else that looks like a key.
pub(super) fn without_keys(said: &str, key: Option<&str>) -> String {
    let key = key.filter(|key| !key.is_empty());
    let said = key.map_or_else(|| said.to_owned(), |key| said.replace(key, MASK));
    let mask = |word: &Captures<'_>| {
        let word = &word[0];
        let is_secret = is_key(word) || key.is_some_and(|key| has_part_of(word, key));
        if is_secret { MASK.to_owned() } else { word.to_owned() }
    };
    WORD.replace_all(&said, mask).into_owned()
}

fn is_key(word: &str) -> bool {
    // A long run that mixes digits, uppercase letters, and lowercase letters is treated as random, unlike model names
    // and error codes.
    let is_random = |run: &str| {
        let has = |kind: fn(&u8) -> bool| run.bytes().any(|byte| kind(&byte));
        run.len() >= LONG_BYTES && has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
    };
    let is_prefixed = PREFIXES.iter().any(|prefix| word.len() > prefix.len() + 2 && word.starts_with(prefix));
    is_prefixed || word.contains(MASK) || word.split(['-', '.', '…']).any(is_random)
}

/// Returns whether a word contains the beginning or the end of the key.
fn has_part_of(word: &str, key: &str) -> bool {
    let is_part = |part: &str| part.len() >= PART_BYTES && (key.starts_with(part) || key.ends_with(part));
    key.len() >= WHOLE_BYTES && word.split(['*', '.', '…']).any(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keys_and_parts_of_them() {
        let key = Some("abcd-0123456789-wxyz");
        for (said, expected) in [
            ("wrong key abcd-0123456789-wxyz", "wrong key ***"),
            ("Incorrect API key provided: sk-proj-Ab1…", "Incorrect API key provided: ***…"),
            ("provided: abcd*********wxyz.", "provided: ***."),
            ("a key that ends in `wxyz`", "a key that ends in `***`"),
            ("gsk_1234 and AIzaSyAbc", "*** and ***"),
            ("token eyJhbGciOiJIUzI1NiIsInR5cCI6", "token ***"),
            (
                "model_terms_required for claude-3-5-sonnet-20241022",
                "model_terms_required for claude-3-5-sonnet-20241022",
            ),
            ("request 0af6f1c2-5d4e-4b1a-9c55-0123456789ab…", "request 0af6f1c2-5d4e-4b1a-9c55-0123456789ab…"),
            ("é **bold**", "é **bold**"),
        ] {
            assert_eq!(without_keys(said, key), expected, "{said}");
        }
        assert_eq!(without_keys("the model test", Some("sk-test")), "the model test");
        assert_eq!(without_keys("a key", Some("")), "a key");
    }
}
