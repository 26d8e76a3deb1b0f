//! Escapes plain text within a line of Markdown.

/// Returns text that Markdown shows literally. It must not be at the beginning of a line.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '$') {
            escaped.push('\\');
        }
        // A line break would end the heading or the entry of the list.
        escaped.push(if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;

    #[test]
    fn escaped_text_is_shown_literally() {
        for text in
            ["*a* _b_ `c`", "<script>", "[x](y)", "&amp;", "a | b", "1. x", "- x", "# x #", "~~x~~", "\\", "![a](b)"]
        {
            let line = format!("# a{}", escape(text));
            let mut events = Parser::new_ext(&line, Options::all()).peekable();
            assert!(matches!(events.next(), Some(Event::Start(Tag::Heading { .. }))), "{line}");
            let mut shown = String::new();
            for event in events.by_ref() {
                match event {
                    Event::Text(part) => shown.push_str(&part),
                    Event::End(TagEnd::Heading(_)) => break,
                    other => panic!("{line}: {other:?}"),
                }
            }
            assert_eq!((shown, events.next()), (format!("a{text}"), None));
        }
        assert_eq!(escape("a\nb"), "a b");
    }
}
