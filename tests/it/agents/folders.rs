//! Agents' work folders. A folder is kept for as long as its session exists, and removed when the session is
//! permanently deleted.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use banter_tests::{
    app::{STOP_LIMIT, TestApp},
    wait::within,
};
use serde_json::{Value, json};

use super::{Faked, GONE_WITHIN, supervisors};

/// Returns the paths of a session's work folder and lock file, if they exist.
fn left_of(app: &TestApp, session: &str) -> Vec<PathBuf> {
    let work = app.folder().join("data/work");
    let paths = [work.join(session), work.join(format!("{session}.lock"))];
    paths.into_iter().filter(|path| path.exists()).collect()
}

async fn expect_removed(app: &TestApp, session: &str) {
    within(GONE_WITHIN, "the session's folder to be removed", async || left_of(app, session).is_empty().then_some(()))
        .await;
    assert!(supervisors(session).is_empty(), "the agent exited first");
}

async fn delete(faked: &Faked, session: &str) {
    faked.client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);
}

#[tokio::test]
async fn removes_only_the_folder_of_the_deleted_session() {
    let faked = Faked::start("", "", |builder| builder).await;
    let (session, other) = (faked.client.create_session("fake").await, faked.client.create_session("fake").await);
    let demo = faked.client.create_session("demo").await;
    let folder = faked.client.ask(&session, "leave_files").await["reply"]["content"].as_str().unwrap().to_owned();
    for kept in [&other, &demo] {
        faked.client.ask(kept, "hello").await;
    }
    assert!(Path::new(&folder).join("closed/inner/file").exists());
    assert!(!supervisors(&session).is_empty(), "the agent's process is kept");

    delete(&faked, &session).await;

    expect_removed(&faked.app, &session).await;
    assert_eq!((left_of(&faked.app, &other).len(), left_of(&faked.app, &demo).len()), (2, 2));
    assert_eq!(faked.client.ask(&other, "hello").await["reply"]["content"], "You said: hello");
    delete(&faked, &demo).await;
    expect_removed(&faked.app, &demo).await;
}

#[tokio::test]
async fn keeps_the_folder_of_an_archived_session() {
    let faked = Faked::start("", "", |builder| builder).await;
    let (kept, gone) = (faked.client.create_session("fake").await, faked.client.create_session("fake").await);
    for session in [&kept, &gone] {
        faked.client.ask(session, "leave_files").await;
    }

    faked.client.delete(&format!("/v1/chat/{kept}")).await.ok_status(204);
    delete(&faked, &gone).await;

    expect_removed(&faked.app, &gone).await;
    assert_eq!(left_of(&faked.app, &kept).len(), 2);
}

#[tokio::test]
async fn removes_a_folder_after_its_agent_has_exited() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let sent = faked.client.send(&session, "ignore_cancel").await;
    faked.client.wait_for_status(&session, &sent.task_id, "running").await;
    within(GONE_WITHIN, "the agent", async || (!supervisors(&session).is_empty()).then_some(())).await;

    delete(&faked, &session).await;

    expect_removed(&faked.app, &session).await;
}

#[tokio::test]
async fn removes_a_folder_after_the_worker_has_restarted() {
    let mut faked = Faked::start("", "", |builder| builder).await;
    let (session, other) = (faked.client.create_session("fake").await, faked.client.create_session("fake").await);
    for session in [&session, &other] {
        faked.client.ask(session, "leave_files").await;
    }
    faked.app.remove_worker(0).await;
    delete(&faked, &session).await;
    assert_eq!(left_of(&faked.app, &session).len(), 2);

    faked.app.add_worker();

    expect_removed(&faked.app, &session).await;
    assert_eq!(left_of(&faked.app, &other).len(), 2);
}

#[tokio::test]
async fn keeps_the_folder_of_an_unknown_session() {
    let faked = Faked::start("", "", |builder| builder).await;
    let foreign = banter_tests::chat::unknown_id();
    let folder = faked.app.folder().join("data/work").join(&foreign);
    fs::create_dir_all(&folder).unwrap();
    let session = faked.client.create_session("fake").await;
    faked.client.ask(&session, "hello").await;

    delete(&faked, &session).await;

    expect_removed(&faked.app, &session).await;
    assert!(folder.exists());
}

