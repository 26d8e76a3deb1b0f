//! Keeps the content of a message from changing the structure of the document that contains it.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The extensions that most viewers support.
const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);
/// The highest level of a heading in a message, below the heading of the message itself.
const FIRST_LEVEL: usize = 3;
/// The maximum number of times that content is adapted. Escaped HTML can reveal further HTML and headings.
const MAX_PASSES: usize = 4;
/// The maximum depth of lists and quotations.
const MAX_DEPTH: usize = 32;

/// Returns content that is complete in itself: headings are below those of messages, HTML is shown as text, and code
/// blocks are closed. Content that cannot be adapted is returned as a code block.
pub fn contain(content: &str) -> String {
    let content = content.trim_end();
    let content = content.trim_start_matches(['\n', '\r']);
    let mut adapted = content.to_owned();
    for _ in 0..MAX_PASSES {
        let edits = edits(&adapted);
        if edits.is_empty() {
            break;
        }
        adapted = apply(&adapted, edits);
    }
    if is_contained(&adapted) { adapted } else { code_block(content) }
}

/// A replacement of a range of the text.
type Edit = (std::ops::Range<usize>, String);

/// Returns the replacements that contain the headings, HTML, and the last code block of a text.
fn edits(text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let (mut depth, mut is_code) = (0_usize, false);
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        is_code = match &event {
            Event::Start(Tag::CodeBlock(_)) => true,
            Event::End(TagEnd::CodeBlock) => false,
            _ => is_code,
        };
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                if depth == 0 && (level as usize) < FIRST_LEVEL {
                    edits.push(lower(text, range, level));
                }
                depth += 1;
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                if depth == 0
                    && let Some(edit) = close_fence(text, range)
                {
                    edits.push(edit);
                }
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            // Some viewers treat more text as HTML than `CommonMark` does.
            Event::Html(_) | Event::InlineHtml(_) | Event::Text(_) if !is_code => {
                let marks = text[range.clone()].match_indices('<').map(|(at, _)| range.start + at);
                edits.extend(marks.filter(|at| is_tag(text, *at)).map(|at| (at..at, "\\".to_owned())));
            }
            _ => {}
        }
    }
    edits
}

/// Returns whether the `<` at a position is not escaped and could begin a tag, a comment, or a declaration.
fn is_tag(text: &str, at: usize) -> bool {
    let backslashes = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
    let next = text[at + 1..].chars().next();
    backslashes % 2 == 0 && next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
}

/// Lowers a heading by as many levels as keep it below the heading of a message.
fn lower(text: &str, range: std::ops::Range<usize>, level: HeadingLevel) -> Edit {
    let heading = &text[range.clone()];
    if heading.starts_with('#') {
        return (range.start..range.start, "##".to_owned());
    }
    // A heading that is underlined may have several lines; its last line is the underline.
    let lines: Vec<&str> = heading.trim_end().lines().map(str::trim).collect();
    let words = lines.split_last().map(|(_, lines)| lines.join(" ")).unwrap_or_default();
    let end = range.start + heading.trim_end().len();
    (range.start..end, format!("{} {words}", "#".repeat(level as usize + 2)))
}

/// Closes a code block that extends to the end of the text and has no closing fence.
fn close_fence(text: &str, range: std::ops::Range<usize>) -> Option<Edit> {
    if !text[range.end..].trim().is_empty() {
        return None;
    }
    let block = &text[range.clone()];
    let mark = block.chars().next()?;
    let fence: String = block.chars().take_while(|c| *c == mark).collect();
    let last = block.trim_end().lines().skip(1).last().unwrap_or_default().trim();
    let is_closed = last.len() >= fence.len() && last.chars().all(|c| c == mark);
    (!is_closed).then(|| (text.len()..text.len(), format!("\n{fence}")))
}

/// Applies replacements, which are in the order of their positions.
fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let (mut adapted, mut end) = (String::with_capacity(text.len() + 64), 0);
    for (range, replacement) in edits {
        if range.start >= end {
            adapted.push_str(&text[end..range.start]);
            adapted.push_str(&replacement);
            end = range.end;
        }
    }
    adapted.push_str(&text[end..]);
    adapted
}

/// Returns whether a text contains no HTML and no headings of messages, and whether a heading after it is recognized.
fn is_contained(text: &str) -> bool {
    let probe = format!("{text}\n\n## end\n");
    let start = probe.len() - "## end\n".len();
    let (mut depth, mut found) = (0_usize, false);
    for (event, range) in Parser::new_ext(&probe, OPTIONS).into_offset_iter() {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => return false,
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                if range.start == start {
                    found = level == HeadingLevel::H2;
                } else if (level as usize) < FIRST_LEVEL {
                    return false;
                }
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(TagEnd::Heading(_)) if depth == 0 => return false,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    found
}

/// Returns the text as a code block whose fence is longer than any in the text.
fn code_block(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn leaves_ordinary_markdown_unchanged() {
        for text in [
            "",
            "Hello *world*",
            "- a\n- b\n\n1. c",
            "```rust\n# not a heading\n<b>\n```",
            "### Three\n\ntext",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "> # quoted",
            "a < b && c > d",
            "    indented",
        ] {
            assert_eq!(contain(text), text);
        }
    }

    #[test]
    fn lowers_headings_escapes_html_and_closes_code() {
        for (text, expected) in [
            ("# One\n\n## Two", "### One\n\n#### Two"),
            ("One\n===\ntext", "### One\ntext"),
            ("Two\nlines\n---", "#### Two lines"),
            ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
            ("a <b>c</b>", "a \\<b>c\\</b>"),
            ("<svg/onload=a> \\<b>", "\\<svg/onload=a> \\<b>"),
            ("<!-- unclosed", "\\<!-- unclosed"),
            ("```sh\nls", "```sh\nls\n```"),
            ("~~~~\n~~~", "~~~~\n~~~\n~~~~"),
            ("<div>\n# One", "\\<div>\n### One"),
        ] {
            assert_eq!(contain(text), expected, "{text}");
        }
    }

    #[test]
    fn returns_other_content_as_a_code_block() {
        let deep = format!("{}a", "> ".repeat(100));

        assert_eq!(contain(&deep), format!("```\n{deep}\n```"));
    }

    proptest! {
        #[test]
        fn a_heading_after_any_content_is_recognized(text in "([#=\\-`~<>!a\n\t \\[\\]:/*_|0-9.]|<!--|<script>|```|\n\n){0,40}") {
            prop_assert!(is_contained(&contain(&text)), "{}", contain(&text));
        }
    }
}
