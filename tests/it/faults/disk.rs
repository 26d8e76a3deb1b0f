//! The disk is full, and has space again later. Needs a small file system of its own, which only root may mount.

use std::fs;

use banter_tests::{
    app::TestApp,
    chat::Sent,
    client::complained_fields,
    small_disk::SmallDisk,
    wait::{eventually, within},
};
use serde_json::json;

/// Room for the database at its start, its WAL, and a few messages.
const SIZE_MB: usize = 8;

/// Sends of 20 kB until the last bit of free room is used up.
const MANY: usize = 400;

#[tokio::test]
async fn a_full_disk_is_503_store_unavailable_and_no_202_is_a_lie() {
    let Some(disk) = SmallDisk::mount(SIZE_MB) else {
        println!("SKIPPED: a full disk needs root, to mount a small tmpfs");
        return;
    };
    let url = format!("sqlite://{}", disk.path().join("banter.db").display());
    let app = TestApp::builder().env("DATABASE_URL", &url).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let body = json!({"content": format!("/echo {}", "0123456789".repeat(2000))});
    let mut accepted = vec![Sent::from_body(&client.post_message(&session, "", &body).await.ok(202))];
    client.wait_for_end(&session, &accepted[0].task_id).await;

    client.get("/readyz").await.ok(200);
    let filler = disk.fill();
    let mut is_refused = false;
    for _ in 0..MANY {
        let reply = client.post_message(&session, "", &body).await;
        if reply.status == 202 {
            accepted.push(Sent::from_body(&reply.json()));
            continue;
        }
        reply.problem_code(503, "store_unavailable");
        is_refused = true;
        break;
    }
    assert!(is_refused, "the disk is full");
    // A result counts for a second.
    let refused = eventually("readiness notices the full disk", async || {
        Some(client.get("/readyz").await).filter(|reply| reply.status == 503)
    })
    .await;
    assert_eq!(complained_fields(&refused.problem_code(503, "not_ready")), ["store"]);
    client.get("/v1/chat").await.ok(200);
    fs::remove_file(filler).unwrap();

    let sent = within(std::time::Duration::from_mins(1), "a send once there is space", async || {
        let reply = client.post_message(&session, "", &body).await;
        (reply.status == 202).then(|| Sent::from_body(&reply.json()))
    })
    .await;
    accepted.push(sent);
    client.get("/readyz").await.ok(200);
    for sent in &accepted {
        let ended = client.wait_for_end(&session, &sent.task_id).await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
    }
    let stored = client.messages(&session).await;
    assert_eq!(stored.iter().filter(|message| message["role"] == "user").count(), accepted.len());
    app.check().await;
    drop(app);
}
