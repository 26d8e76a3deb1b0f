//! The lifetime of agent processes: how they are stopped, and how turns wait for a free process.

use std::time::{Duration, Instant};

use banter_tests::{
    app::STOP_LIMIT,
    process::Signal,
    process_table::processes_with,
    wait::{eventually, within},
};
use serde_json::json;

use super::{Faked, GONE_WITHIN, supervisors};

/// Returns the methods and signals that the agent logged after its first prompt, excluding request cancellations.
fn told_since_the_prompt(faked: &Faked) -> Vec<String> {
    let mut methods = faked.fake.methods("fake");
    let first = methods.iter().position(|method| method == "session/prompt").unwrap();
    methods.retain(|method| method != "$/cancel_request");
    methods[first + 1..].to_vec()
}

#[tokio::test]
async fn an_agent_that_exits_when_stdin_closes_gets_no_signal() {
    let faked = Faked::start("--log-signals", "keep_warm_s = 0", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    faked.client.ask(&session, "hello").await;

    within(GONE_WITHIN, "the agent exits", async || supervisors(&session).is_empty().then_some(())).await;
    assert_eq!(told_since_the_prompt(&faked), ["(end of stdin)"]);
}

#[tokio::test]
async fn escalates_signals_to_an_agent_that_does_not_exit() {
    let faked = Faked::start("--log-signals --ignore-stdin-close", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let sent = faked.client.send(&session, "ignore_cancel").await;
    eventually("the prompt", async || faked.fake.methods("fake").contains(&"session/prompt".to_owned()).then_some(()))
        .await;

    faked.client.cancel(&session, &sent.task_id).await.ok(202);

    faked.client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    assert!(!supervisors(&session).is_empty(), "the answer has ended, but the agent still runs");
    within(GONE_WITHIN, "the agent exits", async || supervisors(&session).is_empty().then_some(())).await;
    // On a very busy machine, the agent may be killed before it has logged SIGTERM.
    let told = told_since_the_prompt(&faked);
    assert!(
        ["session/cancel", "(end of stdin)", "(SIGTERM)"]
            .starts_with(&told.iter().map(String::as_str).collect::<Vec<_>>()),
        "{told:?}"
    );
    assert!(told.len() >= 2, "{told:?}");
}

#[tokio::test]
async fn restarts_an_agent_that_crashed_between_turns() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let process = faked.client.ask(&session, "process").await["reply"]["content"].as_str().unwrap().to_owned();

    Signal::Kill.send(process.parse().unwrap());

    within(GONE_WITHIN, "the agent exits", async || supervisors(&session).is_empty().then_some(())).await;
    let asked = faked.client.ask(&session, "recall").await;
    assert_eq!(json!([asked["task"]["status"], asked["task"]["attempt"]]), json!(["succeeded", 1]), "{asked}");
    assert!(
        asked["reply"]["content"].as_str().unwrap().contains("[user]\nprocess"),
        "the agent received the history: {asked}"
    );
}

#[tokio::test]
async fn draining_completes_a_turn_and_leaves_no_process() {
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
    assert_eq!(processes_with(&folder), [0_u32; 0], "no process is left in its folder");
}

/// Starts an agent that is limited to one process, and keeps the process busy.
async fn crowded() -> (Faked, String, String) {
    let faked = Faked::start("", "max_processes = 1", |builder| builder).await;
    let busy = faked.client.create_session("fake").await;
    let task = faked.client.send(&busy, "until_cancelled").await.task_id;
    eventually("the busy process", async || {
        faked.fake.methods("fake").contains(&"session/prompt".to_owned()).then_some(())
    })
    .await;
    (faked, busy, task)
}

#[tokio::test]
async fn a_turn_waits_while_all_processes_are_busy_and_then_continues() {
    let (faked, busy, task) = crowded().await;
    let client = &faked.client;
    let waiting = client.create_session("fake").await;
    let sent = client.send(&waiting, "hello").await;
    client.wait_for_status(&waiting, &sent.task_id, "running").await;
    // Both turns are claimed, but only one of them has a process.
    assert_eq!((supervisors(&busy).len(), supervisors(&waiting).len()), (1, 0));

    client.cancel(&busy, &task).await.ok(202);

    client.wait_for_status(&waiting, &sent.task_id, "succeeded").await;
    assert_eq!(client.answer_of(&waiting, &sent.task_id).await.unwrap()["content"], "You said: hello");
    within(GONE_WITHIN, "the idle process exits", async || supervisors(&busy).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_turn_that_waits_for_a_process_can_be_cancelled() {
    let (faked, busy, task) = crowded().await;
    let client = &faked.client;
    let waiting = client.create_session("fake").await;
    let sent = client.send(&waiting, "hello").await;
    client.wait_for_status(&waiting, &sent.task_id, "running").await;

    let asked_at = Instant::now();
    client.cancel(&waiting, &sent.task_id).await.ok(202);
    client.wait_for_status(&waiting, &sent.task_id, "cancelled").await;

    assert!(asked_at.elapsed() < Duration::from_secs(5), "{:?}", asked_at.elapsed());
    assert!(supervisors(&waiting).is_empty(), "no process was started");
    // The cancelled turn does not block the next one either.
    let next = client.create_session("fake").await;
    let sent = client.send(&next, "hello").await;
    client.cancel(&busy, &task).await.ok(202);
    client.wait_for_status(&next, &sent.task_id, "succeeded").await;
    assert_eq!(faked.fake.methods("fake").iter().filter(|method| *method == "session/prompt").count(), 2);
}

#[tokio::test]
async fn a_process_occupies_its_slot_until_it_has_exited() {
    let faked = Faked::start("--ignore-stdin-close", "max_processes = 1", |builder| builder).await;
    let client = &faked.client;
    let (old, new) = (client.create_session("fake").await, client.create_session("fake").await);
    client.ask(&old, "hello").await;
    let sent = client.send(&new, "hello").await;

    within(GONE_WITHIN, "the new process", async || (!supervisors(&new).is_empty()).then_some(())).await;

    assert!(supervisors(&old).is_empty(), "the old process exited first, although it ignored the first signal");
    client.wait_for_status(&new, &sent.task_id, "succeeded").await;
}

#[tokio::test]
async fn cancelling_while_the_agent_opens_a_session_ends_the_agent() {
    let faked = Faked::start("--no-session", "", |builder| builder).await;
    let client = &faked.client;
    let session = client.create_session("fake").await;
    let sent = client.send(&session, "hello").await;
    eventually("the request", async || faked.fake.methods("fake").contains(&"session/new".to_owned()).then_some(()))
        .await;

    client.cancel(&session, &sent.task_id).await.ok(202);

    client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    within(GONE_WITHIN, "the agent exits", async || supervisors(&session).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_cancellation_at_the_end_of_a_turn_has_one_outcome() {
    let faked = Faked::start("", "", |builder| builder).await;
    let client = &faked.client;
    let session = client.create_session("fake").await;
    client.ask(&session, "hello").await;

    for delay_ms in 0..24 {
        let sent = client.send(&session, "quiet_thinking 0.02").await;
        tokio::time::sleep(Duration::from_millis(2 * delay_ms)).await;
        let stopped = client.cancel(&session, &sent.task_id).await.status;

        let ended = client.wait_for_end(&session, &sent.task_id).await;
        match stopped {
            202 => assert_eq!(ended["status"], "cancelled", "an accepted cancellation takes effect: {ended}"),
            409 => assert_eq!(ended["status"], "succeeded", "{ended}"),
            status => panic!("{status}"),
        }
        client.answer_of(&session, &sent.task_id).await;
        let next = client.ask(&session, "hello").await;
        assert_eq!(
            next["reply"]["content"], "You said: hello",
            "a late cancellation does not affect the next turn: {next}"
        );
    }
}

#[tokio::test]
async fn an_agent_may_exit_right_after_its_answer() {
    let faked = Faked::start("", "max_attempts = 1", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    for _ in 0..5 {
        let asked = faked.client.ask(&session, "last_words").await;
        assert_eq!(
            json!([asked["task"]["status"], asked["reply"]["content"]]),
            json!(["succeeded", "goodbye"]),
            "{asked}"
        );
    }
}

/// Stops a worker in the middle of a turn, and then starts another one.
async fn handed_on(prompt: &str) -> (Faked, String, String) {
    let mut faked = Faked::start("", "", |builder| builder.env("SHUTDOWN_GRACE_SECONDS", "1")).await;
    let session = faked.client.create_session("fake").await;
    let task = faked.client.send(&session, prompt).await.task_id;
    eventually("the prompt", async || faked.fake.methods("fake").contains(&"session/prompt".to_owned()).then_some(()))
        .await;
    if prompt.starts_with("tool_without_status") {
        eventually("the agent's tool", async || {
            (!faked.client.task(&session, &task).await["steps"].as_array()?.is_empty()).then_some(())
        })
        .await;
    }
    faked.app.worker(0).stop(STOP_LIMIT).await;
    assert!(supervisors(&session).is_empty(), "the agent exited with the worker");
    faked.app.replace_worker(0);
    (faked, session, task)
}

#[tokio::test]
async fn another_worker_repeats_a_turn_that_was_handed_back() {
    let (faked, session, task) = handed_on("quiet_thinking 4").await;

    let ended = faked.client.wait_for_status(&session, &task, "succeeded").await;

    assert_eq!(json!([ended["attempt"], ended["failures"]]), json!([2, 0]), "{ended}");
    assert_eq!(faked.client.answer_of(&session, &task).await.unwrap()["content"], "thinking");
}

#[tokio::test]
async fn another_worker_does_not_repeat_a_turn_whose_tool_had_started() {
    let (faked, session, task) = handed_on("tool_without_status").await;

    let ended = faked.client.wait_for_status(&session, &task, "interrupted").await;

    let found = json!([ended["attempt"], ended["error"]["code"], ended["steps"][0]["status"]]);
    assert_eq!(found, json!([1, "worker_lost", "failed"]), "{ended}");
    assert_eq!(faked.client.ask(&session, "hello").await["reply"]["content"], "You said: hello");
}
