//! Files that agents return.

use std::time::Duration;

use banter_tests::{app::TestApp, chat::id_of, fake_openai::Answer, wait::within};
use serde_json::{Value, json};

use super::files::wait_for_files;
use crate::support::Scripted;

const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Returns an answer with text and a picture.
fn with_picture(text: &str) -> Answer {
    let delta = json!({"content": "", "images": [{"type": "image_url", "image_url": {"url": PICTURE}}]});
    let chunk = json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
    Answer::bytes_after(text, format!("data: {chunk}\n\ndata: [DONE]\n\n").as_bytes())
}

/// Returns the names and types of a message's attachments.
fn files(message: &Value) -> Vec<(&str, &str)> {
    let files = message["attachments"].as_array().unwrap();
    files.iter().map(|file| (file["name"].as_str().unwrap(), file["media_type"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn the_demo_returns_a_picture_and_a_file() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let picture = client.ask(&session, "/picture").await["reply"].clone();
    let table = client.ask(&session, "/file").await["reply"].clone();

    assert_eq!(files(&picture), [("sunset.png", "image/png")]);
    let image = &picture["attachments"][0];
    assert_eq!((&image["width"], &image["height"]), (&json!(768), &json!(480)));
    let download = client.download(image, "?thumbnail=64").await;
    assert_eq!(download.header("content-type"), Some("image/jpeg"));
    assert_eq!(files(&table), [("squares.csv", "text/csv")]);
    let content = client.download(&table["attachments"][0], "").await.body;
    assert!(content.starts_with(b"number,square\n1,1\n") && content.ends_with(b"100,10000\n"));
    let page = client.get(&format!("/v1/chat/{session}/messages")).await.ok(200);
    let stored: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|message| &message["attachments"]).collect();
    assert_eq!(stored, [&json!([]), &picture["attachments"], &json!([]), &table["attachments"]]);
    app.check().await;
}

#[tokio::test]
async fn a_picture_reaches_the_stream_and_the_model() {
    let f = Scripted::start_with("images = true", |builder| builder).await;
    let session = f.session().await;
    f.model.script("Draw", [with_picture("Here")]);
    let mut events = f.client.events("/v1/events").await;

    let asked = f.client.ask(&session, "Draw").await;
    f.client.ask(&session, "And now?").await;

    let received = events.read_until("the answer", |event| event.data["message"]["role"] == "assistant").await;
    let message = &received.last().unwrap().data["message"];
    assert_eq!(message["attachments"], asked["reply"]["attachments"]);
    assert_eq!(files(&asked["reply"]), [("image.png", "image/png")]);
    let messages = f.model.requests()[1].body["messages"].clone();
    assert_eq!(messages[1]["content"], "Here\n\n[Image: image.png]");
    assert_eq!(messages[2]["content"][1]["image_url"]["url"], PICTURE);
    f.app.check().await;
}

#[tokio::test]
async fn files_of_answers_are_deleted_with_them() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let asked = client.ask(&session, "/file").await;
    let file = &asked["reply"]["attachments"][0];
    wait_for_files(&app, 1).await;

    let problem = client.delete(&format!("/v1/attachments/{}", id_of(file))).await.problem(409);
    assert_eq!(problem["code"], "attachment_sent");
    let body = json!({"content": "again", "attachments": [id_of(file)]});
    client.post_message(&session, "", &body).await.problem_code(422, "unknown_attachment");
    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);

    client.download(file, "").await.problem(404);
    wait_for_files(&app, 0).await;
}

#[tokio::test]
async fn the_answer_explains_which_file_exceeded_the_storage_limit() {
    let app = TestApp::builder().env("STORAGE_BYTES_PER_USER", "1000").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let first = client.ask(&session, "/file").await;
    let second = client.ask(&session, "/file").await;

    assert_eq!(files(&first["reply"]), [("squares.csv", "text/csv")]);
    assert_eq!(files(&second["reply"]), []);
    assert_eq!(second["reply"]["finish_reason"], "stop");
    let task = client.task(&session, &id_of(&second["task"])).await;
    let notice = task["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "notice").unwrap();
    assert_eq!(notice["title"], "Couldn’t save “squares.csv”");
    assert_eq!(notice["detail"]["text"], "Your storage limit is reached.");
    app.check().await;
}

#[tokio::test]
async fn a_killed_worker_leaves_no_file_of_its_attempt() {
    let mut f = Scripted::start_with("images = true", |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
    let session = f.session().await;
    let mut gate = f.model.gate("Draw");
    let sent = f.client.send(&session, "Draw").await;
    gate.arrived().await;
    let chunk = json!({"choices": [{"delta": {"content": "First", "images": [PICTURE]}}]});
    gate.send_bytes(format!("data: {chunk}\n\n").as_bytes()).await;
    within(Duration::from_secs(30), "the picture is stored", async || {
        (f.app.database().values("SELECT COUNT(*) FROM attachment").await == ["1"]).then_some(())
    })
    .await;

    f.app.worker(0).kill();
    f.model.script("Draw", [Answer::text("Second")]);
    f.app.replace_worker(0);
    f.client.wait_for_end(&session, &sent.task_id).await;

    let answer = f.client.answer_of(&session, &sent.task_id).await.unwrap();
    assert_eq!((&answer["content"], files(&answer)), (&json!("Second"), Vec::new()));
    wait_for_files(&f.app, 0).await;
    f.app.check().await;
}
