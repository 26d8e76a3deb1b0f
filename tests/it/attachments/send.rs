//! Messages with attachments.

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::{fresh_key, id_of, unknown_id},
    follower::Follower,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_message_shows_its_attachments_in_responses_and_events() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    let image = client.upload("red.png", RED_PNG).await;
    let text = client.upload("notes.txt", "hello").await;

    let sent = client.send_files(&session, "", &[&text, &image]).await;

    assert_eq!(sent.message["attachments"], json!([text, image]));
    assert_eq!(sent.message["content"], "");
    let chat = client.chat(&session).await;
    assert_eq!(chat["messages"][0]["attachments"], json!([text, image]));
    assert_eq!(chat["session"]["title"], "notes.txt");
    let plain = client.send(&session, "Hello").await;
    assert_eq!(plain.message["attachments"], json!([]));
    follower.settle(&client).await;
}

#[tokio::test]
async fn lists_the_attachments_of_the_current_branch_newest_turn_first() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let image = client.upload("red.png", RED_PNG).await;
    let notes = client.upload("notes.txt", "notes").await;
    let last = client.upload("last.txt", "last").await;
    let first = client.send_files(&session, "/file", &[&image, &notes]).await;
    client.wait_for_end(&session, &first.task_id).await;
    let plain = client.send(&session, "/echo nothing").await;
    client.wait_for_end(&session, &plain.task_id).await;
    let second = client.send_files(&session, "/echo the last one", &[&last]).await;
    client.wait_for_end(&session, &second.task_id).await;
    let path = format!("/v1/chat/{session}/attachments");
    let names = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["attachment"]["name"].as_str().unwrap().into())
            .collect()
    };

    let all: Value = client.get(&path).await.ok(200);
    assert_eq!(names(&all), ["last.txt", "squares.csv", "red.png", "notes.txt"]);
    assert_eq!(all["has_more"], false);
    let item = &all["items"][2];
    assert_eq!(item["message_id"], first.message["id"]);
    assert_eq!((&item["turn"], &item["role"], &item["attachment"]), (&json!(1), &json!("user"), &image));
    assert_eq!(all["items"][1]["role"], "assistant");

    let newest: Value = client.get(&format!("{path}?limit=1")).await.ok(200);
    assert_eq!((names(&newest), &newest["has_more"]), (vec!["last.txt".to_owned()], &json!(true)));
    let rest: Value = client.get(&format!("{path}?limit=1&before_turn=3")).await.ok(200);
    assert_eq!((names(&rest).len(), &rest["has_more"]), (3, &json!(false)));

    let revise = format!("/v1/chat/{session}/messages/{}/revise", id_of(&first.message));
    let body = json!({"content": "/echo one", "attachments": [id_of(&notes)]});
    let revised: Value = client.post(&revise, &body).await.ok(202);
    client.wait_for_end(&session, &id_of(&revised["task"])).await;
    assert_eq!(names(&client.get(&path).await.ok(200)), ["notes.txt"]);
}

#[tokio::test]
async fn rejects_attachments_that_cannot_be_sent() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let [own, sent] = [client.upload("a.txt", "a").await, client.upload("b.txt", "b").await];
    client.send_files(&session, "", &[&sent]).await;

    for (ids, field) in [
        (json!([id_of(&own), unknown_id()]), "attachments[1]"),
        (json!([id_of(&sent)]), "attachments[0]"),
        (json!([id_of(&own), id_of(&own)]), "attachments[1]"),
    ] {
        let reply = client.post_message(&session, "", &json!({"content": "x", "attachments": ids})).await;
        assert_eq!(reply.problem_about(422, field)["code"], "unknown_attachment");
    }
    let many: Vec<String> = (0..11).map(|_| unknown_id()).collect();
    for (body, field) in [
        (json!({"content": "x", "attachments": many}), "attachments"),
        (json!({"content": "x", "attachments": "x"}), "attachments"),
        (json!({"content": "x", "attachments": ["x"]}), "attachments[0]"),
        (json!({"content": "", "attachments": []}), "content"),
    ] {
        client.post_message(&session, "", &body).await.problem_about(400, field);
    }
    client.send_files(&session, "", &[&own]).await;
}

#[tokio::test]
async fn a_repeated_send_returns_the_same_message() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let attachment = client.upload("a.txt", "a").await;
    let (key, body) = (fresh_key(), json!({"content": "", "attachments": [id_of(&attachment)]}));

    let first = client.post_message_keyed(&session, "", &body, &key).await.ok(202);
    let second = client.post_message_keyed(&session, "", &body, &key).await.ok(202);

    assert_eq!(first, second);
    assert_eq!(second["message"]["attachments"], json!([attachment]));
}
