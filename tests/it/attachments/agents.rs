//! What agents receive.

use banter_tests::{app::TestApp, attachments::RED_PNG, chat::id_of};
use serde_json::{Value, json};

use crate::support::Scripted;

async fn accepts(app: &TestApp, key: &str) -> Value {
    let agents = app.client().get("/v1/agents").await.ok(200);
    let mut items = agents["items"].as_array().unwrap().iter();
    items.find(|agent| agent["key"] == key).unwrap()["accepts"].clone()
}

#[tokio::test]
async fn the_demo_describes_the_files() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let image = client.upload("red.png", RED_PNG).await;
    let text = client.upload("notes.txt", "First line\nSecond").await;

    let asked = client.ask_about(&session, "", &[&image, &text]).await;

    let reply = asked["reply"]["content"].as_str().unwrap();
    assert!(reply.contains("**red.png** is an image (image/png) of 4 × 3 pixels"), "{reply}");
    assert!(reply.contains("Its average color is #ff0000."), "{reply}");
    assert!(reply.contains("**notes.txt** is a text file (text/plain) with 2 lines and 3 words"), "{reply}");
    assert_eq!(accepts(&app, "demo").await, json!({"images": true, "files": true}));
    let asked = client.ask(&session, "/echo next").await;
    assert_eq!(asked["reply"]["content"], "next");
}

#[tokio::test]
async fn a_model_receives_images_and_texts() {
    let f = Scripted::start_with("images = true", |builder| builder).await;
    let session = f.session().await;
    let image = f.client.upload("red.png", RED_PNG).await;
    let text = f.client.upload("notes.txt", "some notes").await;

    f.client.ask_about(&session, "Look", &[&image, &text]).await;
    f.client.ask(&session, "And now?").await;

    let requests = f.model.requests();
    let content = &requests[0].body["messages"][0]["content"];
    assert_eq!(content[0], json!({"type": "text", "text": "Look\n\nnotes.txt:\n```\nsome notes\n```"}));
    let url = content[1]["image_url"]["url"].as_str().unwrap();
    assert!(url.starts_with("data:image/png;base64,iVBORw0KGgo"), "{url}");
    assert_eq!(requests[1].body["messages"][0]["content"], *content, "later turns include the files");
    assert_eq!(accepts(&f.app, "scripted").await, json!({"images": true, "files": true}));
}

#[tokio::test]
async fn a_file_that_the_agent_does_not_accept_is_refused_before_it_is_sent() {
    let f = Scripted::start_with("", |builder| {
        builder.agents("[[agents]]\nkey = 'cat'\ndriver = 'command'\ncommand = 'cat'")
    })
    .await;
    let image = f.client.upload("red.png", RED_PNG).await;
    let binary = f.client.upload("a.zip", b"PK\x03\x04".as_slice()).await;
    let text = f.client.upload("notes.txt", "some notes").await;

    for (key, files) in [("scripted", vec![&image, &binary]), ("cat", vec![&image, &binary, &text])] {
        let session = f.client.create_session(key).await;
        for file in files {
            let body = json!({"content": "Look", "attachments": [id_of(file)]});
            let reply = f.client.post_message(&session, "", &body).await;
            let problem = reply.problem_about(422, "attachments[0]");
            assert_eq!(problem["code"], "attachment_unsupported");
            assert!(problem["detail"].as_str().unwrap().contains(file["name"].as_str().unwrap()), "{problem}");
        }
    }
    assert_eq!(accepts(&f.app, "scripted").await, json!({"images": false, "files": true}));
    assert_eq!(accepts(&f.app, "cat").await, json!({"images": false, "files": false}));
}

#[tokio::test]
async fn a_program_receives_the_paths_of_the_files() {
    let script = "while read -r line; do echo \"$line\"; done; cat attachments/*";
    let agent = format!(
        "[[agents]]\nkey = 'json'\ndriver = 'command'\ncommand = 'sh'\nargs = ['-c', '''{script}''']\ninput = 'json'"
    );
    let app = TestApp::builder().agents(&agent).start().await;
    let client = app.client();
    let session = client.create_session("json").await;
    let text = client.upload("notes.txt", "some notes").await;

    let asked = client.ask_about(&session, "Look", &[&text]).await;

    let reply = asked["reply"]["content"].as_str().unwrap();
    let (line, rest) = reply.split_once('\n').unwrap();
    let input: Value = serde_json::from_str(line).unwrap();
    let file = &input["attachments"][0];
    assert_eq!([&file["name"], &file["media_type"]], ["notes.txt", "text/plain"]);
    assert!(file["path"].as_str().unwrap().ends_with("/attachments/notes.txt"), "{file}");
    assert_eq!(rest, "some notes");
}
