//! The stored files, and their deletion.

use std::{fs, path::Path};

use banter_tests::{app::TestApp, chat::id_of, wait::within};
use serde_json::Value;

/// Returns the number of files in the storage of an installation, including incomplete ones.
pub fn stored_files(app: &TestApp) -> usize {
    count_files(&app.folder().join("data/attachments"))
}

/// Returns the number of files in a folder, at any depth.
pub fn count_files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

/// Waits until the storage contains this number of files, and the database refers to as many.
pub async fn wait_for_files(app: &TestApp, count: usize) {
    within(std::time::Duration::from_secs(40), "unused files are deleted", async || {
        let rows = app.database().values("SELECT COUNT(*) FROM stored_file").await;
        (stored_files(app) == count && rows == [count.to_string()]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn files_are_deleted_with_their_messages() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let other = client.create_session("demo").await;
    let [kept, unsent, deleted, removed] = upload_four(&client).await;
    client.send_files(&other, "", &[&kept]).await;
    client.send_files(&session, "", &[&deleted]).await;
    let queued = client.send_files(&session, "", &[&removed]).await;
    wait_for_files(&app, 4).await;

    client.delete(&format!("/v1/attachments/{}", id_of(&unsent))).await.ok_status(204);
    client.delete(&format!("/v1/chat/{session}/messages/{}", queued.message_id)).await.ok_status(204);
    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);

    for gone in [&unsent, &deleted, &removed] {
        client.download(gone, "").await.problem(404);
    }
    assert_eq!(client.download(&kept, "").await.body, b"kept");
    wait_for_files(&app, 1).await;
    app.check().await;
}

async fn upload_four(client: &banter_tests::client::Client) -> [Value; 4] {
    let mut uploaded = Vec::new();
    for name in ["kept", "unsent", "deleted", "removed"] {
        uploaded.push(client.upload(name, name).await);
    }
    uploaded.try_into().unwrap()
}
