//! Exports of all chats of a user.

use std::{
    fs,
    io::{Cursor, Read as _},
};

use banter_tests::{app::TestApp, attachments::RED_PNG, client::Client};
use serde_json::{Value, json};
use zip::ZipArchive;

use super::export;

/// A zip file, read by another library than the one that wrote it.
struct Bundle(ZipArchive<Cursor<Vec<u8>>>);

impl Bundle {
    fn new(content: Vec<u8>) -> Self {
        Self(ZipArchive::new(Cursor::new(content)).unwrap())
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.file_names().map(|name| name.unwrap().into_owned()).collect();
        names.sort();
        names
    }

    fn read(&mut self, name: &str) -> Vec<u8> {
        let mut content = Vec::new();
        self.0.by_name(name).unwrap().read_to_end(&mut content).unwrap();
        content
    }

    fn json(&mut self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }
}

async fn download(client: &Client) -> Bundle {
    let reply = client.get("/v1/export").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/zip")));
    let disposition = reply.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; filename=\"banter-20"), "{disposition}");
    Bundle::new(reply.body)
}

#[tokio::test]
async fn the_zip_file_contains_all_chats_and_each_file_once() {
    let app = TestApp::start().await;
    let client = app.client();
    let (first, second) = (client.create_session("demo").await, client.create_session("demo").await);
    let text = "é".repeat(1_000_000);
    let files = [
        client.upload("red.png", RED_PNG).await,
        client.upload("b.png", RED_PNG).await,
        client.upload("c.txt", text.clone()).await,
    ];
    client.ask_about(&first, "/echo 写真 שלום", &[&files[0], &files[2]]).await;
    client.ask_about(&second, "/echo again", &[&files[1]]).await;
    client.archive(&second).await;

    let mut bundle = download(&client).await;

    let hashes = [&files[0], &files[2]].map(|file| file["sha256"].as_str().unwrap().to_owned());
    let mut expected = vec![
        format!("attachments/{}", hashes[0]),
        format!("attachments/{}", hashes[1]),
        format!("conversations/{first}.json"),
        format!("conversations/{second}.json"),
        "manifest.json".to_owned(),
    ];
    expected.sort();
    assert_eq!(bundle.names(), expected);
    assert_eq!(bundle.read(&format!("attachments/{}", hashes[0])), RED_PNG);
    assert!(bundle.read(&format!("attachments/{}", hashes[1])) == text.as_bytes());
    for session in [&first, &second] {
        let single: Value = serde_json::from_slice(&export(&client, session, "json").await.body).unwrap();
        assert_eq!(bundle.json(&format!("conversations/{session}.json"))["conversations"], single["conversations"]);
    }
    let mut manifest = bundle.json("manifest.json");
    manifest["exported_at"].take();
    let expected = json!({
        "format": "banter", "version": 1, "exported_at": null, "conversations": 2, "attachments": 2, "missing": [],
    });
    assert_eq!(manifest, expected);
}

#[tokio::test]
async fn the_zip_file_contains_only_the_chats_of_the_user() {
    let app = TestApp::builder().workers(0).start().await;
    let (ann, bob) = (app.client_for("ann", "member").await, app.client_for("bob", "admin").await);
    let session = ann.create_session("demo").await;
    ann.send(&session, "secret").await;

    let (mut of_ann, mut of_bob) = (download(&ann).await, download(&bob).await);

    assert_eq!(of_ann.names(), [format!("conversations/{session}.json"), "manifest.json".to_owned()]);
    assert_eq!(of_ann.json("manifest.json")["conversations"], 1);
    assert_eq!(of_bob.names(), ["manifest.json"]);
    assert_eq!(of_bob.json("manifest.json")["conversations"], 0);
}

#[tokio::test]
async fn lists_files_that_are_missing_from_the_storage() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let file = client.upload("a.txt", "lost").await;
    client.send_files(&session, "see the file", &[&file]).await;
    fs::remove_dir_all(app.folder().join("data/attachments")).unwrap();

    let mut bundle = download(&client).await;

    assert_eq!(bundle.json("manifest.json")["missing"], json!([file["sha256"]]));
    assert_eq!(bundle.names().len(), 2);
}

#[tokio::test]
async fn the_command_writes_the_same_zip_file() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let file = client.upload("red.png", RED_PNG).await;
    client.send_files(&session, "Which color is this?", &[&file]).await;
    let path = app.folder().join("export.zip");
    let target = path.to_str().unwrap();

    let done = app.run_api(&["export", "--user", "local", "--output", target]).await;
    let again = app.run_api(&["export", "--user", "local", "--output", target]).await;
    let unknown = app.run_api(&["export", "--user", "nobody", "--output", "other.zip"]).await;

    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let line = format!("exported to {target} (1 chat, 1 file)\n");
    assert_eq!(String::from_utf8_lossy(&done.stdout), line);
    let (mut written, mut downloaded) = (Bundle::new(fs::read(&path).unwrap()), download(&client).await);
    assert_eq!(written.names(), downloaded.names());
    let name = format!("conversations/{session}.json");
    assert_eq!(written.json(&name)["conversations"], downloaded.json(&name)["conversations"]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("cannot create the file"));
    let message = "user `nobody` has no chats in workspace `default`";
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains(message));
    assert!(!app.folder().join("other.zip").exists());
}
