//! Exports that are imported into another installation.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
};

use banter_tests::{app::TestApp, attachments::RED_PNG, chat::id_of, client::Client};
use serde_json::{Value, json};
use zip::ZipArchive;

use super::{counts, import};

/// Exports all chats of a user.
pub(super) async fn export(client: &Client) -> Vec<u8> {
    let reply = client.get("/v1/export").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.body
}

/// Returns the contents of an export without IDs and the time of the export, in an order that does not depend on them.
pub(super) fn contents(export: Vec<u8>) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
    let mut zip = ZipArchive::new(Cursor::new(export)).unwrap();
    let (mut chats, mut files) = (Vec::new(), BTreeMap::new());
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if name.starts_with("conversations/") {
            let mut chat: Value = serde_json::from_slice(&content).unwrap();
            chat["exported_at"].take();
            let conversation = &mut chat["conversations"][0];
            conversation["id"].take();
            for message in conversation["messages"].as_array_mut().unwrap() {
                message["id"].take();
                for step in message["task"]["steps"].as_array_mut().into_iter().flatten() {
                    if step["kind"] == "permission" {
                        step["detail"]["request_id"].take();
                    }
                }
            }
            chats.push(serde_json::to_string_pretty(&chat).unwrap());
        } else if name != "manifest.json" {
            files.insert(name, content);
        }
    }
    chats.sort();
    (chats, files)
}

pub(super) async fn revise(client: &Client, session: &str, message: &Value, body: &Value) {
    let path = format!("/v1/chat/{session}/messages/{}/revise?wait=60", id_of(message));
    client.post(&path, body).await.ok(200);
}

/// Creates chats with everything that a chat can contain.
async fn fill(client: &Client) {
    let session = client.create_session("demo").await;
    let files = [client.upload("red.png", RED_PNG).await, client.upload("メモ.txt", "二\u{200d}三").await];
    let first =
        client.ask_about(&session, "/echo 写真 שלום 👩‍👩‍👧 <script>alert(1)</script>", &[&files[0], &files[1]]).await;
    client.ask(&session, &format!("/echo {}", "é".repeat(131_000))).await;
    revise(client, &session, &first["message"], &json!({"content": "/plan"})).await;
    revise(client, &session, &first["message"], &json!({})).await;
    client.ask(&session, "/picture").await;
    client.post(&format!("/v1/chat/{session}/branch"), &json!({"message_id": id_of(&first["reply"])})).await.ok(200);
    client.patch(&format!("/v1/chat/{session}"), &json!({"title": "Everything: 旅行", "pinned": true})).await.ok(200);
    for (message, status) in [("/fail", "failed"), ("/think", "succeeded"), ("/empty", "succeeded")] {
        let other = client.create_session("demo").await;
        let sent = client.send(&other, message).await;
        client.wait_for_status(&other, &sent.task_id, status).await;
        client.archive(&other).await;
    }
    let stopped = client.create_session("demo").await;
    let sent = client.send(&stopped, "/slow 60").await;
    client.wait_for_stored_text(&stopped, "").await;
    client.cancel(&stopped, &sent.task_id).await.ok(202);
    client.wait_for_end(&stopped, &sent.task_id).await;
    client.create_session("demo").await;
    client.post_nothing(&format!("/v1/chat/{session}/fork")).await.ok(201);
}

#[tokio::test]
async fn an_import_into_an_empty_installation_is_exported_unchanged() {
    let (source, target) = (TestApp::start().await, TestApp::start().await);
    let (from, to) = (source.client(), target.client());
    fill(&from).await;
    let exported = export(&from).await;

    let result = import(&to, exported.clone()).await;

    assert_eq!(counts(&result), (7, 0, 0), "{result}");
    let (expected, found) = (contents(exported.clone()), contents(export(&to).await));
    assert_eq!(found.1, expected.1);
    for (found, expected) in found.0.iter().zip(&expected.0) {
        assert_eq!(found, expected);
    }
    target.check().await;
    assert_eq!(counts(&import(&to, exported.clone()).await), (0, 7, 0));
    assert_eq!(counts(&import(&from, exported).await), (0, 7, 0), "the chats still exist");
}

