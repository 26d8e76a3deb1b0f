//! Downloads.

use banter_tests::{app::TestApp, attachments::RED_PNG, chat::id_of, client::Client};
use serde_json::Value;

async fn get(client: &Client, attachment: &Value, headers: &[(&str, &str)]) -> banter_tests::client::Reply {
    let mut request = client.request("GET", &format!("/v1/attachments/{}", id_of(attachment)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.call(request).await
}

#[tokio::test]
async fn browsers_show_only_images_and_run_nothing() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";

    for (name, content, kind, media_type) in [
        ("a.png", RED_PNG, "inline", "image/png"),
        ("a.svg", svg.as_bytes(), "attachment", "image/svg+xml"),
        ("a.html", b"<html><script>", "attachment", "text/html; charset=utf-8"),
        ("a.pdf", b"%PDF-1.7", "attachment", "application/pdf"),
        ("a.txt", "é".as_bytes(), "attachment", "text/plain; charset=utf-8"),
    ] {
        let attachment = client.upload(name, content).await;
        let reply = client.download(&attachment, "").await;
        let header = |name: &str| reply.headers[name].to_str().unwrap();
        assert_eq!((reply.status, &reply.body[..]), (200, content), "{name}");
        assert_eq!(header("content-disposition"), format!("{kind}; filename=\"{name}\"; filename*=UTF-8''{name}"));
        assert_eq!(header("content-type"), media_type);
        assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(header("etag"), format!("\"{}\"", attachment["sha256"].as_str().unwrap()));
        assert_eq!(header("content-length"), content.len().to_string());
    }
}

#[tokio::test]
async fn supports_ranges_and_entity_tags() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let attachment = client.upload("a.txt", "0123456789").await;
    let tag = format!("\"{}\"", attachment["sha256"].as_str().unwrap());

    for (range, body, position) in
        [("bytes=2-4", "234", "bytes 2-4/10"), ("bytes=7-", "789", "bytes 7-9/10"), ("bytes=-2", "89", "bytes 8-9/10")]
    {
        let reply = get(&client, &attachment, &[("Range", range)]).await;
        assert_eq!((reply.status, reply.text().as_str()), (206, body));
        assert_eq!(reply.headers["content-range"], position);
    }
    let reply = get(&client, &attachment, &[("Range", "bytes=10-")]).await;
    assert_eq!(reply.problem(416)["code"], "range_not_satisfiable");
    assert_eq!(reply.headers["content-range"], "bytes */10");
    let reply = get(&client, &attachment, &[("Range", "bytes=2-4"), ("If-Range", "\"other\"")]).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "0123456789"));
    let reply = get(&client, &attachment, &[("If-None-Match", &tag)]).await;
    assert_eq!((reply.status, reply.body.len()), (304, 0));
}

#[tokio::test]
async fn returns_thumbnails_of_images_only() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let image = client.upload("a.png", RED_PNG).await;
    let text = client.upload("a.txt", "hello").await;
    let damaged = client.upload("b.png", &RED_PNG[..40]).await;

    let reply = client.download(&image, "?thumbnail=256").await;

    assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, "image/jpeg"));
    assert!(reply.body.starts_with(b"\xff\xd8\xff"));
    for other in [&text, &damaged] {
        assert_eq!(client.download(other, "?thumbnail=256").await.problem(422)["code"], "no_thumbnail");
    }
    for query in ["?thumbnail=0", "?thumbnail=5000", "?thumbnail=x"] {
        client.download(&image, query).await.problem_about(400, "thumbnail");
    }
}

#[tokio::test]
async fn only_the_owner_can_download_and_delete() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let owner = app.client_for("ann", "member").await;
    let attachment = owner.upload("a.txt", "hello").await;
    let elsewhere = owner.with_key(&app.create_key("elsewhere", "ann", "admin").await);
    let others = [app.client_for("bob", "member").await, app.client_for("root", "admin").await, elsewhere];

    for other in &others {
        other.download(&attachment, "").await.problem(404);
        other.delete(&format!("/v1/attachments/{}", id_of(&attachment))).await.problem(404);
        let session = other.create_session("demo").await;
        let body = serde_json::json!({"content": "", "attachments": [id_of(&attachment)]});
        let refused = other.post_message(&session, "", &body).await;
        assert_eq!(refused.problem(422)["code"], "unknown_attachment");
    }
    let viewer = owner.with_key(&app.create_key("default", "ann", "viewer").await);
    assert_eq!(viewer.download(&attachment, "").await.body, b"hello");
    viewer.call(viewer.upload_request("b.txt", "x")).await.problem(403);
    owner.without_key().download(&attachment, "").await.problem(401);
}

#[tokio::test]
async fn a_file_that_no_longer_exists_is_not_found() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let (image, text) = (client.upload("a.png", RED_PNG).await, client.upload("a.txt", "hello").await);
    std::fs::remove_dir_all(app.folder().join("data/attachments")).unwrap();

    for (attachment, query) in [(&image, ""), (&image, "?thumbnail=64"), (&text, "")] {
        assert_eq!(client.download(attachment, query).await.problem(404)["code"], "not_found");
    }
    let reply = get(&client, &text, &[("Range", "bytes=1-2")]).await;
    assert_eq!(reply.problem(404)["code"], "not_found");
}
