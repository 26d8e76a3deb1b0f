//! Messages with attachments.

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::{fresh_key, id_of, unknown_id},
    follower::Follower,
};
use serde_json::json;

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