#[tokio::test]
async fn an_imported_chat_behaves_like_any_other() {
    let (source, target) = (TestApp::start().await, TestApp::start().await);
    let (from, to) = (source.client(), target.client());
    let session = from.create_session("demo").await;
    let first = from.ask(&session, "My name is Ada").await;
    revise(&from, &session, &first["message"], &json!({"content": "My name is Grace"})).await;
    let document = from.get(&format!("/v1/chat/{session}/export")).await.body;

    assert_eq!(counts(&import(&to, document.clone()).await), (1, 0, 0));

    let imported = id_of(&to.list_all("").await[0]);
    let asked = to.ask(&imported, "What is my name?").await;
    assert!(asked["reply"]["content"].as_str().unwrap().contains("Grace"), "{asked}");
    let message = to.messages(&imported).await[0].clone();
    assert_eq!(message["branch"], json!({"index": 2, "count": 2}));
    let branch = json!({"message_id": id_of(&message), "index": 1});
    to.post(&format!("/v1/chat/{imported}/branch"), &branch).await.ok(200);
    assert_eq!(to.messages(&imported).await[0]["content"], "My name is Ada");
    let found = to.get("/v1/search?q=Ada").await.ok(200);
    assert!(!found["items"].as_array().unwrap().is_empty());
    to.delete(&format!("/v1/chat/{imported}?permanent=true")).await.ok_status(204);
    assert_eq!(counts(&import(&to, document).await), (1, 0, 0), "the chat was deleted");
    target.check().await;
}

#[tokio::test]
async fn a_document_with_sorted_fields_is_imported() {
    let (source, target) = (TestApp::start().await, TestApp::builder().workers(0).start().await);
    let (from, to) = (source.client(), target.client());
    let session = from.create_session("demo").await;
    let first = from.ask(&session, "/echo one").await;
    revise(&from, &session, &first["message"], &json!({"content": "/echo two"})).await;
    let mut document = from.get(&format!("/v1/chat/{session}/export")).await.json();
    let fields: BTreeMap<String, Value> = serde_json::from_value(document.clone()).unwrap();
    let sorted = serde_json::to_string(&fields).unwrap();
    assert!(sorted.starts_with("{\"conversations\""), "{sorted}");
    document["version"] = json!(2);

    let newer: BTreeMap<String, Value> = serde_json::from_value(document).unwrap();
    let newer = import(&to, serde_json::to_string(&newer).unwrap()).await;
    let result = import(&to, sorted).await;

    assert_eq!(counts(&newer), (0, 0, 1));
    assert!(newer["failed"][0]["reason"].as_str().unwrap().contains("version 2"), "{newer}");
    assert_eq!(counts(&result), (1, 0, 0), "{result}");
    let imported = id_of(&to.list_all("").await[0]);
    assert_eq!(to.transcript(&imported).await, from.transcript(&session).await);
    target.check().await;
}

#[tokio::test]
async fn the_command_imports_for_a_user() {
    let (source, target) = (TestApp::start().await, TestApp::start().await);
    let from = source.client();
    from.ask(&from.create_session("demo").await, "/echo hello").await;
    let path = target.folder().join("export.zip");
    std::fs::write(&path, export(&from).await).unwrap();
    let path = path.to_str().unwrap();

    let first = target.run_api(&["import", path, "--user", "local"]).await;
    let again = target.run_api(&["import", path, "--user", "local"]).await;
    let missing = target.run_api(&["import", "nowhere.zip", "--user", "local"]).await;

    assert_eq!(String::from_utf8_lossy(&first.stdout), "imported 1 chat, skipped 0 chats\n");
    assert_eq!(String::from_utf8_lossy(&again.stdout), "imported 0 chats, skipped 1 chat\n");
    assert!(first.status.success() && again.status.success() && !missing.status.success());
    let errors = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(errors.contains("nowhere.zip"), "{errors}");
    assert_eq!(target.client().list_all("").await.len(), 1);
    target.check().await;
}
