//! Agent failures and their error codes.

use std::time::Duration;

use banter_tests::{app::TestApp, fake_agent::FakeAgent, wait::eventually};
use serde_json::json;

use super::Faked;

#[tokio::test]
async fn reports_each_failure_with_its_code_and_the_next_turn_works() {
    let faked = Faked::start("", "max_attempts = 1", |builder| builder).await;
    let cases = [
        ("exit_early 3", "agent_crashed", "The agent exited unexpectedly (exit code 3).", None),
        ("exit_late 3", "agent_crashed", "The agent exited unexpectedly (exit code 3).", Some("half")),
        ("fail -32603 Out of order", "agent_error", "Out of order", None),
        ("fail -32602 What is that?", "agent_refused", "What is that?", None),
    ];

    for (prompt, code, message, text) in cases {
        let session = faked.client.create_session("fake").await;
        let asked = faked.client.ask(&session, prompt).await;
        let task = &asked["task"];
        let found = json!([task["status"], task["error"]["code"], task["error"]["message"], asked["reply"]["content"]]);
        assert_eq!(found, json!(["failed", code, message, text]), "{prompt}");
        let next = faked.client.ask(&session, "hello").await;
        assert_eq!(next["reply"]["content"], "You said: hello", "after {prompt}");
    }
}

#[tokio::test]
async fn reports_that_an_agent_requires_authentication() {
    let faked = Faked::start("--auth", "", |builder| builder).await;

    let asked = faked.ask("hello").await;

    assert_eq!(
        json!([asked["task"]["status"], asked["task"]["error"]["code"], asked["task"]["attempt"]]),
        json!(["failed", "agent_auth", 1])
    );
}

#[tokio::test]
async fn distinguishes_the_reasons_why_an_agent_is_unusable() {
    let fake = FakeAgent::new();
    let one = "max_attempts = 1";
    let app = TestApp::builder()
        .agents(&fake.agent("ends", "--exit-at-start", one))
        .agents(&fake.agent("usage", "--usage", one))
        .agents(&fake.agent("old", "--old", one))
        .agents(&fake.agent("modeless", "", "max_attempts = 1\nmode = 'default'"))
        .start()
        .await;
    let client = app.client();

    for (key, code, part) in [
        ("ends", "agent_crashed", "The agent exited unexpectedly (exit code 9): no licence found, None"),
        ("usage", "agent_crashed", "The agent exited unexpectedly (exit code 2): fake: unknown option"),
        ("old", "agent_protocol", "version 1 is supported"),
        ("modeless", "agent_unavailable", "no mode “default”. It offers no modes."),
    ] {
        let session = client.create_session(key).await;
        let task = client.ask(&session, "hello").await["task"].clone();
        assert_eq!(json!([task["status"], task["error"]["code"]]), json!(["failed", code]), "{key}: {task}");
        assert!(task["error"]["message"].as_str().unwrap().contains(part), "{key}: {task}");
    }
}

#[tokio::test]
async fn lists_a_missing_program_with_the_reason() {
    let app = TestApp::builder()
        .agents("[[agents]]\nkey = 'gone'\ndriver = 'acp'\ncommand = 'no-such-program-anywhere'")
        .start()
        .await;
    let client = app.client();

    let agent = eventually("the worker's report", async || {
        let agents = client.get("/v1/agents").await.ok(200);
        agents["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|agent| agent["key"] == "gone" && agent["available"] == false)
            .cloned()
    })
    .await;

    assert!(agent["reason"].as_str().unwrap().contains("no-such-program-anywhere"), "{agent}");
    client.post("/v1/chat", &json!({"agent_key": "gone"})).await.problem_code(422, "agent_unavailable");
}

#[tokio::test]
async fn truncates_an_answer_that_is_too_long() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    for prompt in ["long_answer", "huge_line"] {
        let asked = faked.client.ask(&session, prompt).await;

        assert_eq!(json!([asked["task"]["status"], asked["reply"]["finish_reason"]]), json!(["succeeded", "length"]));
        assert_eq!(asked["reply"]["content"].as_str().unwrap().len(), 1024 * 1024);
    }
    assert_eq!(faked.client.ask(&session, "hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn redacts_an_agents_secrets() {
    let mut faked = Faked::start("", "max_attempts = 1\nsecrets = ['FAKE_SECRET']", |builder| {
        builder.env("FAKE_SECRET", "s3cret-key")
    })
    .await;

    let asked = faked.ask("complain s3cret-key").await;

    assert_eq!(asked["task"]["error"]["message"], "It went wrong with •••");
    let log = faked.app.worker(0).stderr();
    assert!(log.contains("•••") && !log.contains("s3cret-key"), "{log}");
}

#[tokio::test]
async fn retries_after_a_crash() {
    let faked = Faked::start("", "max_attempts = 2", |builder| builder).await;

    let asked = faked.ask("exit_early").await;

    let task = &asked["task"];
    assert_eq!(json!([task["error"]["code"], task["attempt"], task["failures"]]), json!(["agent_crashed", 2, 2]));
}

#[tokio::test]
async fn does_not_retry_after_a_crash_during_a_tool() {
    let faked = Faked::start("", "", |builder| builder).await;

    let asked = faked.ask("exit_in_tool").await;

    let task = &asked["task"];
    assert_eq!(json!([task["status"], task["attempt"]]), json!(["interrupted", 1]), "{task}");
}

#[tokio::test]
async fn times_out_a_silent_agent() {
    let faked = Faked::start("", "max_attempts = 1\nidle_timeout_s = 4", |builder| builder).await;

    let asked = faked.ask("silence").await;

    let task = &asked["task"];
    let found = json!([task["status"], task["error"]["code"], task["error"]["message"], asked["reply"]["content"]]);
    assert_eq!(found, json!(["failed", "timeout", "The agent sent no output for 4 seconds.", "one word"]));
}

#[tokio::test]
async fn times_out_a_silent_agent_that_runs_a_tool() {
    let faked = Faked::start("", "idle_timeout_s = 30", |builder| builder).await;

    let asked = faked.ask("quiet_thinking 2").await;

    assert_eq!(asked["task"]["status"], "succeeded");
    assert!(Duration::from_millis(asked["reply"]["elapsed_ms"].as_u64().unwrap()) >= Duration::from_secs(2));
}
