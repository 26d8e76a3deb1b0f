//! No process that an agent starts outlives the agent, no matter how the agent exits.

use std::time::Duration;

use banter_tests::{
    app::STOP_LIMIT,
    follower::Follower,
    process::Signal,
    process_table::{self, processes_with},
    wait::{PATIENCE, eventually, within},
};
use serde_json::json;

use super::{Faked, GONE_WITHIN, supervisors, unique_seconds};

/// An agent in the middle of a turn, with two sleeping tools outside the agent's process group.
struct Asleep {
    faked: Faked,
    session: String,
    task: String,
    seconds: String,
}

impl Asleep {
    async fn start(arguments: &str) -> Self {
        let faked = Faked::start(arguments, "", |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
        let (session, seconds) = (faked.client.create_session("fake").await, unique_seconds());
        let task = faked.client.send(&session, &format!("sleeping_tool {seconds}")).await.task_id;
        let asleep = Self { faked, session, task, seconds };
        eventually("sleeping tools", async || (asleep.survivors().len() >= 3).then_some(())).await;
        // Waits until the step is stored, so that a worker that takes over the turn knows about the tool call.
        eventually("the tool's step", async || {
            let task = asleep.faked.client.task(&asleep.session, &asleep.task).await;
            (!task["steps"].as_array()?.is_empty()).then_some(())
        })
        .await;
        asleep
    }

    fn survivors(&self) -> Vec<u32> {
        processes_with(&self.seconds)
    }

    /// Returns the process ID of the agent's supervisor.
    fn supervisor(&self) -> u32 {
        let found = supervisors(&self.session);
        assert_eq!(found.len(), 1, "one supervisor");
        found[0]
    }

    async fn expect_none(&self) {
        within(GONE_WITHIN, "no process is left", async || {
            (self.survivors().is_empty() && supervisors(&self.session).is_empty()).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn cancelling_leaves_no_tool() {
    let asleep = Asleep::start("").await;
    let client = &asleep.faked.client;

    client.cancel(&asleep.session, &asleep.task).await.ok(202);

    client.wait_for_status(&asleep.session, &asleep.task, "cancelled").await;
    // The agent reports that it has stopped, but its tools continue to run. All of them are killed.
    asleep.expect_none().await;
    assert_eq!(client.ask(&asleep.session, "hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn keeps_an_agent_that_stops_its_tool() {
    let faked = Faked::start("", "", |builder| builder).await;
    let (session, seconds) = (faked.client.create_session("fake").await, unique_seconds());
    let before = faked.client.ask(&session, "process").await;
    let task = faked.client.send(&session, &format!("obedient_tool {seconds}")).await.task_id;
    eventually("a sleeping tool", async || (!processes_with(&seconds).is_empty()).then_some(())).await;

    faked.client.cancel(&session, &task).await.ok(202);

    faked.client.wait_for_status(&session, &task, "cancelled").await;
    let after = faked.client.ask(&session, "process").await;
    assert_eq!(before["reply"]["content"], after["reply"]["content"], "the same process");
    assert!(processes_with(&seconds).is_empty());
}

#[tokio::test]
async fn kills_an_agent_that_does_not_stop_with_its_tools() {
    let asleep = Asleep::start("--ignore-sigterm").await;
    let client = &asleep.faked.client;
    let session = client.create_session("fake").await;
    let follower = Follower::start(client).await;
    let busy = client.send(&session, "ignore_cancel").await;
    follower.wait_for_draft(&busy.task_id, "busy").await;

    client.cancel(&session, &busy.task_id).await.ok(202);

    client.wait_for_status(&session, &busy.task_id, "cancelled").await;
    within(GONE_WITHIN, "the agent exits", async || supervisors(&session).is_empty().then_some(())).await;
    assert_eq!(client.ask(&session, "hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn cancelling_during_the_start_leaves_no_process() {
    let faked = Faked::start("--ignore-sigterm", "keep_warm_s = 0", |builder| builder).await;
    let mut sessions = Vec::new();
    for delay_ms in [0, 2, 5, 10, 20, 40, 80, 160] {
        let session = faked.client.create_session("fake").await;
        let sent = faked.client.send(&session, "hello").await;
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        let reply = faked.client.cancel(&session, &sent.task_id).await;
        assert!([202, 409].contains(&reply.status), "{}", reply.text());
        sessions.push((session, reply.status));
    }

    for (session, _) in sessions.iter().filter(|(_, status)| *status == 202) {
        within(GONE_WITHIN, "the agent exits", async || supervisors(session).is_empty().then_some(())).await;
        let asked = faked.client.ask(session, "hello").await;
        assert_eq!(asked["reply"]["content"], "You said: hello");
    }
}

#[tokio::test]
async fn a_killed_worker_leaves_no_process() {
    let mut asleep = Asleep::start("--ignore-sigterm").await;

    asleep.faked.app.worker(0).kill();

    asleep.expect_none().await;
}

#[tokio::test]
async fn a_killed_supervisor_leaves_no_process() {
    let asleep = Asleep::start("--ignore-sigterm").await;

    Signal::Kill.send(asleep.supervisor());

    let client = &asleep.faked.client;
    let ended = client.wait_for_end(&asleep.session, &asleep.task).await;
    assert_eq!(json!([ended["status"], ended["attempt"]]), json!(["interrupted", 1]));
    asleep.expect_none().await;
}

#[tokio::test]
async fn a_worker_that_shuts_down_stops_its_agents() {
    let mut asleep = Asleep::start("--ignore-sigterm").await;
    let warm = asleep.faked.ask("hello").await;
    assert_eq!(warm["reply"]["content"], "You said: hello");

    asleep.faked.app.worker(0).stop(STOP_LIMIT).await;

    asleep.expect_none().await;
    assert!(processes_with(&asleep.faked.app.folder().display().to_string()).iter().all(|pid| is_api(*pid)));
}

fn is_api(pid: u32) -> bool {
    process_table::find(pid).and_then(|process| process.exe().ok()).is_none_or(|path| path.ends_with("api"))
}

#[tokio::test]
async fn an_agent_that_exits_leaves_no_tool() {
    let asleep = Asleep::start("").await;
    let agents = processes_with("fake_agent.py");
    let agent = agents.iter().find(|pid| process_table::parent_of(**pid) == Some(asleep.supervisor())).unwrap();

    Signal::Kill.send(*agent);

    asleep.faked.client.wait_for_end(&asleep.session, &asleep.task).await;
    asleep.expect_none().await;
}

#[tokio::test]
async fn the_agent_of_a_frozen_worker_releases_its_folder() {
    let mut asleep = Asleep::start("").await;
    let client = asleep.faked.client.clone();
    let old = asleep.supervisor();
    asleep.faked.app.freeze_worker(0).await;
    asleep.faked.app.add_worker();

    // A tool call was recorded, so the turn is not retried. The next turn needs the folder.
    client.wait_for_end(&asleep.session, &asleep.task).await;
    let asked = client.ask(&asleep.session, "hello").await;

    assert_eq!(asked["reply"]["content"], "You said: hello", "{asked}");
    assert!(asleep.survivors().is_empty(), "the tools of the frozen worker were killed");
    assert_ne!(asleep.supervisor(), old);
    asleep.faked.app.worker(0).signal(Signal::Resume);
}

#[tokio::test]
async fn stops_the_least_recently_used_idle_processes_first() {
    let faked = Faked::start("", "max_processes = 2", |builder| builder).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let session = faked.client.create_session("fake").await;
        faked.client.ask(&session, "hello").await;
        sessions.push(session);
    }

    let alive = |session: &String| !supervisors(session).is_empty();
    within(PATIENCE, "one process exits", async || (!alive(&sessions[0])).then_some(())).await;
    assert!(alive(&sessions[1]) && alive(&sessions[2]));
    let again = faked.client.ask(&sessions[0], "hello").await;
    assert_eq!(again["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn stops_processes_that_are_idle_for_too_long_or_use_too_much_memory() {
    let faked = Faked::start("", "keep_warm_s = 1", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    faked.client.ask(&session, "hello").await;
    within(PATIENCE, "the idle process exits", async || supervisors(&session).is_empty().then_some(())).await;

    let faked = Faked::start("", "max_memory_mb = 150", |builder| builder).await;
    let (fat, thin) = (faked.client.create_session("fake").await, faked.client.create_session("fake").await);
    faked.client.ask(&fat, "eat 200").await;
    faked.client.ask(&thin, "hello").await;
    within(PATIENCE, "the process over the memory limit exits", async || supervisors(&fat).is_empty().then_some(()))
        .await;
}
