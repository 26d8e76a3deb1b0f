//! No process that an agent started outlives the agent, no matter how the agent exits. This includes a process that
//! runs in a separate session, is double-forked, ignores signals, or forks continuously.

use std::time::Duration;

use banter_tests::{
    app::{STOP_LIMIT, TestApp},
    fake_agent::{self, FakeAgent},
    process::Signal,
    process_table::processes_with,
    wait::{eventually, within},
};
use serde_json::json;

use super::{Faked, GONE_WITHIN, supervisors, unique_seconds};

/// Number of tools started by `daemons`. Each tool has at least one process.
const KINDS: usize = 4;

/// An agent that has started tools that are hard to stop.
struct Loose {
    faked: Faked,
    session: String,
    task: String,
    seconds: String,
}

impl Loose {
    /// Starts an agent whose turn does not end.
    async fn held(more: &str) -> Self {
        let faked = Faked::start("", more, |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
        let (session, seconds) = (faked.client.create_session("fake").await, unique_seconds());
        let task = faked.client.send(&session, &format!("held_daemons {seconds}")).await.task_id;
        let loose = Self { faked, session, task, seconds };
        eventually("the tools", async || (loose.tools().len() >= KINDS).then_some(())).await;
        loose
    }

    fn tools(&self) -> Vec<u32> {
        processes_with(&self.seconds)
    }

    async fn expect_none(&self, after: &str) {
        within(GONE_WITHIN, &format!("no tool after {after}"), async || {
            (self.tools().is_empty() && supervisors(&self.session).is_empty()).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn no_tool_outlives_a_completed_task() {
    let faked = Faked::start("", "keep_warm_s = 0", |builder| builder).await;
    let (session, seconds) = (faked.client.create_session("fake").await, unique_seconds());

    let asked = faked.client.ask(&session, &format!("daemons {seconds}")).await;

    assert_eq!(asked["reply"]["content"], "started", "{asked}");
    let task = asked["task"]["id"].as_str().unwrap().to_owned();
    Loose { faked, session, task, seconds }.expect_none("the task").await;
}

#[tokio::test]
async fn no_tool_outlives_a_cancelled_task() {
    let loose = Loose::held("keep_warm_s = 0").await;
    let client = &loose.faked.client;

    client.cancel(&loose.session, &loose.task).await.ok(202);

    client.wait_for_status(&loose.session, &loose.task, "cancelled").await;
    loose.expect_none("the stop").await;
}

#[tokio::test]
async fn no_tool_outlives_its_session() {
    let loose = Loose::held("").await;

    loose.faked.client.delete(&format!("/v1/chat/{}?permanent=true", loose.session)).await.ok_status(204);

    loose.expect_none("the deletion").await;
}

#[tokio::test]
async fn no_tool_outlives_a_killed_worker() {
    let mut loose = Loose::held("").await;

    loose.faked.app.worker(0).kill();

    loose.expect_none("kill -9 of the worker").await;
}

#[tokio::test]
async fn no_tool_outlives_a_killed_supervisor() {
    let loose = Loose::held("").await;

    Signal::Kill.send_to_all(&supervisors(&loose.session));

    let ended = loose.faked.client.wait_for_end(&loose.session, &loose.task).await;
    assert_eq!(json!([ended["status"], ended["attempt"]]), json!(["interrupted", 1]));
    loose.expect_none("kill -9 of the supervisor").await;
}

#[tokio::test]
async fn no_tool_outlives_a_worker_that_shuts_down() {
    let mut loose = Loose::held("").await;

    loose.faked.app.worker(0).stop(STOP_LIMIT).await;

    assert!(loose.tools().is_empty(), "all tools exit before the worker does");
    loose.expect_none("the worker").await;
}

#[tokio::test]
async fn no_agent_starts_for_a_worker_that_has_exited() {
    let faked = Faked::start("", "", |builder| builder.workers(0).apis(0)).await;
    let seconds = unique_seconds();

    let told = tokio::time::timeout(
        Duration::from_secs(30),
        // Simulates a parent that exited during startup: process 1 is not the process that started the supervisor.
        faked.app.run_worker(&["supervise", "--parent", "1", "--", "sleep", &seconds]),
    )
    .await
    .unwrap();

    assert_eq!(told.status.code(), Some(125));
    assert!(processes_with(&format!("sleep {seconds}")).is_empty());
}

#[tokio::test]
async fn an_agent_starts_with_no_blocked_signals() {
    let faked = Faked::start("", "", |builder| builder.workers(0).apis(0)).await;

    let output = faked.app.run_worker(&["supervise", "--", "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]).await;

    let sets = String::from_utf8(output.stdout).unwrap();
    let set = |name| {
        let hex =
            sets.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {sets}"));
        u64::from_str_radix(hex.trim(), 16).unwrap()
    };
    assert_eq!(set("SigBlk:"), 0, "{sets}");
    let sigpipe = 1 << 12;
    assert_eq!(set("SigIgn:") & sigpipe, 0, "{sets}");
}

/// Returns a turn's running tools, excluding the helper that belongs to the agent.
fn loose(seconds: &str) -> Vec<u32> {
    let helpers = processes_with(&format!("helper-{seconds}"));
    processes_with(seconds).into_iter().filter(|pid| !helpers.contains(pid)).collect()
}

#[tokio::test]
async fn no_tool_outlives_its_turn_in_a_kept_agent() {
    let faked = Faked::start("", "", |builder| builder).await;
    let (session, seconds) = (faked.client.create_session("fake").await, unique_seconds());

    let asked = faked.client.ask(&session, &format!("leave {seconds}")).await;

    within(GONE_WITHIN, "no tool after the turn", async || loose(&seconds).is_empty().then_some(())).await;
    let again = faked.client.ask(&session, "process").await;
    assert_eq!(asked["reply"]["content"], again["reply"]["content"], "the same process");
    assert_eq!(processes_with(&format!("helper-{seconds}")).len(), 1, "the agent's helper is kept");
}

#[tokio::test]
async fn ends_the_tools_of_a_turn_and_not_those_of_the_next() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let (first, second) = (unique_seconds(), unique_seconds());
    faked.client.send(&session, &format!("leave {first}")).await;
    let held = faked.client.send(&session, &format!("held_daemons {second}")).await;

    within(GONE_WITHIN, "the first turn's tools to exit", async || loose(&first).is_empty().then_some(())).await;
    eventually("the second turn's tools", async || (processes_with(&second).len() >= KINDS).then_some(())).await;

    faked.client.cancel(&session, &held.task_id).await.ok(202);
    faked.client.wait_for_status(&session, &held.task_id, "cancelled").await;
}

#[tokio::test]
async fn an_agent_in_its_own_session_keeps_its_helper() {
    let (fake, seconds) = (FakeAgent::new(), unique_seconds());
    let table = fake.agent("fake", "", "").replace("args = [", &format!("args = [{:?}, ", fake_agent::python()));
    let table = table.replace(&format!("command = {:?}", fake_agent::python()), "command = 'setsid'");
    let app = TestApp::builder().agents(&table).start().await;
    let client = app.client();
    let session = client.create_session("fake").await;

    let asked = client.ask(&session, &format!("leave {seconds}")).await;

    within(GONE_WITHIN, "no tool after the turn", async || loose(&seconds).is_empty().then_some(())).await;
    let again = client.ask(&session, "process").await;
    assert_eq!(asked["reply"]["content"], again["reply"]["content"], "the same process");
    assert_eq!(processes_with(&format!("helper-{seconds}")).len(), 1);
}
