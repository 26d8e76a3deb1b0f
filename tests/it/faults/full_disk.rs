//! The disk is temporarily full, or a file has temporarily reached its size limit.
//!
//! Filling a disk requires a small file system, which only root may mount.

use std::{fs, process::Command};

use banter_tests::{
    app::TestApp,
    chat::Sent,
    client::complained_fields,
    small_disk::SmallDisk,
    wait::{eventually, within},
};
use serde_json::json;

/// Size of the disk: enough for a new database, its WAL, and a few messages.
const SIZE_MB: usize = 8;

/// Number of 20 kB messages to send. Together, they exceed the free space.
const MANY: usize = 400;

#[tokio::test]
async fn a_full_disk_returns_503_store_unavailable_and_loses_no_accepted_message() {
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
    // Readiness results are cached for a second.
    let refused = eventually("/readyz to report the full disk", async || {
        Some(client.get("/readyz").await).filter(|reply| reply.status == 503)
    })
    .await;
    assert_eq!(complained_fields(&refused.problem_code(503, "not_ready")), ["store"]);
    client.get("/v1/chat").await.ok(200);
    fs::remove_file(filler).unwrap();

    let sent = within(std::time::Duration::from_mins(1), "a successful send once space is free", async || {
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

/// Limits the size of the files that a process may write (`RLIMIT_FSIZE`).
fn limit_file_size(pid: u32, limit: &str) {
    let limited = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={limit}:")]).status();
    assert!(limited.unwrap().success());
}

#[tokio::test]
async fn a_file_size_limit_returns_503_store_unavailable_and_kills_no_process() {
    let app = TestApp::builder().on_sqlite().start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let mut accepted = vec![client.send(&session, "hello").await];
    client.wait_for_end(&session, &accepted[0].task_id).await;
    let pids: Vec<_> = app.processes().into_iter().map(|(_, pid)| pid).collect();
    let size = fs::metadata(app.database_file()).unwrap().len();

    for pid in &pids {
        limit_file_size(*pid, &(size + 64 * 1024).to_string());
    }
    let body = json!({"content": format!("/echo {}", "0123456789".repeat(2000))});
    let mut refused = None;
    for _ in 0..MANY {
        let reply = client.post_message(&session, "", &body).await;
        if reply.status != 202 {
            refused = Some(reply);
            break;
        }
        accepted.push(Sent::from_body(&reply.json()));
    }
    refused.expect("a file has reached the limit").problem_code(503, "store_unavailable");
    for pid in &pids {
        limit_file_size(*pid, "unlimited");
    }

    let sent = within(std::time::Duration::from_mins(1), "a successful send without the limit", async || {
        let reply = client.post_message(&session, "", &body).await;
        (reply.status == 202).then(|| Sent::from_body(&reply.json()))
    })
    .await;
    accepted.push(sent);
    for sent in &accepted {
        assert_eq!(client.wait_for_end(&session, &sent.task_id).await["status"], "succeeded");
    }
    assert_eq!(app.processes().into_iter().map(|(_, pid)| pid).collect::<Vec<_>>(), pids, "no process was killed");
    app.check().await;
}
