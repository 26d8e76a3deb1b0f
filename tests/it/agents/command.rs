//! The `command` driver, which runs any program.

use banter_tests::{app::TestApp, process_table::processes_with, wait::within};
use serde_json::json;

#[tokio::test]
async fn returns_the_output_of_a_program() {
    let app = TestApp::builder()
        .agents("[[agents]]\nkey = 'cat'\ndriver = 'command'\ncommand = 'cat'")
        .agents(
            "[[agents]]\nkey = 'upper'\ndriver = 'command'\ncommand = 'tr'\nargs = ['a-z', 'A-Z']\ninput = 'message'",
        )
        .agents("[[agents]]\nkey = 'args'\ndriver = 'command'\ncommand = 'printf'\nargs = ['%s', '$HOME; `id`']")
        .start()
        .await;
    let client = app.client();

    let session = client.create_session("cat").await;
    assert_eq!(client.ask(&session, "é 🎭\n$(id)").await["reply"]["content"], "é 🎭\n$(id)");
    assert_eq!(
        client.ask(&session, "next").await["reply"]["content"],
        "User: é 🎭\n$(id)\n\nAssistant: é 🎭\n$(id)\n\nUser: next"
    );
    let session = client.create_session("upper").await;
    client.ask(&session, "abc").await;
    assert_eq!(client.ask(&session, "def").await["reply"]["content"], "DEF");
    let session = client.create_session("args").await;
    assert_eq!(client.ask(&session, "x").await["reply"]["content"], "$HOME; `id`");
}

#[tokio::test]
async fn handles_a_program_that_fails_times_out_or_is_stopped() {
    let script = |key: &str, script: &str| {
        format!(
            "[[agents]]\nkey = '{key}'\ndriver = 'command'\ncommand = 'sh'\nargs = ['-c', '{script}']\nmax_attempts = 1\nidle_timeout_s = 2"
        )
    };
    let app = TestApp::builder()
        .agents(&script("fails", "echo half; exit 3"))
        .agents(&script("silent", "echo half; sleep 600"))
        .agents(&script("endless", "while :; do echo 0123456789; done"))
        .agents(&script("slow", "while :; do echo busy; sleep 0.1; done"))
        .start()
        .await;
    let client = app.client();

    for (key, expected) in [
        ("fails", json!(["failed", "agent_crashed", "half\n", "error"])),
        ("silent", json!(["failed", "timeout", "half\n", "error"])),
    ] {
        let session = client.create_session(key).await;
        let asked = client.ask(&session, "x").await;
        let (task, reply) = (&asked["task"], &asked["reply"]);
        assert_eq!(json!([task["status"], task["error"]["code"], reply["content"], reply["finish_reason"]]), expected);
    }
    let session = client.create_session("endless").await;
    let asked = client.ask(&session, "x").await;
    assert_eq!(json!([asked["task"]["status"], asked["reply"]["finish_reason"]]), json!(["succeeded", "length"]));

    let session = client.create_session("slow").await;
    let sent = client.send(&session, "x").await;
    client.wait_for_status(&session, &sent.task_id, "running").await;
    client.cancel(&session, &sent.task_id).await.ok(202);
    client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    within(std::time::Duration::from_secs(45), "the program exits", async || {
        processes_with(&format!("{session}.lock -- ")).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn stops_a_program_that_does_not_exit_after_its_output() {
    let app = TestApp::builder()
        .agents(
            "[[agents]]\nkey = 'stays'\ndriver = 'command'\ncommand = 'sh'\nmax_attempts = 1\nidle_timeout_s = 2\n\
             args = ['-c', 'echo whole; exec >&-; exec sleep 600']",
        )
        .start()
        .await;
    let client = app.client();
    let session = client.create_session("stays").await;

    let asked = client.ask(&session, "x").await;

    let (task, reply) = (&asked["task"], &asked["reply"]);
    assert_eq!(
        json!([task["status"], task["error"]["code"], reply["content"]]),
        json!(["failed", "timeout", "whole\n"])
    );
}
