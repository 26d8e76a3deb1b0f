//! The context of a conversation after the agent's process has exited.

use std::fs;

use banter_tests::{app::TestApp, fake_agent::FakeAgent};
use serde_json::json;

use super::Faked;

#[tokio::test]
async fn a_new_process_resumes_the_session_or_gets_the_history() {
    let fake = FakeAgent::new();
    let told = "The following blocks contain the conversation so far, one message per block. The last block is the new \
                message to answer. | [user]\nfirst | [assistant]\nYou said: first";
    let cases = [
        ("resumes", "--resume", vec!["session/resume"], "first"),
        ("loads", "--load", vec!["session/load"], "first"),
        ("both", "--resume --load", vec!["session/resume"], "first"),
        ("loads_after_all", "--failing-resume --load", vec!["session/resume", "session/load"], "first"),
        ("neither", "--failing-resume --failing-load", vec!["session/resume", "session/load", "session/new"], told),
        ("does_not_resume", "--failing-resume", vec!["session/resume", "session/new"], told),
        ("does_not_load", "--failing-load", vec!["session/load", "session/new"], told),
        ("breaks", "--broken-load", vec!["session/load", "initialize", "session/new"], told),
        ("forgets", "", vec!["session/new"], told),
    ];
    let mut builder = TestApp::builder().env("TASK_LEASE_SECONDS", "5");
    for (key, arguments, ..) in &cases {
        builder = builder.agents(&fake.agent(key, arguments, ""));
    }
    let mut app = builder.start().await;
    let client = app.client();
    let mut sessions = Vec::new();
    for (key, ..) in &cases {
        let session = client.create_session(key).await;
        client.ask(&session, "first").await;
        sessions.push(session);
    }

    app.replace_worker(0);

    for ((key, _, methods, expected), session) in cases.iter().zip(sessions) {
        let asked = client.ask(&session, "recall").await;
        assert_eq!(asked["reply"]["content"], *expected, "{key}: {asked}");
        let first = ["initialize", "session/new", "session/prompt", "initialize"];
        let expected: Vec<&str> = first.into_iter().chain(methods.iter().copied()).chain(["session/prompt"]).collect();
        assert_eq!(fake.methods(key), expected, "{key}");
    }
}

#[tokio::test]
async fn does_not_use_a_session_whose_mode_cannot_be_set() {
    let mut faked = Faked::start("--load --modes --new-modes", "mode = 'default'", |builder| {
        builder.env("TASK_LEASE_SECONDS", "5")
    })
    .await;
    let session = faked.client.create_session("fake").await;
    faked.client.ask(&session, "first").await;

    faked.app.replace_worker(0);

    let asked = faked.client.ask(&session, "recall").await;
    assert_eq!(asked["task"]["status"], "succeeded", "{asked}");
    assert!(asked["reply"]["content"].as_str().unwrap().ends_with("[user]\nfirst | [assistant]\nYou said: first"));
    let methods = faked.fake.methods("fake");
    assert_eq!(methods[4..], ["initialize", "session/load", "session/new", "session/set_mode", "session/prompt"]);
}

#[tokio::test]
async fn another_worker_continues_while_the_first_keeps_its_agent() {
    let mut faked = Faked::start("--load", "", |builder| builder.env("WORKER_CONCURRENCY", "1")).await;
    let session = faked.client.create_session("fake").await;
    faked.client.ask(&session, "first").await;
    // The first worker is busy, so the second one takes the next turn.
    let busy = faked.client.create_session("fake").await;
    let held = faked.client.send(&busy, "until_cancelled").await;
    faked.client.wait_for_status(&busy, &held.task_id, "running").await;
    faked.app.add_worker();

    let asked = faked.client.ask(&session, "recall").await;

    assert_eq!(asked["reply"]["content"], "first", "{asked}");
    faked.client.cancel(&busy, &held.task_id).await.ok(202);
}

#[tokio::test]
async fn sends_turns_that_the_agent_session_has_not_seen() {
    let faked = Faked::start("", "max_attempts = 1", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    faked.client.ask(&session, "first").await;
    faked.client.ask(&session, "fail -32603 no").await;

    let asked = faked.client.ask(&session, "blocks").await;

    let blocks: serde_json::Value = serde_json::from_str(asked["reply"]["content"].as_str().unwrap()).unwrap();
    let blocks = blocks.as_array().unwrap();
    assert_eq!(
        json!(blocks[1..]),
        json!(["[user]\nfirst", "[assistant]\nYou said: first", "[user]\nfail -32603 no", "blocks"])
    );
}

#[tokio::test]
async fn another_program_under_the_same_key_gets_the_history() {
    let mut faked = Faked::start("--load", "", |builder| builder.env("TASK_LEASE_SECONDS", "5")).await;
    let session = faked.client.create_session("fake").await;
    faked.client.ask(&session, "first").await;
    // The renamed agent could also load the session, because it uses the same home folder.
    fs::write(faked.app.folder().join("agents.toml"), faked.fake.agent("fake", "--load --rename", "")).unwrap();

    faked.app.replace_worker(0);

    let asked = faked.client.ask(&session, "recall").await;
    let told = asked["reply"]["content"].as_str().unwrap();
    assert!(told.ends_with("[user]\nfirst | [assistant]\nYou said: first"), "{asked}");
    assert!(!faked.fake.methods("fake").contains(&"session/load".to_owned()));
}
