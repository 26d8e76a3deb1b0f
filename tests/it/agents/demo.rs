//! The built-in demo agent.

use banter_tests::{app::TestApp, wait::eventually};
use serde_json::json;

#[tokio::test]
async fn remembers_a_name_after_its_process_has_ended() {
    let mut app = TestApp::builder().env("TASK_LEASE_SECONDS", "2").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "My name is Ada.").await;
    let warm = client.ask(&session, "What is my name?").await;
    assert_eq!(warm["reply"]["content"], "Your name is Ada. You told me earlier.");

    app.replace_worker(0);

    let cold = client.ask(&session, "What is my name?").await;
    assert_eq!(cold["reply"]["content"], "Your name is Ada. You told me earlier.");
}

#[tokio::test]
async fn requests_permission_for_its_tool() {
    let app = TestApp::start().await;
    let client = app.client();

    for (decision, status, answer) in
        [("allow", "succeeded", "has 14 words"), ("reject", "rejected", "wasn’t approved")]
    {
        let session = client.create_session("demo").await;
        let sent = client.send(&session, "/tool").await;
        let request = eventually("a permission request", async || {
            let task = client.task(&session, &sent.task_id).await;
            let steps = task["steps"].as_array()?.clone();
            let step = steps.into_iter().find(|step| step["kind"] == "permission")?;
            step["detail"]["request_id"].as_str().map(str::to_owned)
        })
        .await;
        let path = format!("/v1/chat/{session}/tasks/{}/permissions/{request}", sent.task_id);
        client.post(&path, &json!({"decision": decision})).await.ok_status(204);

        client.wait_for_status(&session, &sent.task_id, "succeeded").await;
        let reply = client.answer_of(&session, &sent.task_id).await.unwrap();
        assert!(reply["content"].as_str().unwrap().contains(answer), "{reply}");
        let task = client.task(&session, &sent.task_id).await;
        let tool = task["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "tool").unwrap();
        assert_eq!(tool["status"], status, "{tool}");
    }
}

#[tokio::test]
async fn shows_thoughts_and_plans() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    for (command, kind) in [("/think", "thought"), ("/plan", "plan")] {
        let asked = client.ask(&session, command).await;
        let task = client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
        let steps = task["steps"].as_array().unwrap();
        assert_eq!(
            json!([steps.len(), steps[0]["kind"], steps[0]["status"]]),
            json!([1, kind, "succeeded"]),
            "{command}"
        );
    }
}

#[tokio::test]
async fn crashes_on_request() {
    let app = TestApp::builder().env("TASK_MAX_ATTEMPTS", "1").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let asked = client.ask(&session, "/crash").await;

    assert_eq!(json!([asked["task"]["status"], asked["task"]["error"]["code"]]), json!(["failed", "agent_crashed"]));
    assert!(asked["reply"]["content"].as_str().unwrap().contains("mid-sentence"));
    assert_eq!(client.ask(&session, "/echo still here").await["reply"]["content"], "still here");
}

#[tokio::test]
async fn returns_its_documented_errors() {
    let app = TestApp::builder().env("TASK_MAX_ATTEMPTS", "2").start().await;
    let client = app.client();

    for (command, expected) in [
        ("/fail", json!(["agent_refused", "The demo failed, as requested.", 1])),
        (
            "/fail retry",
            json!(["agent_error", "The demo failed, as requested. Failures like this are retried automatically.", 2]),
        ),
    ] {
        let session = client.create_session("demo").await;
        let task = client.ask(&session, command).await["task"].clone();
        assert_eq!(json!([task["error"]["code"], task["error"]["message"], task["attempt"]]), expected);
    }
}