#[tokio::test]
async fn makes_existing_folders_private() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let data = faked.app.folder().join("data");
    for folder in [data.join("agents/fake/home"), data.join("work").join(&session)] {
        // Operators may create the home folder themselves, to provide the agent's configuration.
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    }

    let asked = faked.client.ask(&session, "environment").await;

    let seen: Value = serde_json::from_str(asked["reply"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(json!([seen["mode"], seen["home_mode"]]), json!(["0o700", "0o700"]));
}

#[tokio::test]
async fn does_not_start_an_agent_in_a_folder_used_by_another_agent() {
    let faked = Faked::start("", "max_attempts = 1", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let work = faked.app.folder().join("data/work");
    fs::create_dir_all(&work).unwrap();
    // Simulates a lock held by a process that cannot be stopped, such as one on another machine.
    let lock = fs::File::create(work.join(format!("{session}.lock"))).unwrap();
    lock.lock().unwrap();

    let asked = faked.client.ask(&session, "hello").await;

    let error = &asked["task"]["error"];
    let message = "An earlier process of this agent is still running in this conversation's work folder. Try again after it \
                   exits.";
    assert_eq!(json!([error["code"], error["message"]]), json!(["agent_error", message]), "{asked}");
    assert_eq!(faked.fake.methods("fake"), [""; 0], "the agent was not started");
    drop(lock);
    assert_eq!(faked.client.ask(&session, "hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn retries_after_a_file_system_error() {
    let faked = Faked::start("", "max_attempts = 2", |builder| builder).await;
    let work = faked.app.folder().join("data/work");
    let _ = fs::remove_dir_all(&work);
    fs::write(&work, "in the way").unwrap();

    let asked = faked.ask("hello").await;

    assert_eq!(json!([asked["task"]["error"]["code"], asked["task"]["attempt"]]), json!(["agent_error", 2]), "{asked}");
    fs::remove_file(&work).unwrap();
    assert_eq!(faked.ask("hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn a_session_stays_with_the_worker_that_has_its_folder() {
    let faked = Faked::start("", "", |builder| builder.workers(0).env("WORK_FOLDER_WAIT_SECONDS", "3")).await;
    let folders = ["one", "two"].map(|name| faked.app.folder().join(name));
    let start = |app: &TestApp, index: usize| app.spawn("worker", &[("DATA_DIR", folders[index].to_str().unwrap())]);
    let has = |index: usize, session: &str| folders[index].join("work").join(session).exists();
    let mut first = start(&faked.app, 0);
    let session = faked.client.create_session("fake").await;
    faked.client.ask(&session, "hello").await;
    let mut second = start(&faked.app, 1);
    faked.app.wait_for_beats(2, 1).await;

    // Two workers compete for every message.
    for _ in 0..5 {
        faked.client.ask(&session, "hello").await;
    }
    assert_eq!((has(0, &session), has(1, &session)), (true, false));

    // A short absence does not move the session.
    second.stop(STOP_LIMIT).await;
    first.stop(STOP_LIMIT).await;
    let mut first = start(&faked.app, 0);
    faked.client.ask(&session, "hello").await;

    // A longer one does, and the user is told.
    second = start(&faked.app, 1);
    faked.app.wait_for_beats(2, 1).await;
    first.stop(STOP_LIMIT).await;
    let moved = faked.client.ask(&session, "hello").await;
    assert_eq!(moved["reply"]["content"], "You said: hello");
    assert!(has(1, &session));
    let notices = |task: &Value| {
        let steps = task["steps"].as_array().unwrap().clone();
        steps.into_iter().filter(|step| step["kind"] == "notice").collect::<Vec<_>>()
    };
    let told = notices(&faked.client.task(&session, moved["task"]["id"].as_str().unwrap()).await);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["title"], "The agent continued without this chat's files");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let text = format!("They are on {}, where no worker is running.", host.trim_end());
    assert_eq!(told[0]["detail"]["text"], text);

    let next = faked.client.ask(&session, "hello").await;
    assert_eq!(notices(&faked.client.task(&session, next["task"]["id"].as_str().unwrap()).await), Vec::<Value>::new());
    second.stop(STOP_LIMIT).await;
}
