//! Limits on the size and duration of an agent's output.

use banter_tests::{app::TestApp, fake_agent::FakeAgent};
use serde_json::json;

use super::Faked;

#[tokio::test]
async fn times_out_an_agent_that_never_initializes() {
    let fake = FakeAgent::new();
    let app = TestApp::builder()
        .agents(&fake.agent("mute", "--no-start", "max_attempts = 1"))
        .agents(&fake.agent("absent", "--no-session", "max_attempts = 1"))
        .start()
        .await;
    let client = app.client();
    let (mute, absent) = (client.create_session("mute").await, client.create_session("absent").await);

    // Each turn takes half a minute, so both run at the same time.
    let (mute, absent) = tokio::join!(client.ask(&mute, "hello"), client.ask(&absent, "hello"));

    let found = [mute, absent].map(|asked| {
        json!([asked["task"]["status"], asked["task"]["error"]["code"], asked["task"]["error"]["message"]])
    });
    assert_eq!(
        found,
        [
            json!(["failed", "timeout", "The agent did not initialize within 30 seconds."]),
            json!(["failed", "timeout", "The agent did not respond to `session/new` within 30 seconds."]),
        ]
    );
}

#[tokio::test]
async fn cancels_a_turn_that_exceeds_its_time_limit() {
    let faked = Faked::start("", "max_attempts = 1\ntimeout_s = 4", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let asked = faked.client.ask(&session, "until_cancelled").await;

    let task = &asked["task"];
    assert_eq!(
        json!([task["status"], task["error"]["code"], task["error"]["message"], asked["reply"]["content"]]),
        json!(["failed", "timeout", "The agent did not finish within 4 seconds.", "busy"])
    );
    assert_eq!(faked.client.ask(&session, "hello").await["reply"]["content"], "You said: hello");
    assert!(faked.fake.methods("fake").contains(&"session/cancel".to_owned()));
}

#[tokio::test]
async fn an_agent_that_closes_its_output_without_exiting_has_crashed() {
    let faked = Faked::start("", "max_attempts = 1", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let asked = faked.client.ask(&session, "hang_up").await;

    let error = &asked["task"]["error"];
    assert_eq!(
        json!([asked["task"]["status"], error["code"], asked["reply"]["content"]]),
        json!(["failed", "agent_crashed", "half"]),
        "{asked}"
    );
    assert_eq!(faked.client.ask(&session, "hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn accepts_any_amount_of_stderr_output() {
    let faked = Faked::start("", "", |builder| builder).await;

    assert_eq!(faked.ask("chatter").await["reply"]["content"], "done");
}

#[tokio::test]
async fn limits_the_total_size_of_the_steps_of_an_attempt() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let asked = faked.client.ask(&session, "pile").await;

    let task = faked.client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
    let steps = task["steps"].as_array().unwrap();
    let tools: Vec<_> = steps.iter().filter(|step| step["kind"] == "tool").collect();
    assert_eq!(tools.len(), 100);
    assert!(tools.iter().all(|step| step["status"] == "succeeded"));
    assert_eq!(json!([tools[99]["title"], tools[99]["detail"]]), json!(["Tool 99", {"is_truncated": true}]));
    let bytes: usize = steps.iter().map(|step| step["detail"].to_string().len()).sum();
    assert!((3 << 20..=(4 << 20) + 10_000).contains(&bytes), "{bytes}");
    assert_eq!(steps.iter().filter(|step| step["kind"] == "notice").count(), 1);
    assert_eq!(asked["reply"]["content"], "done");
}
