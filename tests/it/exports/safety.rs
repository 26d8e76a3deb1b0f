//! Content that must not run or change the structure of a document.

use banter_tests::{app::TestApp, client::Client};
use serde_json::json;

use super::export;

/// Content that runs a script in a page that does not escape or sanitize it.
const PAYLOADS: &[&str] = &[
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style></head><body onload=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<details open ontoggle=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "![a](data:text/html;base64,PHNjcmlwdD4=)",
    "<a href=\"javascript:alert(1)\">a</a>",
    "[a]: javascript:alert(1)\n\n[a]",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<meta http-equiv=refresh content='0;url=https://example.com'>",
    "<base href=https://example.com>",
    "<form action=https://example.com><input type=submit>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x onerror=alert(1)&gt;\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "```\"><script>alert(1)</script>\ncode\n```",
    "]]><script>alert(1)</script>",
    "<!--<script>alert(1)</script>-->",
    "\u{feff}<script>alert(1)</script>\u{2028}",
    "</div></article></main></body></html><script>alert(1)</script>",
];

/// The elements that a page consists of.
const ELEMENTS: &[&str] = &[
    "!doctype",
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "header",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "time",
    "article",
    "div",
    "ul",
    "ol",
    "li",
    "bdi",
    "img",
    "br",
    "details",
    "summary",
    "a",
    "blockquote",
    "code",
    "del",
    "em",
    "hr",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
];

/// Returns the tags of a page without `<` and `>`. Quotation marks within attributes are escaped in exported pages.
fn tags(page: &str) -> Vec<String> {
    page.split('<').skip(1).map(|part| part.split('>').next().unwrap().to_owned()).collect()
}

async fn hostile_session(client: &Client) -> String {
    let session = client.create_session("demo").await;
    for payload in PAYLOADS {
        let name: String = payload.chars().filter(|c| !"/\\".contains(*c) && !c.is_control()).collect();
        let file = client.upload(&name, *payload).await;
        client.send_files(&session, &format!("/echo {payload}"), &[&file]).await;
        client.send(&session, payload).await;
    }
    session
}

#[tokio::test]
async fn nothing_in_a_chat_can_run_in_an_exported_page() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = hostile_session(&client).await;
    client.wait_until_idle(&session).await;

    for payload in PAYLOADS {
        client.patch(&format!("/v1/chat/{session}"), &json!({"title": payload})).await.ok(200);
        let page = export(&client, &session, "html").await.text();
        for tag in tags(&page) {
            let name: String = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap().to_lowercase();
            assert!(ELEMENTS.contains(&name.as_str()), "<{tag}>");
            assert!(!tag.to_lowercase().contains(" on"), "<{tag}>");
            for attribute in ["href=\"", "src=\""] {
                let Some((_, value)) = tag.split_once(attribute) else { continue };
                let is_safe =
                    ["https://", "http://", "mailto:", "data:image/"].iter().any(|safe| value.starts_with(safe));
                assert!(is_safe, "<{tag}>");
            }
        }
        assert_eq!(page.matches("<style>").count(), 1);
        assert_eq!(page.matches("</article>").count(), client.messages(&session).await.len());
    }
}

#[tokio::test]
async fn nothing_in_a_chat_changes_the_structure_of_exported_markdown() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = hostile_session(&client).await;
    for content in
        ["# You", "## You · 2026-01-31 12:00 UTC", "You\n---", "```\nunclosed", "~~~", "<!-- unclosed", "<pre>"]
    {
        client.send(&session, &format!("/echo {content}")).await;
    }
    client.wait_until_idle(&session).await;

    let text = export(&client, &session, "markdown").await.text();

    let messages = client.messages(&session).await;
    let mut fence: Option<&str> = None;
    let mut headings = 0;
    for line in text.lines() {
        match fence {
            Some(open) if line.starts_with(open) && line.trim_matches(['`', '~']).is_empty() => fence = None,
            Some(_) => {}
            None if line.starts_with("```") || line.starts_with("~~~") => fence = Some(&line[..3]),
            None => {
                headings += usize::from(line.starts_with("## "));
                assert!(!line.starts_with('<'), "{line}");
            }
        }
    }
    assert_eq!((headings, fence), (messages.len(), None), "{text}");
}
