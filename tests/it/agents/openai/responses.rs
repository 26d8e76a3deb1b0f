//! Invalid and unusual responses from model servers. Every turn must end.

use std::time::Duration;

use banter_tests::{chat::text_of, fake_openai::Answer};
use serde_json::json;

use super::{ask, outcome, with_attempts};

#[tokio::test]
async fn an_error_within_the_stream_fails_the_turn_and_keeps_the_text() {
    let scripted = with_attempts(1).await;
    let error = b"data: {\"error\": {\"message\": \"overloaded\", \"type\": \"server_error\"}}\n\n";
    scripted.model.script("go", [Answer::bytes_after("some text", error)]);

    let (task, answer) = ask(&scripted, "go").await;

    assert_eq!(task["status"], "failed");
    assert!(text_of(&task["error"], "code").starts_with("agent_"), "{task}");
    let answer = answer.unwrap();
    assert_eq!(json!([answer["content"], answer["finish_reason"]]), json!(["some text", "error"]));
}

#[tokio::test]
async fn an_invalid_response_is_a_protocol_error() {
    let scripted = with_attempts(3).await;
    scripted.model.script("html", [Answer::instead("text/html", "<html><body>Log in</body></html>")]);
    scripted.model.script("json", [Answer::instead("application/json", "[1, 2]")]);
    scripted.model.script("frames", [Answer::bytes_after("", b"data: not json at all\n\n")]);

    for prompt in ["html", "json", "frames"] {
        let (task, answer) = ask(&scripted, prompt).await;

        assert_eq!(outcome(&task), json!(["failed", "agent_protocol", 1, 1]), "{prompt}");
        assert_eq!(answer, None);
        let message = text_of(&task["error"], "message");
        assert!(!message.is_empty() && !message.contains("<html"), "{message}");
    }
}

#[tokio::test]
async fn removes_nul_characters_and_succeeds() {
    let scripted = with_attempts(1).await;
    scripted.model.script("go", [Answer::words(["a\u{0}b", "\u{0}", "c\u{0}"], Duration::from_millis(80))]);

    let (task, answer) = ask(&scripted, "go").await;

    assert_eq!(task["status"], "succeeded");
    assert_eq!(answer.unwrap()["content"], "abc");
}

#[tokio::test]
async fn a_turn_with_invalid_utf8_ends() {
    let scripted = with_attempts(1).await;
    let bytes = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\xff\xfey\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    scripted.model.script("go", [Answer::bytes_after("good ", bytes)]);

    let (task, answer) = ask(&scripted, "go").await;

    match text_of(&task, "status").as_str() {
        "succeeded" => assert!(text_of(&answer.unwrap(), "content").starts_with("good ")),
        "failed" => assert_eq!(task["error"]["code"], "agent_protocol"),
        other => panic!("{other}: {task}"),
    }
}

#[tokio::test]
async fn preserves_a_character_split_across_two_packets() {
    let scripted = with_attempts(1).await;
    let mut gate = scripted.model.gate("go");
    let session = scripted.session().await;
    let task = scripted.client.send(&session, "go").await.task_id;
    gate.arrived().await;
    let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"🧑‍🚀\"}}]}\n\n".as_bytes();

    for byte in event {
        gate.send_bytes(&[*byte]).await;
    }
    gate.finish().await;

    scripted.client.wait_for_status(&session, &task, "succeeded").await;
    assert_eq!(scripted.client.answer_of(&session, &task).await.unwrap()["content"], "🧑‍🚀");
}

#[tokio::test]
async fn a_stream_may_end_without_done_only_after_a_finish_reason() {
    let scripted = with_attempts(1).await;
    let last = b": a comment\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    scripted.model.script("no done", [Answer::bytes_after("text", last)]);
    scripted.model.script("half", [Answer::bytes_after("text", b"data: {\"choices\":[]}\n\n")]);

    let (ended, answer) = ask(&scripted, "no done").await;
    let (cut, kept) = ask(&scripted, "half").await;

    assert_eq!(ended["status"], "succeeded");
    assert_eq!(answer.unwrap()["content"], "text");
    assert_eq!(outcome(&cut), json!(["failed", "agent_network", 1, 1]), "an answer without a finish reason fails");
    assert_eq!(kept.unwrap()["finish_reason"], "error");
}

#[tokio::test]
async fn a_turn_with_an_enormous_answer_ends() {
    let scripted = with_attempts(1).await;
    let word = "0123456789abcdef".repeat(4096);
    scripted.model.script("go", [Answer::words(vec![word.as_str(); 40], Duration::ZERO)]);
    let session = scripted.session().await;

    let sent = scripted.client.send(&session, "go").await;

    scripted.client.wait_for_end(&session, &sent.task_id).await;
    scripted.client.chat(&session).await;
    assert_eq!(scripted.client.ask(&session, "and now?").await["task"]["status"], "succeeded");
}
