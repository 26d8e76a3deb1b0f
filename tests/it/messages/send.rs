//! Sending messages, and the results of the turns that answer them.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    chat::{Sent, unknown_id},
    fake_openai::{Answer, Usage},
    follower::Follower,
};
use serde_json::{Value, json};

use crate::support::{Scripted, column, pairs};

/// Maximum number of queued messages in one session.
const QUEUE_LIMIT: usize = 1000;

#[tokio::test]
async fn a_message_is_answered_in_its_turn() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;

    let asked = client.ask(&session, "/echo Good morning").await;

    let (message, task, reply) = (&asked["message"], &asked["task"], &asked["reply"]);
    assert_eq!(message["content"], "/echo Good morning");
    assert_eq!(message["role"], "user");
    assert_eq!(message["task"], *task, "a user message shows its task");
    assert_eq!(message["finish_reason"], json!(null));
    assert_eq!(task["status"], "succeeded");
    assert_eq!([&task["attempt"], &task["failures"]], [1, 0]);
    assert_eq!(task["error"], json!(null));
    assert_eq!(reply["content"], "Good morning");
    assert_eq!(reply["role"], "assistant");
    assert_eq!(reply["finish_reason"], "stop");
    assert_eq!(reply["task_id"], task["id"]);
    assert_eq!(reply["task"], json!(null));
    assert!(reply["elapsed_ms"].is_u64());
    assert_eq!([&message["turn"], &reply["turn"]], [1, 1]);
    assert_eq!([&message["seq"], &reply["seq"]], [1, 2]);
    follower.settle(&client).await;
}

#[tokio::test]
async fn turns_and_arrival_numbers_increase() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    for text in ["/echo one", "/echo two", "/echo three"] {
        client.ask(&session, text).await;
    }

    let chat = client.chat(&session).await;
    let messages = chat["messages"].as_array().unwrap();
    assert_eq!(column(messages, "turn"), [1, 1, 2, 2, 3, 3]);
    assert_eq!(column(messages, "seq"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(chat["session"]["last_seq"], 6);
    assert_eq!(chat["session"]["last_message"]["preview"], "three");
    assert_eq!(chat["session"]["last_message"]["role"], "assistant");
}

#[tokio::test]
async fn text_is_stored_and_sent_verbatim() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;
    let text =
        " \n  Ünï 🧑‍🚀 \u{202e}rtl\u{202c} \"quotes\" \\ <b>&amp;</b> \t\r\n'; DROP TABLE messages; -- \u{2028}end  \n";

    let asked = scripted.client.ask(&session, text).await;

    assert_eq!(asked["message"]["content"], text);
    assert_eq!(scripted.client.messages(&session).await[0]["content"], text);
    assert_eq!(scripted.model.prompts(), [text]);
}

#[tokio::test]
async fn a_wait_that_expires_returns_202_and_the_turn_continues() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;
    let mut gate = scripted.model.gate("slowly");

    let reply = scripted.client.post_message(&session, "?wait=1", &json!({"content": "slowly"})).await;

    let sent = Sent::from_body(&reply.ok(202));
    gate.arrived().await;
    gate.send("done").await;
    gate.finish().await;
    scripted.client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    assert_eq!(scripted.client.transcript(&session).await, pairs(&[("user", "slowly"), ("assistant", "done")]));
}

#[tokio::test]
async fn waiting_for_a_turn_that_fails_returns_no_reply() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;
    scripted.model.script("no", [Answer::error(401, "invalid_api_key", "no")]);

    let asked = scripted.client.ask(&session, "no").await;

    assert_eq!(asked["task"]["status"], "failed");
    assert_eq!(asked["reply"], json!(null));
    assert_eq!(asked["message"]["task"], asked["task"]);
}

#[tokio::test]
async fn a_client_that_disconnects_while_waiting_cancels_nothing() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;
    let mut gate = scripted.model.gate("slowly");
    let client = scripted.client.clone();
    let path = format!("/v1/chat/{session}/messages?wait=60");
    let request = client.request("POST", &path).header("Idempotency-Key", "gone").json(&json!({"content": "slowly"}));

    let waiting = tokio::spawn(request.send());
    gate.arrived().await;
    waiting.abort();
    let _ = waiting.await;
    gate.send("done").await;
    gate.finish().await;

    client.wait_until_idle(&session).await;
    assert_eq!(client.transcript(&session).await, pairs(&[("user", "slowly"), ("assistant", "done")]));
}

