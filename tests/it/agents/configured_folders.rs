//! Sessions whose agents work in the folders of the operator's choice.

use std::{fs, path::Path};

use banter_tests::{
    app::{Builder, TestApp},
    chat::id_of,
    client::Client,
    fake_agent::FakeAgent,
    wait::eventually,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An installation with a folder `project` for the agent `fake`.
struct Workshop {
    app: TestApp,
    fake: FakeAgent,
    client: Client,
    project: TempDir,
}

impl Workshop {
    async fn start(change: impl FnOnce(Builder) -> Builder) -> Self {
        let (fake, project) = (FakeAgent::new(), tempfile::tempdir().unwrap());
        let folders = format!(
            "[[folders]]\nkey = 'project'\nname = 'The project'\npath = {:?}\nagents = ['fake', 'demo']\n\
             [[folders]]\nkey = 'gone'\npath = {:?}\n",
            project.path().display().to_string(),
            project.path().join("gone").display().to_string(),
        );
        let agents = format!("{folders}{}{}", fake.agent("fake", "", ""), fake.agent("other", "", ""));
        let app = change(TestApp::builder().agents(&agents)).start().await;
        let client = app.client().patient();
        Self { app, fake, client, project }
    }

    async fn session(&self) -> String {
        id_of(&self.client.post("/v1/chat", &json!({"agent_key": "fake", "folder": "project"})).await.ok(201))
    }

    fn path(&self) -> &Path {
        self.project.path()
    }
}

/// Returns the folders that an api lists.
async fn folders(client: &Client) -> Vec<Value> {
    client.get("/v1/folders").await.ok(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_agent_works_in_the_folder_of_the_session() {
    let f = Workshop::start(|builder| builder).await;
    fs::write(f.path().join("kept"), "kept").unwrap();
    let (session, other) = (f.session().await, f.session().await);

    let (said, said_too) = tokio::join!(f.client.ask(&session, "environment"), f.client.ask(&other, "environment"));

    for said in [said, said_too] {
        let environment: Value = serde_json::from_str(said["reply"]["content"].as_str().unwrap()).unwrap();
        assert_eq!(environment["cwd"], f.path().canonicalize().unwrap().display().to_string());
    }
    let opened = f.fake.received("fake").into_iter().find(|message| message["method"] == "session/new").unwrap();
    assert_eq!(opened["params"]["cwd"], f.path().display().to_string());
    assert_eq!(f.client.chat(&session).await["session"]["folder"], "project");
    assert_eq!(f.client.chat(&f.client.create_session("fake").await).await["session"]["folder"], Value::Null);
    f.client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);
    let work_folder = f.app.folder().join("data/work").join(&session);
    eventually("the session's own folder to be removed", async || (!work_folder.exists()).then_some(())).await;
    assert_eq!(fs::read_to_string(f.path().join("kept")).unwrap(), "kept");
    f.app.check().await;
}

#[tokio::test]
async fn attachments_are_not_placed_in_the_folder() {
    let f = Workshop::start(|builder| builder).await;
    let session = f.session().await;
    let file = f.client.upload("notes.txt", "a note").await;

    let said = f.client.ask_about(&session, "hello", &[&file]).await;

    assert_eq!(said["task"]["status"], "succeeded", "{said}");
    let prompt = f.fake.received("fake").into_iter().find(|message| message["method"] == "session/prompt").unwrap();
    let address = prompt["params"]["prompt"][1]["uri"].as_str().unwrap().to_owned();
    let path = address.strip_prefix("file://").unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "a note");
    assert!(path.contains(&session), "{path}");
    assert_eq!(fs::read_dir(f.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn lists_the_folders_with_their_branches() {
    let f = Workshop::start(|builder| builder).await;
    let list = eventually("the worker's report", async || {
        let found = folders(&f.client).await;
        (found[1]["available"] == false).then_some(found)
    })
    .await;

    let path = f.path().display().to_string();
    assert_eq!(
        list[0],
        json!({"key": "project", "name": "The project", "path": path, "agents": ["fake", "demo"],
            "isolation": "none", "branch": null, "available": true, "reason": null})
    );
    assert_eq!(json!([list[1]["name"], list[1]["available"]]), json!(["gone", false]));
    assert_eq!(list[1]["agents"], json!(["fake", "other", "demo"]));
    assert_eq!(list[1]["reason"], "The worker cannot use the folder “gone”: it does not exist.");
    fs::create_dir(f.path().join(".git")).unwrap();
    fs::write(f.path().join(".git/HEAD"), "ref: refs/heads/feature/one\n").unwrap();
    eventually("the branch", async || (folders(&f.client).await[0]["branch"] == "feature/one").then_some(())).await;
}

#[tokio::test]
async fn rejects_folders_that_cannot_be_used() {
    let f = Workshop::start(|builder| builder).await;
    eventually("the worker's report", async || (folders(&f.client).await[1]["available"] == false).then_some(())).await;
    let create = async |body: Value| f.client.post("/v1/chat", &body).await;

    create(json!({"agent_key": "fake", "folder": "../etc"})).await.problem_code(422, "unknown_folder");
    create(json!({"agent_key": "fake", "folder": "gone"})).await.problem_code(422, "folder_unavailable");
    create(json!({"agent_key": "other", "folder": "project"})).await.problem_code(422, "folder_not_allowed");
    create(json!({"agent_key": "fake", "folder": "project", "base": "main"}))
        .await
        .problem_code(400, "invalid_request");
    let session = f.session().await;
    let change = f.client.patch(&format!("/v1/chat/{session}"), &json!({"agent_key": "other"})).await;
    change.problem_code(422, "folder_not_allowed");
}

#[tokio::test]
async fn forks_keep_the_folder_if_their_agent_can_work_in_it() {
    let f = Workshop::start(|builder| builder).await;
    let session = f.session().await;
    f.client.ask(&session, "hello").await;
    let fork = async |body: Value| f.client.post(&format!("/v1/chat/{session}/fork"), &body).await.ok(201);

    assert_eq!(fork(json!({})).await["folder"], "project");
    assert_eq!(fork(json!({"agent_key": "other"})).await["folder"], Value::Null);
}

#[tokio::test]
async fn a_turn_without_its_folder_fails_and_can_be_repeated() {
    let f = Workshop::start(|builder| builder).await;
    let session = f.session().await;
    let moved = f.path().with_extension("moved");
    fs::rename(f.path(), &moved).unwrap();

    let failed = f.client.ask(&session, "hello").await;
    fs::rename(&moved, f.path()).unwrap();
    let task = failed["task"]["id"].as_str().unwrap();
    f.client.retry(&session, task).await.ok(202);

    assert_eq!(
        json!([failed["task"]["status"], failed["task"]["error"]["code"]]),
        json!(["failed", "agent_unavailable"])
    );
    let message = failed["task"]["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("The worker cannot use the folder “The project”"), "{message}");
    f.client.wait_for_status(&session, task, "succeeded").await;
}
