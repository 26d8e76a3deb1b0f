//! What agents have changed in their folders.

use std::{fs, path::Path, process::Command};

use banter_tests::{
    app::{Builder, TestApp},
    chat::id_of,
    client::Client,
    fake_agent::FakeAgent,
    process::Signal,
    wait::eventually,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An installation whose agent `fake` can work in a git repository.
struct Workshop {
    app: TestApp,
    client: Client,
    project: TempDir,
    _fake: FakeAgent,
}

impl Workshop {
    async fn start(change: impl FnOnce(Builder) -> Builder) -> Self {
        let (fake, project) = (FakeAgent::new(), tempfile::tempdir().unwrap());
        git(project.path(), &["init", "--quiet", "--initial-branch=main"]);
        fs::write(project.path().join("README.md"), "one\ntwo\n").unwrap();
        git(project.path(), &["add", "."]);
        git(project.path(), &["commit", "--quiet", "-m", "First"]);
        let path = project.path().display().to_string();
        let agents = format!(
            "[[folders]]\nkey = 'project'\npath = {path:?}\n[[folders]]\nkey = 'branches'\npath = {path:?}\n\
             isolation = 'worktree'\n{}",
            fake.agent("fake", "", "")
        );
        let app = change(TestApp::builder().agents(&agents)).start().await;
        let client = app.client().patient();
        Self { app, client, project, _fake: fake }
    }

    async fn session(&self) -> String {
        id_of(&self.client.post("/v1/chat", &json!({"agent_key": "fake", "folder": "project"})).await.ok(201))
    }

    /// Returns the changed files of a turn, or of the whole session.
    async fn changes(&self, session: &str, query: &str) -> Vec<Value> {
        let changes = self.client.get(&format!("/v1/chat/{session}/changes{query}")).await.ok(200);
        changes["files"].as_array().unwrap().clone()
    }
}

/// Runs git as a user would, and returns its output.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@localhost"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn paths(files: &[Value]) -> Vec<&str> {
    files.iter().map(|file| file["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_turn_and_the_session_show_what_was_changed() {
    let f = Workshop::start(|builder| builder).await;
    let session = f.session().await;
    let mut events = f.client.events("/v1/events").await;

    let first = f.client.ask(&session, "write_file README.md one").await;
    fs::write(f.project.path().join("by-hand"), "mine\n").unwrap();
    f.client.ask(&session, "write_file new.txt hello").await;
    let third = f.client.ask(&session, "hello").await;

    assert_eq!(first["task"]["changes"], json!({"files": 1, "additions": 0, "deletions": 1}));
    assert_eq!(third["task"]["changes"], Value::Null);
    let told = events.read_until("the changes", |event| event.data["task"]["changes"]["files"] == 1).await;
    assert_eq!(told.last().unwrap().data["task"]["status"], "succeeded");
    let of_first = f.changes(&session, "?turn=1").await;
    assert_eq!(
        of_first,
        [json!({"path": "README.md", "old_path": null, "status": "modified", "additions": 0, "deletions": 1,
            "binary": false, "patch": "@@ -1,2 +1 @@\n one\n-two\n", "truncated": false})]
    );
    let printed = git(f.project.path(), &["diff", "--", "README.md"]);
    assert!(printed.ends_with(of_first[0]["patch"].as_str().unwrap()), "{printed}");
    assert_eq!(paths(&f.changes(&session, "?turn=2").await), ["new.txt"]);
    assert_eq!(f.changes(&session, "?turn=3").await, Vec::<Value>::new());
    assert_eq!(paths(&f.changes(&session, "").await), ["README.md", "by-hand", "new.txt"]);
    assert_eq!(git(f.project.path(), &["status", "--porcelain"]), " M README.md\n?? by-hand\n?? new.txt\n");
    f.client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);
    let refs = async || git(f.project.path(), &["for-each-ref", "refs/banter"]).is_empty().then_some(());
    eventually("the snapshots to be removed", refs).await;
    f.app.check().await;
}

#[tokio::test]
async fn files_in_the_sessions_own_folder_are_changes_too() {
    let f = Workshop::start(|builder| builder).await;
    let session = f.client.create_session("fake").await;

    f.client.ask(&session, "hello").await;
    let made = f.client.ask(&session, "write_file made.txt hello").await;

    assert_eq!(made["task"]["changes"], json!({"files": 1, "additions": 1, "deletions": 0}));
    assert_eq!(paths(&f.changes(&session, "").await), ["made.txt"]);
}

#[tokio::test]
async fn a_stopped_turn_keeps_what_was_changed() {
    let f = Workshop::start(|builder| builder).await;
    let session = f.session().await;
    let sent = f.client.send(&session, "write_file new.txt hold").await;
    let path = f.project.path().join("new.txt");
    eventually("the file", async || path.exists().then_some(())).await;

    f.client.cancel(&session, &sent.task_id).await.ok(202);

    let task = f.client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    assert_eq!(task["changes"]["files"], 1, "{task}");
    assert_eq!(paths(&f.changes(&session, "?turn=1").await), ["new.txt"]);
}

#[tokio::test]
async fn another_worker_shows_what_a_killed_one_let_the_agent_change() {
    let mut f = Workshop::start(|builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
    let session = f.session().await;
    let sent = f.client.send(&session, "write_file new.txt hold").await;
    let path = f.project.path().join("new.txt");
    eventually("the file", async || path.exists().then_some(())).await;

    f.app.worker(0).signal(Signal::Kill);
    fs::write(f.project.path().join("README.md"), "one\n2\n").unwrap();
    f.app.replace_worker(0);
    let path = f.project.path().join("new.txt");
    fs::remove_file(&path).unwrap();
    eventually("the second attempt", async || path.exists().then_some(())).await;
    f.client.cancel(&session, &sent.task_id).await.ok(202);

    f.client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    assert_eq!(paths(&f.changes(&session, "?turn=1").await), ["README.md", "new.txt"]);
    git(f.project.path(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn sessions_of_one_repository_work_in_their_own_worktrees() {
    let f = Workshop::start(|builder| builder).await;
    let create = async |body: Value| id_of(&f.client.post("/v1/chat", &body).await.ok(201));
    let one = create(json!({"agent_key": "fake", "folder": "branches"})).await;
    let two = create(json!({"agent_key": "fake", "folder": "branches", "base": "main"})).await;
    let wrong = create(json!({"agent_key": "fake", "folder": "branches", "base": "nowhere"})).await;

    let (first, second) =
        tokio::join!(f.client.ask(&one, "write_file a.txt 1"), f.client.ask(&two, "write_file a.txt 2"));
    let failed = f.client.ask(&wrong, "hello").await;

    assert_eq!(json!([first["task"]["changes"]["files"], second["task"]["changes"]["files"]]), json!([1, 1]));
    let changes = f.changes(&two, "").await;
    assert_eq!(changes[0]["patch"], "@@ -0,0 +1 @@\n+2\n");
    let state = |branch: String, base: String| json!({"branch": branch, "base": base, "ahead": 0, "dirty": true});
    let git_of = async |session: &str| f.client.chat(session).await["session"]["git"].clone();
    let start = git(f.project.path(), &["rev-parse", "main"])[..10].to_owned();
    assert_eq!(git_of(&one).await, state(format!("banter/{one}"), start));
    assert_eq!(git_of(&two).await, state(format!("banter/{two}"), "main".into()));
    assert_eq!(git(f.project.path(), &["status", "--porcelain"]), "");
    assert_eq!(failed["task"]["error"]["code"], "agent_unavailable");
    let message = failed["task"]["error"]["message"].as_str().unwrap();
    assert_eq!(message, "The folder's git repository has no branch, tag, or commit “nowhere”.");
    f.app.check().await;
}