#[tokio::test]
async fn returns_the_finish_reason_and_usage_of_the_agent() {
    let scripted = Scripted::start().await;
    let session = scripted.session().await;
    scripted.model.script("long", [Answer::finished("cut", "length")]);
    scripted.model.script("bad", [Answer::finished("I'd rather not", "content_filter")]);
    scripted.model.script("count", [Answer::counted("counted", Usage { prompt: 11, completion: 7 })]);
    scripted.model.script("nothing", [Answer::empty()]);

    let long = scripted.client.ask(&session, "long").await;
    let bad = scripted.client.ask(&session, "bad").await;
    let counted = scripted.client.ask(&session, "count").await;
    let nothing = scripted.client.ask(&session, "nothing").await;

    let outcome = |asked: &Value| (asked["task"]["status"].clone(), asked["reply"]["finish_reason"].clone());
    assert_eq!(outcome(&long), (json!("succeeded"), json!("length")));
    assert_eq!(outcome(&bad), (json!("succeeded"), json!("refusal")));
    assert_eq!(outcome(&nothing), (json!("succeeded"), json!("empty")));
    assert_eq!(nothing["reply"]["content"], "");
    let usage = json!({"input_tokens": 11, "output_tokens": 7});
    assert_eq!(counted["reply"]["usage"], usage);
    assert_eq!(counted["task"]["usage"], usage);
}

#[tokio::test]
async fn a_preview_has_at_most_200_characters() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    client.send(&session, &"é".repeat(1000)).await;

    let preview = client.chat(&session).await["session"]["last_message"]["preview"].as_str().unwrap().to_owned();
    assert!(preview.chars().count() <= 200 && preview.starts_with("éééé"), "{preview}");
}

#[tokio::test]
async fn limits_the_length_of_the_queue() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let mut accepted = 0;
    let refused = loop {
        let reply = client.post_message(&session, "", &json!({"content": "more"})).await;
        if reply.status != 202 {
            break reply;
        }
        accepted += 1;
        assert!(accepted <= QUEUE_LIMIT, "{accepted} are queued");
    };

    refused.problem_code(429, "queue_full");
    assert_eq!(accepted, QUEUE_LIMIT);
    assert_eq!(client.chat(&session).await["session"]["queued_count"], QUEUE_LIMIT);
}

#[tokio::test]
async fn the_demo_agent_answers_its_commands() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let empty = client.ask(&session, "/empty").await;
    let long = client.ask(&session, "/long").await;
    let hello = client.ask(&session, "Hello there").await;

    assert_eq!(empty["reply"]["finish_reason"], "empty");
    assert!(long["reply"]["content"].as_str().unwrap().len() > 1000);
    assert_eq!(hello["reply"]["finish_reason"], "stop");
    assert!(!hello["reply"]["content"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_demo_turn_ends_with_a_visible_error() {
    let app = TestApp::builder().env("TASK_MAX_ATTEMPTS", "1").start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;

    let asked = client.ask(&session, "/fail").await;

    assert_eq!(asked["task"]["status"], "failed");
    assert!(asked["task"]["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
    follower.settle(&client).await;
}

#[tokio::test]
async fn an_unknown_task_is_not_found_and_a_task_shows_its_steps() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let asked = client.ask(&session, "/echo hi").await;

    let task = client.task(&session, asked["task"]["id"].as_str().unwrap()).await;

    assert!(task["steps"].is_array());
    client.get(&format!("/v1/chat/{session}/tasks/{}", unknown_id())).await.problem(404);
}

#[tokio::test]
async fn a_session_does_not_wait_for_another() {
    let scripted = Scripted::start().await;
    let (_busy, _task, _gate) = scripted.held("wait").await;
    let free = scripted.session().await;

    let asked = scripted.client.ask(&free, "quick").await;

    assert_eq!(asked["reply"]["content"], "You said: quick");
}

#[tokio::test]
async fn a_worker_respects_its_limit_on_concurrent_tasks() {
    let scripted = Scripted::start_with("", |builder| builder.env("WORKER_CONCURRENCY", "2")).await;
    let words = Answer::words(["a ", "b ", "c"], Duration::from_millis(40));
    let mut tasks = Vec::new();
    for number in 0..6 {
        let session = scripted.session().await;
        let text = format!("task {number}");
        scripted.model.script(&text, [words.clone()]);
        tasks.push((scripted.client.send(&session, &text).await.task_id, session));
    }

    for (task, session) in &tasks {
        scripted.client.wait_for_status(session, task, "succeeded").await;
    }

    assert_eq!(scripted.model.most_at_once(), 2);
}
