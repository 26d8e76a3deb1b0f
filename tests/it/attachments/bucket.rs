//! Attachments in an S3 bucket.

use std::{fs, time::Duration};

use banter_tests::{
    app::{Builder, TestApp},
    attachments::RED_PNG,
    chat::{fresh_key, id_of},
    s3::S3,
    wait::within,
};

use super::files::count_files;

fn on(s3: &S3) -> Builder {
    TestApp::builder().workers(0).all_env(s3.environment())
}

/// Returns content of this many megabytes that does not repeat within a part.
fn megabytes(count: usize) -> Vec<u8> {
    (0..u32::try_from(count * 250_000).unwrap()).flat_map(u32::to_le_bytes).collect()
}

async fn wait_for_objects(s3: &S3, count: usize) {
    within(Duration::from_secs(40), "unused objects are deleted", async || {
        (count_files(&s3.objects("attachments")) == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn uploads_downloads_and_deletes_objects() {
    let s3 = S3::start().await;
    let app = on(&s3).start().await;
    let client = app.client();
    let content = megabytes(12);

    let large = client.upload("a.bin", content.clone()).await;
    let image = client.upload("a.png", RED_PNG).await;
    let empty = client.upload("empty.txt", "").await;
    client.upload("b.bin", content.clone()).await;

    assert!(client.download(&large, "").await.body == content);
    assert_eq!(client.download(&image, "").await.body, RED_PNG);
    assert_eq!(client.download(&image, "?thumbnail=64").await.status, 200);
    assert_eq!(client.download(&empty, "").await.body, b"");
    let path = format!("/v1/attachments/{}", id_of(&large));
    let range = client.call(client.request("GET", &path).header("Range", "bytes=5242870-5242890")).await;
    assert_eq!((range.status, &range.body[..]), (206, &content[5_242_870..=5_242_890]));
    app.check().await;
    wait_for_objects(&s3, 3).await;
    for attachment in [&image, &empty] {
        client.delete(&format!("/v1/attachments/{}", id_of(attachment))).await.ok_status(204);
    }
    wait_for_objects(&s3, 1).await;
    app.check().await;
}

#[tokio::test]
async fn two_hosts_share_the_files_and_agents_read_them() {
    let s3 = S3::start().await;
    let app = on(&s3).apis(2).workers(1).start().await;
    let image = app.client_of(0).upload("red.png", RED_PNG).await;
    let other = app.client_of(1);
    let session = other.create_session("demo").await;

    let asked = other.ask_about(&session, "", &[&image]).await;

    assert!(asked["reply"]["content"].as_str().unwrap().contains("Its average color is #ff0000."), "{asked}");
    assert_eq!(other.download(&image, "").await.body, RED_PNG);
    assert!(!app.folder().join("data/attachments").exists());
}

#[tokio::test]
async fn an_upload_fails_while_the_bucket_is_down_and_succeeds_afterward() {
    let mut s3 = S3::start().await;
    let app = on(&s3).start().await;
    let client = app.client();
    let kept = client.upload("kept.txt", "kept").await;
    let key = fresh_key();
    let upload = || client.upload_request("a.txt", "hello").header("Idempotency-Key", &key);

    s3.stop().await;
    for refused in [client.call(upload()).await, client.download(&kept, "").await] {
        assert_eq!(refused.problem(503)["code"], "store_unavailable");
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!(client.get("/readyz").await.status, 200, "chats do not need the bucket");
    s3.resume().await;

    let attachment = client.call(upload()).await.ok(201);
    assert_eq!(client.download(&attachment, "").await.body, b"hello");
    assert_eq!(client.download(&kept, "").await.body, b"kept");
    within(Duration::from_secs(40), "the incomplete file is deleted", async || {
        (app.database().values("SELECT COUNT(*) FROM stored_file").await == ["2"]).then_some(())
    })
    .await;
    app.check().await;
}

#[tokio::test]
async fn a_frozen_bucket_fails_an_upload_and_delays_no_messages() {
    let s3 = S3::start().await;
    let app = on(&s3).workers(1).start().await;
    let client = app.client().patient();
    let session = client.create_session("demo").await;

    s3.proxy().freeze();
    let upload = tokio::spawn({
        let client = client.clone();
        async move { client.call(client.upload_request("a.txt", "hello")).await }
    });
    assert_eq!(client.ask(&session, "/echo still here").await["reply"]["content"], "still here");
    assert_eq!(upload.await.unwrap().problem(503)["code"], "store_unavailable");
    s3.proxy().resume();

    let attachment = client.upload("a.txt", "hello").await;
    assert_eq!(client.download(&attachment, "").await.body, b"hello");
}

#[tokio::test]
async fn wrong_credentials_are_reported_in_one_line() {
    let s3 = S3::start().await;
    let app = on(&s3).env("AWS_SECRET_ACCESS_KEY", "wrong").start().await;

    let refused = app.client().call(app.client().upload_request("a.txt", "hello")).await;

    assert_eq!(refused.problem(503)["code"], "store_unavailable");
    within(Duration::from_secs(30), "the error is logged", async || {
        let logs = app.logs();
        let mut lines = logs.lines().filter(|line| line.contains("the storage in ATTACHMENTS_URL cannot be read"));
        let line = lines.next()?;
        assert!(line.contains("SignatureDoesNotMatch") && line.contains("s3://banter-test/attachments"), "{line}");
        Some(())
    })
    .await;
}

#[tokio::test]
async fn backs_up_a_bucket_and_restores_it_to_a_folder_and_to_another_prefix() {
    let s3 = S3::start().await;
    let mut app = on(&s3).on_sqlite().start().await;
    let content = megabytes(6);
    let large = app.client().upload("a.bin", content.clone()).await;
    let text = app.client().upload("b.txt", "hello").await;
    let run = async |app: &TestApp, arguments: &[&str]| {
        let output = app.run_api(arguments).await;
        assert!(output.status.success(), "{output:?}");
    };
    run(&app, &["backup", "copy.db"]).await;
    assert_eq!(count_files(&app.folder().join("copy.db.files")), 2);
    let folder = format!("file://{}", app.folder().join("restored").display());

    for url in [&folder, &s3.url("restored"), &s3.url("attachments")] {
        app.api(0).process.kill();
        app.set_env("ATTACHMENTS_URL", url);
        if url.ends_with("/attachments") {
            fs::remove_dir_all(s3.objects("attachments")).unwrap();
        }
        run(&app, &["restore", "copy.db"]).await;
        app.check().await;
        app.revive_api(0).await;
        assert!(app.client().download(&large, "").await.body == content);
        assert_eq!(app.client().download(&text, "").await.body, b"hello");
    }

    assert_eq!(count_files(&s3.objects("restored")), 2);
    run(&app, &["files", "copy", "--from", &folder]).await;
}
