//! A few quirks of model servers, tested with real processes. The worker's unit tests cover all known quirks in a
//! table.

use std::time::Duration;

use banter_tests::{chat::text_of, fake_openai::Answer, wait::eventually};
use serde_json::{Value, json};

use crate::support::{Scripted, pairs};

const DONE: &str = "data: [DONE]\n\n";

fn delta(delta: &Value) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": delta}]}))
}

fn finish(reason: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": {}, "finish_reason": reason}]}))
}

async fn with_one_attempt() -> Scripted {
    Scripted::start_with("max_attempts = 1", |builder| builder).await
}

/// Returns the kind and title of each step in a turn.
async fn steps(scripted: &Scripted, session: &str, task: &Value) -> Vec<(String, String)> {
    let task = scripted.client.task(session, &text_of(task, "id")).await;
    let steps = task["steps"].as_array().unwrap();
    steps.iter().map(|step| (text_of(step, "kind"), text_of(step, "title"))).collect()
}

/// Returns the number of seconds since midnight for a time such as `2026-01-31T12:00:00.000Z`.
fn second_of_day(time: &Value) -> i64 {
    let part = |from: usize| time.as_str().unwrap()[from..from + 2].parse::<i64>().unwrap();
    part(11) * 3600 + part(14) * 60 + part(17)
}

#[tokio::test]
async fn handles_unusual_answers() {
    let scripted = with_one_attempt().await;
    let image = format!("data:image/png;base64,{}", "iVBO".repeat(3_000_000));
    let rows = [
        (
            "an error line",
            "error: {\"code\":500,\"message\":\"slot lost\"}\n".to_owned() + DONE,
            json!(["failed", "agent_error", "some ", "error"]),
        ),
        (
            "an overflow",
            format!("data: {{\"error\":\"prompt is too long: 9 tokens > 8 maximum\"}}\n\n{DONE}"),
            json!(["failed", "context_overflow", "some ", "error"]),
        ),
        (
            "a ping",
            ["event: ping\ndata: 12:00\n\n", &*delta(&json!({"content": "text"})), DONE].concat(),
            json!(["succeeded", null, "some text", "stop"]),
        ),
        (
            "a split emoji",
            [
                "data: {\"choices\":[{\"delta\":{\"content\":\"\\ud83c\"}}]}\n\n",
                "data: {\"choices\":[{\"delta\":{\"content\":\"\\udf89\"}}]}\n\n",
                DONE,
            ]
            .concat(),
            json!(["succeeded", null, "some 🎉", "stop"]),
        ),
        (
            "an image",
            [&*delta(&json!({"content": "text", "images": [{"image_url": {"url": image}}]})), DONE].concat(),
            json!(["succeeded", null, "some text", "stop"]),
        ),
    ];
    for (name, bytes, expected) in rows {
        scripted.model.script(name, [Answer::bytes_after("some ", bytes.as_bytes())]);
        let session = scripted.session().await;

        let asked = scripted.client.ask(&session, name).await;

        let (task, reply) = (&asked["task"], &asked["reply"]);
        assert_eq!(
            json!([task["status"], task["error"]["code"], reply["content"], reply["finish_reason"]]),
            expected,
            "{name}: {task}"
        );
        if name == "an image" {
            let notice = "The agent returned an image (PNG, 9.0 MB) that exceeds the size limit.".to_owned();
            assert_eq!(steps(&scripted, &session, task).await, [("notice".to_owned(), notice)]);
        }
    }
}

#[tokio::test]
async fn explains_an_answer_without_text() {
    let scripted = with_one_attempt().await;
    let thoughts = [&*delta(&json!({"reasoning_content": "hm"})), &finish("length"), DONE].concat();
    let call = [&*delta(&json!({"tool_calls": [{"function": {"name": "get_weather"}}]})), &finish("tool_calls"), DONE]
        .concat();
    for (prompt, body, reason, notice) in [
        ("limit", thoughts, "length", "The token limit was reached before the model answered."),
        ("tool", call, "empty", "The model tried to call the tool `get_weather`, but no tools are available."),
    ] {
        scripted.model.script(prompt, [Answer::instead("text/event-stream", &body)]);
        let session = scripted.session().await;

        let asked = scripted.client.ask(&session, prompt).await;

        let reply = &asked["reply"];
        assert_eq!(json!([reply["content"], reply["finish_reason"]]), json!(["", reason]));
        let steps = steps(&scripted, &session, &asked["task"]).await;
        assert_eq!(steps.last(), Some(&("notice".to_owned(), notice.to_owned())));
    }
}

