//! Exports as Markdown and HTML.

use banter_tests::{app::TestApp, attachments::RED_PNG};
use serde_json::json;

use super::export;

#[tokio::test]
async fn exports_markdown_with_a_heading_for_each_message() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let file = client.upload("notes_1.txt", "hello").await;
    client.ask_about(&session, "/echo # Summary\n\n```sh\nls", &[&file]).await;
    client.ask(&session, "/plan").await;
    client.patch(&format!("/v1/chat/{session}"), &json!({"title": "Trip *to* Rome"})).await.ok(200);

    let reply = export(&client, &session, "markdown").await;

    assert_eq!(reply.header("content-type"), Some("text/markdown; charset=utf-8"));
    assert!(reply.header("content-disposition").unwrap().starts_with("attachment; filename=\"Trip to Rome.md\""));
    let text = reply.text();
    assert!(text.starts_with("# Trip \\*to\\* Rome\n\nAgent: demo  \nCreated: "), "{text}");
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
    let authors: Vec<&str> = headings.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(authors, ["You", "demo", "You", "demo"]);
    // The content of a message neither adds a heading nor leaves a code block open.
    assert_eq!(text.lines().filter(|line| line.starts_with("# ")).count(), 1, "{text}");
    assert!(text.contains("\n### Summary\n\n```sh\nls\n```\n"), "{text}");
    assert!(text.contains("- File: notes\\_1.txt (text/plain, 5 bytes)\n"), "{text}");
    assert!(text.contains("- Plan: "), "{text}");
}

#[tokio::test]
async fn exports_a_self_contained_page() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let (image, file) = (client.upload("red.png", RED_PNG).await, client.upload("a.pdf", "%PDF-1.7").await);
    client.ask_about(&session, "/echo مرحبا **bold** 你好", &[&image, &file]).await;
    client.ask(&session, "/fail").await;

    let reply = export(&client, &session, "html").await;

    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = reply.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
    let page = reply.text();
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "), "{page}");
    assert_eq!(page.matches("<article").count(), 3);
    assert!(page.contains("مرحبا <strong>bold</strong> 你好"), "{page}");
    assert_eq!(page.matches("<img src=\"data:image/png;base64,").count(), 1);
    assert!(page.contains("<bdi>a.pdf</bdi> (application/pdf, 8 bytes)"), "{page}");
    assert!(page.contains("<p class=\"outcome\" dir=\"auto\">Failed: "), "{page}");
}
