//! Extracts the error message from a web page or an XML document.

/// Names of elements that may describe the error, best first.
const ELEMENTS: [&str; 5] = ["title", "h1", "h2", "message", "p"];

/// Returns the text of the first of the [`ELEMENTS`] in a page, and of the next one that adds something. The result is
/// empty if the page contains none of them.
pub(super) fn headline(page: &str) -> String {
    let mut found = ELEMENTS.iter().map(|name| element(page, name)).filter(|text| !text.is_empty());
    let Some(title) = found.next() else { return String::new() };
    match found.find(|text| !title.contains(text.as_str())) {
        Some(more) => format!("{title}: {more}"),
        None => title,
    }
}

/// Returns the text from the first element with this name.
fn element(page: &str, name: &str) -> String {
    // Only ASCII characters are converted to lowercase, so byte offsets stay the same.
    let lower = page.to_ascii_lowercase();
    let Some(start) = lower.match_indices(&format!("<{name}")).find_map(|(at, opening)| {
        let rest = &lower[at + opening.len()..];
        let is_element = rest.starts_with(['>', ' ', '\n', '\t', '\r', '/']);
        is_element.then(|| rest.find('>')).flatten().map(|end| at + opening.len() + end + 1)
    }) else {
        return String::new();
    };
    let end = lower[start..].find(&format!("</{name}")).map_or(page.len(), |length| start + length);
    text_of(&page[start..end])
}

/// Returns the text of an HTML fragment, as a single line.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        text.push(' ');
        rest = rest[start..].find('>').map_or("", |end| &rest[start + end + 1..]);
    }
    text.push_str(rest);
    let entities = [
        ("&nbsp;", " "),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let text = entities.iter().fold(text, |text, (entity, character)| text.replace(entity, character));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_headline_of_a_page() {
        let blocked = "<html><head><title>Attention Required! | Cloudflare</title></head><body>Sorry</body></html>";
        for (page, expected) in [
            (
                "<html>\r\n<head><TITLE>504 Gateway Time-out</TITLE></head>\n<h1>504 Gateway Time-out</h1>nginx",
                "504 Gateway Time-out",
            ),
            (blocked, "Attention Required! | Cloudflare"),
            (
                "<!doctype html><title>Error</title><h1 class=\"a\">You are <b>blocked</b> &amp; logged</h1>",
                "Error: You are blocked & logged",
            ),
            (
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
                "Access Denied",
            ),
            ("<html>nginx</html>", ""),
            ("<title", ""),
            ("<title>cut é", "cut é"),
        ] {
            assert_eq!(headline(page), expected, "{page}");
        }
    }
}
