//! Uploads.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::{fresh_key, id_of},
};
use serde_json::json;

use super::files::{stored_files, wait_for_files};

#[tokio::test]
async fn an_upload_returns_what_the_file_contains() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    let image = client.upload("red.png", RED_PNG).await;
    let text = client.upload("notes.md", "# Notes\n").await;
    let unknown = client.upload("data", vec![0, 159, 146, 150]).await;
    let disguised = client.upload("photo.png", "<html><script>alert(1)</script>").await;
    let empty = client.upload("empty.txt", "").await;

    assert_eq!(image["name"], "red.png");
    assert_eq!(image["media_type"], "image/png");
    assert_eq!([&image["width"], &image["height"], &image["size"]], [4, 3, RED_PNG.len()]);
    assert_eq!(image["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(text["media_type"], "text/markdown");
    assert_eq!([&text["width"], &text["height"]], [&json!(null), &json!(null)]);
    assert_eq!(unknown["media_type"], "application/octet-stream");
    assert_eq!(disguised["media_type"], "text/html");
    assert_eq!(empty["size"], 0);
    for (attachment, content) in [(&image, RED_PNG), (&text, b"# Notes\n"), (&empty, b"")] {
        assert_eq!(client.download(attachment, "").await.body, content);
    }
}

#[tokio::test]
async fn the_name_comes_from_the_query_a_header_or_a_form() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let post = || client.request("POST", "/v1/attachments");
    let form = |field: &'static str, name: &'static str| {
        let part = reqwest::multipart::Part::text("hello").file_name(name);
        reqwest::multipart::Form::new().part(field, part)
    };

    for (request, name) in [
        (post().query(&[("name", "naïve € 1.txt")]).body("hello"), "naïve € 1.txt"),
        (post().header("Content-Disposition", "attachment; filename=\"a b.txt\"").body("hello"), "a b.txt"),
        (post().header("Content-Disposition", "attachment; filename*=UTF-8''%E2%82%AC.txt").body("hello"), "€.txt"),
        (post().body("hello"), "text.txt"),
        (post().body(RED_PNG), "image.png"),
        (post().multipart(form("file", "in-form.txt")), "in-form.txt"),
        (post().query(&[("name", "in-query.txt")]).multipart(form("file", "in-form.txt")), "in-query.txt"),
    ] {
        let attachment = client.call(request).await.ok(201);
        assert_eq!(attachment["name"], name);
        let expected = if name == "image.png" { "image/png" } else { "text/plain" };
        assert_eq!(attachment["media_type"], expected);
    }
    let two = form("file", "a.txt").part("file", reqwest::multipart::Part::text("two"));
    for wrong in [form("other", "a.txt"), two] {
        client.call(post().multipart(wrong)).await.problem_about(400, "file");
    }
    let broken = post().header("Content-Type", "multipart/form-data; boundary=x").body("--x\r\nnonsense");
    client.call(broken).await.problem(400);
}

#[tokio::test]
async fn rejects_unsafe_names_and_stores_nothing() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let long = "x".repeat(256);

    for name in ["../../etc/passwd", "..", "a/b", "a\\b", "a\r\nX: y", "a\0b", "photo\u{202e}gnp.exe", &long, " "] {
        client.call(client.upload_request(name, "hello")).await.problem_about(400, "name");
    }

    wait_for_files(&app, 0).await;
}

#[tokio::test]
async fn rejects_files_that_are_too_large() {
    let app = TestApp::builder().workers(0).env("ATTACHMENT_MAX_BYTES", "100000").start().await;
    let client = app.client();

    let exact = client.upload("a.bin", vec![1; 100_000]).await;
    assert_eq!(exact["size"], 100_000);
    let announced = client.call(client.upload_request("b.bin", vec![1; 100_001])).await;
    assert_eq!(announced.problem(413)["code"], "payload_too_large");
    // The length is not known in advance.
    let pieces = (0..50).map(|_| Ok::<_, std::io::Error>(vec![2; 5000]));
    let streamed = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    client.call(client.upload_request("c.bin", streamed)).await.problem(413);

    wait_for_files(&app, 1).await;
}

#[tokio::test]
async fn a_repeated_upload_creates_one_attachment() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let key = fresh_key();
    let upload =
        |name: &str, content: &'static str| client.upload_request(name, content).header("Idempotency-Key", &key);

    let first = client.call(upload("a.txt", "hello")).await.ok(201);
    let second = client.call(upload("a.txt", "hello")).await.ok(201);

    assert_eq!(first, second);
    let other = client.call(upload("a.txt", "other")).await;
    assert_eq!(other.problem(422)["code"], "idempotency_mismatch");
    wait_for_files(&app, 1).await;
}

#[tokio::test]
async fn the_same_content_is_stored_once() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    let first = client.upload("a.txt", "hello").await;
    let second = client.upload("b.txt", "hello").await;

    assert_ne!(id_of(&first), id_of(&second));
    assert_eq!(first["sha256"], second["sha256"]);
    wait_for_files(&app, 1).await;
    client.delete(&format!("/v1/attachments/{}", id_of(&first))).await.ok_status(204);
    assert_eq!(client.download(&second, "").await.body, b"hello");
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    for cut in [0, 1, 1000, 300_000] {
        let pieces = [Ok(vec![3; cut]), Err(std::io::Error::other("the link is cut"))];
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        client.try_call(client.upload_request("a.bin", body)).await.unwrap_err();
    }

    wait_for_files(&app, 0).await;
    assert_eq!(app.database().values("SELECT COUNT(*) FROM attachment").await, ["0"]);
}

#[tokio::test]
async fn the_total_size_of_a_users_files_is_limited() {
    let app = TestApp::builder().workers(0).env("STORAGE_BYTES_PER_USER", "10").start().await;
    let client = app.client();

    client.upload("a.txt", "12345678").await;
    let full = client.call(client.upload_request("b.txt", "123")).await;

    assert_eq!(full.problem(429)["code"], "storage_limit");
    assert!(full.headers.contains_key("retry-after"));
    client.upload("c.txt", "12").await;
    wait_for_files(&app, 2).await;
}

#[tokio::test]
async fn a_crash_during_an_upload_leaves_nothing_behind() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let (sender, pieces) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(1);
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
    let upload = tokio::spawn({
        let client = client.clone();
        async move { client.try_call(client.upload_request("a.bin", body)).await.is_err() }
    });
    while stored_files(&app) == 0 {
        sender.send(Ok(vec![4; 100_000])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    app.api(0).process.kill();
    assert!(upload.await.unwrap());
    // As if the crash had been a while ago.
    app.database().execute("UPDATE stored_file SET touched_at = '2026-01-01T00:00:00.000Z'").await;
    app.revive_api(0).await;

    wait_for_files(&app, 0).await;
    app.check().await;
}