#[tokio::test]
async fn shows_tagged_thoughts_as_steps_and_does_not_send_them_back() {
    let scripted = with_one_attempt().await;
    let session = scripted.session().await;
    scripted.model.script(
        "tags",
        [Answer::words(["<th", "ink>Secret ", "thought</thi", "nk>\n\nYes"], Duration::from_millis(20))],
    );
    scripted.model.script(
        "no opening tag",
        [Answer::words(["Secret ", "thought\n</think>\n\n", "No"], Duration::from_millis(20))],
    );

    scripted.client.ask(&session, "tags").await;
    scripted.client.ask(&session, "no opening tag").await;
    scripted.client.ask(&session, "hello").await;

    let said = [
        ("user", "tags"),
        ("assistant", "Yes"),
        ("user", "no opening tag"),
        ("assistant", "No"),
        ("user", "hello"),
        ("assistant", "You said: hello"),
    ];
    assert_eq!(scripted.client.transcript(&session).await, pairs(&said));
    scripted.assert_never_seen("Secret");
}

#[tokio::test]
async fn supports_a_server_that_requires_alternating_roles() {
    let scripted = with_one_attempt().await;
    let session = scripted.session().await;
    scripted.model.script("one", [Answer::error(500, "server_error", "oops")]);
    scripted.model.script(
        "two",
        [Answer::error(
            400,
            "invalid_request_error",
            "Conversation roles must alternate user/assistant/user/assistant/...",
        )],
    );
    scripted.model.script("one\n\ntwo", [Answer::text("both")]);

    scripted.client.ask(&session, "one").await;
    let asked = scripted.client.ask(&session, "two").await;
    scripted.client.ask(&session, "three").await;

    assert_eq!(
        json!([asked["task"]["status"], asked["reply"]["content"], asked["task"]["attempt"]]),
        json!(["succeeded", "both", 1])
    );
    assert_eq!(scripted.model.prompts(), ["one", "two", "one\n\ntwo", "three"]);
    let said =
        [("user", "one"), ("user", "two"), ("assistant", "both"), ("user", "three"), ("assistant", "You said: three")];
    assert_eq!(scripted.client.transcript(&session).await, pairs(&said), "the stored conversation is unchanged");
}

#[tokio::test]
async fn waiting_for_a_loading_model_uses_no_attempt() {
    let scripted = with_one_attempt().await;
    let session = scripted.session().await;
    let loading = Answer::error(503, "unavailable_error", "Loading model");
    scripted.model.script("go", [loading.clone(), loading, Answer::text("ready")]);

    let asked = scripted.client.ask(&session, "go").await;

    let task = &asked["task"];
    assert_eq!(
        json!([task["status"], task["attempt"], task["failures"], asked["reply"]["content"]]),
        json!(["succeeded", 1, 0, "ready"])
    );
    assert_eq!(steps(&scripted, &session, task).await, [("notice".to_owned(), "The model is loading.".to_owned())]);
}

#[tokio::test]
async fn waits_for_the_end_of_a_usage_limit_across_a_restart_and_can_be_cancelled() {
    let mut scripted = Scripted::start().await;
    let session = scripted.session().await;
    scripted.model.script("go", [Answer::rate_limited(3600)]);
    let sent = scripted.client.send(&session, "go").await;
    let is_waiting = async |scripted: &Scripted| {
        let task = scripted.client.task(&session, &sent.task_id).await;
        (task["failures"] == 1).then_some(task)
    };
    let waiting = eventually("the wait", async || is_waiting(&scripted).await).await;

    assert_eq!(json!([waiting["status"], waiting["error"]["code"]]), json!(["queued", "agent_rate_limited"]));
    let message = text_of(&waiting["error"], "message");
    assert!(
        message.contains("limiting requests until") && message.ends_with("The server says: slow down"),
        "{message}"
    );
    let wait = second_of_day(&waiting["next_attempt_at"]) - second_of_day(&waiting["created_at"]);
    assert!((3600..3660).contains(&wait.rem_euclid(24 * 3600)), "{waiting}");

    scripted.app.worker(0).stop(Duration::from_secs(20)).await;
    scripted.app.replace_worker(0);
    let other = scripted.session().await;
    scripted.client.ask(&other, "hello").await;
    let still = is_waiting(&scripted).await.expect("the wait continues");
    assert_eq!(still["next_attempt_at"], waiting["next_attempt_at"]);
    scripted.client.cancel(&session, &sent.task_id).await.ok(202);

    let stopped = scripted.client.task(&session, &sent.task_id).await;
    assert_eq!(stopped["status"], "cancelled");
    assert_eq!(scripted.model.prompts().iter().filter(|prompt| *prompt == "go").count(), 1);
    assert_eq!(scripted.client.ask(&session, "and now?").await["task"]["status"], "succeeded");
}
