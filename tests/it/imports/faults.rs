//! Faults during imports.

use banter_tests::{app::TestApp, chat::id_of, follower::Follower};
use serde_json::{Value, json};

use super::{counts, import, post, products::chatgpt};

/// Returns a file with this many conversations.
fn many(count: usize) -> String {
    let conversations: Vec<Value> =
        (0..count).map(|number| chatgpt(&format!("c-{number}"), &format!("question {number}"), "answer")).collect();
    json!(conversations).to_string()
}

#[tokio::test]
async fn an_import_continues_after_kill_9_of_the_api() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let file = many(300);
    let importing = tokio::spawn({
        let (client, file) = (client.clone(), file.clone());
        async move { client.try_call(client.request("POST", "/v1/import").body(file)).await }
    });
    banter_tests::wait::eventually("an imported chat", async || (!client.list_all("").await.is_empty()).then_some(()))
        .await;

    app.revive_api(0).await;

    assert!(importing.await.unwrap().is_err(), "the import was interrupted");
    let left = std::fs::read_dir(app.folder().join("data/imports")).unwrap().count();
    assert_eq!(left, 0, "the file was removed");
    let begun = client.list_all("").await.len() as u64;
    let result = import(&client, file.clone()).await;
    assert_eq!(counts(&result), (300 - begun, begun, 0));
    assert_eq!(counts(&import(&client, file).await), (0, 300, 0));
    app.check().await;
}

#[tokio::test]
async fn open_streams_report_imported_chats() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;

    let text = post(&client, many(20)).await.text();

    let chats = client.list_all("").await;
    for id in chats.iter().map(id_of) {
        follower.wait_for("a chat", |event| event.kind == "session.created" && event.session() == id).await;
    }
    follower.settle(&client).await;
    let created = follower.events().iter().filter(|event| event.kind == "session.created").count();
    assert_eq!((created, chats.len()), (20, 20));
    let progress: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["type"] == "progress")
        .collect();
    assert!(progress.iter().all(|line| line["total"].is_null()), "{text}");
    assert!(!progress.is_empty());
}

#[tokio::test]
async fn files_over_the_limit_fail_with_their_conversation() {
    let app = TestApp::builder().workers(0).env("STORAGE_BYTES_PER_USER", "10").start().await;
    let client = app.client();
    let with_file = json!([{"uuid": "u", "name": "Big", "chat_messages": [{"sender": "human", "text": "Hi",
        "attachments": [{"file_name": "a.txt", "extracted_content": "more than ten bytes"}]}]},
        {"uuid": "v", "name": "Small", "chat_messages": [{"sender": "human", "text": "Hi"}]}]);

    let result = import(&client, with_file.to_string()).await;

    assert_eq!(counts(&result), (1, 0, 1), "{result}");
    assert!(result["failed"][0]["reason"].as_str().unwrap().contains("limit"), "{result}");
    let count = app.database().values("SELECT CAST(COUNT(*) AS TEXT) FROM attachment").await;
    assert_eq!(count, ["0"]);
    app.check().await;
}
