//! Thought tags, and functions that find them in text.

/// Opening and closing tags, in lowercase.
pub(super) const TAGS: [(&str, &str); 10] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
];
/// Upper bound for the length of a tag, in bytes.
pub(super) const LONGEST_TAG_BYTES: usize = 32;

/// Returns the closing tags.
pub(super) fn closing_tags() -> Vec<&'static str> {
    TAGS.iter().map(|(_, closing)| *closing).collect()
}

/// Finds the first of these tags in the text, ignoring case. Returns its byte offset and the tag.
pub(super) fn find_tag<'a>(text: &str, tags: &[&'a str]) -> Option<(usize, &'a str)> {
    let lower = text.to_ascii_lowercase();
    tags.iter().filter_map(|tag| lower.find(tag).map(|at| (at, *tag))).min_by_key(|(at, _)| *at)
}

/// Returns the number of bytes at the end of the text that may be the start of a tag.
pub(super) fn held_bytes(text: &str, tags: &[&str]) -> usize {
    let lower = text.to_ascii_lowercase();
    let longest = |tag: &&str| {
        (1..tag.len()).rev().find(|length| tag.is_char_boundary(*length) && lower.ends_with(&tag[..*length]))
    };
    tags.iter().filter_map(longest).max().unwrap_or(0)
}

/// Returns whether the text ends inside a code block or code span.
pub(super) fn is_in_code(text: &str) -> bool {
    let is_fence = |line: &&str| line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
    let fences = text.lines().filter(is_fence).count();
    let line = text.rsplit('\n').next().unwrap_or_default();
    fences % 2 == 1 || line.matches('`').count() % 2 == 1
}

/// Returns whether the tag between `before` and `after` is merely mentioned in prose.
pub(super) fn is_mention(before: &str, after: &str) -> bool {
    let continues = after.starts_with(|c: char| c == ' ' || c.is_ascii_punctuation());
    (before.ends_with(' ') && continues) || before.ends_with(['"', '\'', '(', '“'])
}
