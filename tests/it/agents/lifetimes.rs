//! How long the processes of agents live, how they are told to end, and who waits for whom.

use std::time::{Duration, Instant};

use banter_tests::{
    app::STOP_LIMIT,
    fake_agent::processes_with,
    process::Signal,
    wait::{eventually, within},
};
use serde_json::json;

use super::{Faked, GONE_WITHIN, supervisors};

/// What an agent was told from its first prompt on. That a request is given up is told, too, and means nothing to it.
fn told_since_the_prompt(faked: &Faked) -> Vec<String> {
    let mut methods = faked.fake.methods("fake");
    let first = methods.iter().position(|method| method == "session/prompt").unwrap();
    methods.retain(|method| method != "$/cancel_request");
    methods[first + 1..].to_vec()
}

#[tokio::test]
async fn an_agent_that_leaves_when_its_stdin_is_closed_is_not_told_twice() {
    let faked = Faked::start("--diary", "keep_warm_s = 0", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    faked.client.ask(&session, "hello").await;

    within(GONE_WITHIN, "the agent is gone", async || supervisors(&session).is_empty().then_some(())).await;
    assert_eq!(told_since_the_prompt(&faked), ["(end of stdin)"]);
}

#[tokio::test]
async fn an_agent_that_does_not_stop_is_told_again_and_again() {
    let faked = Faked::start("--diary --stays", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let sent = faked.client.send(&session, "ignore_cancel").await;
    eventually("the prompt", async || faked.fake.methods("fake").contains(&"session/prompt".to_owned()).then_some(()))
        .await;

    faked.client.cancel(&session, &sent.task_id).await.ok(202);

    faked.client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    assert!(!supervisors(&session).is_empty(), "the answer has ended, the rest goes on");
    within(GONE_WITHIN, "the agent is gone", async || supervisors(&session).is_empty().then_some(())).await;
    // On a machine that is very busy it is killed before it has written the last of them down.
    let told = told_since_the_prompt(&faked);
    assert!(
        ["session/cancel", "(end of stdin)", "(SIGTERM)"]
            .starts_with(&told.iter().map(String::as_str).collect::<Vec<_>>()),
        "{told:?}"
    );
    assert!(told.len() >= 2, "{told:?}");
}

#[tokio::test]
async fn an_agent_that_breaks_down_between_two_turns_is_started_again() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let process = faked.client.ask(&session, "process").await["reply"]["content"].as_str().unwrap().to_owned();

    Signal::Kill.send(process.parse().unwrap());

    within(GONE_WITHIN, "the agent is gone", async || supervisors(&session).is_empty().then_some(())).await;
    let asked = faked.client.ask(&session, "recall").await;
    assert_eq!(json!([asked["task"]["status"], asked["task"]["attempt"]]), json!(["succeeded", 1]), "{asked}");
    assert!(asked["reply"]["content"].as_str().unwrap().contains("[user]\nprocess"), "it was told: {asked}");
}

#[tokio::test]
async fn a_worker_that_drains_lets_a_turn_end_and_leaves_no_process() {
    let mut faked = Faked::start("", "", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "30")).await;
    for _ in 0..3 {
        let session = faked.client.create_session("fake").await;
        faked.client.ask(&session, "hello").await;
    }
    let session = faked.client.create_session("fake").await;
    let sent = faked.client.send(&session, "quiet_thinking 1").await;
    eventually("the last prompt", async || {
        let prompts = faked.fake.methods("fake").into_iter().filter(|method| method == "session/prompt").count();
        (prompts == 4).then_some(())
    })
    .await;

    faked.app.worker(0).stop(STOP_LIMIT + Duration::from_secs(30)).await;

    let task = faked.client.task(&session, &sent.task_id).await;
    assert_eq!(json!([task["status"], task["attempt"]]), json!(["succeeded", 1]));
    let folder = faked.app.folder().join("data").display().to_string();
    assert_eq!(processes_with(&folder), [0_u32; 0], "nothing is left that works there");
}

/// An agent that may have one process, which is busy.
async fn crowded() -> (Faked, String, String) {
    let faked = Faked::start("", "max_processes = 1", |builder| builder).await;
    let busy = faked.client.create_session("fake").await;
    let task = faked.client.send(&busy, "until_cancelled").await.task_id;
    eventually("the busy one", async || {
        faked.fake.methods("fake").contains(&"session/prompt".to_owned()).then_some(())
    })
    .await;
    (faked, busy, task)
}

#[tokio::test]
async fn a_turn_waits_while_all_processes_are_busy_and_then_goes_on() {
    let (faked, busy, task) = crowded().await;
    let client = &faked.client;
    let waiting = client.create_session("fake").await;
    let sent = client.send(&waiting, "hello").await;
    client.wait_for_status(&waiting, &sent.task_id, "running").await;
    // Both are claimed, and only one has a process.
    assert_eq!((supervisors(&busy).len(), supervisors(&waiting).len()), (1, 0));

    client.cancel(&busy, &task).await.ok(202);

    client.wait_for_status(&waiting, &sent.task_id, "succeeded").await;
    assert_eq!(client.answer_of(&waiting, &sent.task_id).await.unwrap()["content"], "You said: hello");
    within(GONE_WITHIN, "the idle one went for it", async || supervisors(&busy).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_turn_that_waits_for_a_process_can_be_stopped() {
    let (faked, busy, task) = crowded().await;
    let client = &faked.client;
    let waiting = client.create_session("fake").await;
    let sent = client.send(&waiting, "hello").await;
    client.wait_for_status(&waiting, &sent.task_id, "running").await;

    let asked_at = Instant::now();
    client.cancel(&waiting, &sent.task_id).await.ok(202);
    client.wait_for_status(&waiting, &sent.task_id, "cancelled").await;

    assert!(asked_at.elapsed() < Duration::from_secs(5), "{:?}", asked_at.elapsed());
    assert!(supervisors(&waiting).is_empty(), "none was started");
    // Nor is it in the way of the next one.
    let next = client.create_session("fake").await;
    let sent = client.send(&next, "hello").await;
    client.cancel(&busy, &task).await.ok(202);
    client.wait_for_status(&next, &sent.task_id, "succeeded").await;
    assert_eq!(faked.fake.methods("fake").iter().filter(|method| *method == "session/prompt").count(), 2);
}
