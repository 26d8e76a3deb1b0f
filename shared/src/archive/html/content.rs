//! Converts the Markdown of messages to HTML.

use std::{collections::HashSet, sync::LazyLock};

use ammonia::Builder;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::escape::escape;

/// The extensions that answers commonly use.
const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);
/// The maximum depth of lists and quotations. Deeper content is shown as plain text.
const MAX_DEPTH: usize = 64;

/// The elements that Markdown can produce, which have no attributes except those of links and of lists.
static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(tags))
        .add_tag_attributes("a", ["href"])
        .add_tag_attributes("ol", ["start"])
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// Returns the HTML of a text in Markdown. HTML in the text is shown as text, and images are replaced with links.
pub fn to_html(markdown: &str) -> String {
    let Some(events) = events(markdown) else { return format!("<pre>{}</pre>\n", escape(markdown)) };
    let mut html = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut html, events.into_iter());
    SANITIZER.clean(&html).to_string()
}

/// Parses a text; `None` if it is nested too deeply.
fn events(markdown: &str) -> Option<Vec<Event<'_>>> {
    let mut events = Vec::new();
    let mut depth = 0_usize;
    for event in Parser::new_ext(markdown, OPTIONS) {
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return None;
        }
        push(&mut events, event);
    }
    Some(events)
}

fn push<'a>(events: &mut Vec<Event<'a>>, event: Event<'a>) {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => events.push(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) => events.push(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => events.push(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Heading { level, .. }) => {
            events.push(Event::Start(Tag::Heading { level: lower(level), id: None, classes: vec![], attrs: vec![] }));
        }
        Event::End(TagEnd::Heading(level)) => events.push(Event::End(TagEnd::Heading(lower(level)))),
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
            events.push(Event::Text(CowStr::Borrowed("Image: ")));
        }
        Event::End(TagEnd::Image) => events.push(Event::End(TagEnd::Link)),
        Event::TaskListMarker(is_done) => {
            events.push(Event::Text(CowStr::Borrowed(if is_done { "☑ " } else { "☐ " })));
        }
        Event::SoftBreak => events.push(Event::HardBreak),
        other => events.push(other),
    }
}

/// Lowers a heading below those of messages.
const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_markdown() {
        for (markdown, html) in [
            ("Hello *world*", "<p>Hello <em>world</em></p>\n"),
            ("# One", "<h3>One</h3>\n"),
            ("a\nb", "<p>a<br>\nb</p>\n"),
            ("- [x] done", "<ul>\n<li>☑ done</li>\n</ul>\n"),
            ("```rust\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"),
            (
                "[a](https://example.com)",
                "<p><a href=\"https://example.com\" rel=\"noopener noreferrer nofollow\">a</a></p>\n",
            ),
            (
                "|a|\n|-|\n|1|",
                "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>1</td></tr>\n</tbody></table>\n",
            ),
        ] {
            assert_eq!(to_html(markdown), html, "{markdown}");
        }
    }

    #[test]
    fn shows_html_as_text_and_removes_unsafe_links() {
        for markdown in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <svg/onload=alert(1)> b",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](data:text/html,<script>alert(1)</script>)",
            "![a](https://example.com/pixel.png)",
            "![a](javascript:alert(1))",
            "<javascript:alert(1)>",
            "[a](vbscript:x \"onmouseover=alert(1)\")",
            "<iframe src=\"https://example.com\">",
            "<style>*{display:none}</style>",
            "<!--><script>alert(1)</script>-->",
            "[a]: javascript:alert(1)\n\n[a]",
            "</div></article><script>alert(1)</script>",
            "```\n</code></pre><script>alert(1)</script>\n```",
            "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        ] {
            let html = to_html(markdown);
            for unsafe_part in [
                "<script",
                "<img",
                "<svg",
                "<iframe",
                "<style",
                "<math",
                "<!--",
                "</div",
                "javascript:\"",
                "=\"javascript",
                "=\"data",
                "=\"vbscript",
            ] {
                assert!(!html.to_lowercase().contains(unsafe_part), "{markdown}\n{html}");
            }
        }
    }

    #[test]
    fn shows_content_that_is_nested_too_deeply_as_plain_text() {
        let html = to_html(&format!("{}<b>", "> ".repeat(100_000)));

        assert!(html.starts_with("<pre>&gt; &gt;") && html.ends_with("&lt;b&gt;</pre>\n"));
    }
}
