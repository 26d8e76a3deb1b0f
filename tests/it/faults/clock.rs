//! The wall clock of running processes is set to an hour behind and then to an hour ahead, for an api, a worker, or all
//! processes. Leases, ordering, and timeouts are based on counters and the monotonic clock, so they are not affected.

use banter_tests::{
    chat::{Sent, fresh_key, text_of},
    fake_openai::Answer,
    follower::Follower,
    wait::eventually,
    wall_clock::WallClocks,
};
use serde_json::{Value, json};

use crate::support::{Scripted, pairs};

const HOUR: i64 = 3600;

/// Number of heartbeats to wait for. They span more than two leases, so any mistaken takeover of a live worker's turns
/// would have happened by then.
const BEATS: i64 = 12;

/// The model server's `Retry-After`, in seconds; long enough for the clock to change while a turn waits.
const BACKOFF: u32 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Api,
    Worker,
    All,
}

#[tokio::test]
async fn stepping_the_clock_of_a_worker_has_no_effect() {
    step_back_and_forward(Whose::Worker).await;
}

#[tokio::test]
async fn stepping_the_clock_of_an_api_has_no_effect() {
    step_back_and_forward(Whose::Api).await;
}

#[tokio::test]
async fn stepping_the_clock_of_all_processes_has_no_effect() {
    step_back_and_forward(Whose::All).await;
}

async fn step_back_and_forward(whose: Whose) {
    let mut clocks = WallClocks::new(["api", "worker", "other worker"]);
    let mut scripted = Scripted::start_with("", |builder| {
        builder.workers(0).env("TASK_LEASE_SECONDS", "2").all_env(clocks.environment("api"))
    })
    .await;
    for clock in ["worker", "other worker"] {
        scripted.app.set_all_env(clocks.environment(clock));
        scripted.app.add_worker();
    }
    scripted.app.wait_for_beats(2, 1).await;
    let follower = Follower::start(&scripted.client).await;

    for offset in [-HOUR, HOUR] {
        let before = created_at(&scripted).await;
        work_through_a_step(&scripted, &follower, offset, || match whose {
            Whose::Api => clocks.set("api", offset),
            Whose::Worker => clocks.set("worker", offset),
            Whose::All => clocks.set_all(offset),
        })
        .await;
        let is_back = whose != Whose::Worker && offset < 0;
        assert_eq!(created_at(&scripted).await < before, is_back, "the clock was not stepped");
    }

    let check = scripted.app.run_api(&["check"]).await;
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    follower.settle(&scripted.client).await;
}

/// Runs, queues, and retries turns, and sends a message with an idempotency key. The clock changes while the turns are
/// in progress.
async fn work_through_a_step(scripted: &Scripted, follower: &Follower, offset: i64, step: impl FnOnce()) {
    let client = &scripted.client;
    let prompt = |name: &str| format!("{name} at {offset}");
    let (session, running, gate) = scripted.held(&prompt("held")).await;
    gate.send("before").await;
    follower.wait_for_draft(&running, "before").await;
    let queued = [client.send(&session, &prompt("one")).await, client.send(&session, &prompt("two")).await];
    let (keyed, key, body) = (scripted.session().await, fresh_key(), json!({"content": prompt("keyed")}));
    let sent = Sent::from_body(&client.post_message_keyed(&keyed, "", &body, &key).await.ok(202));
    let backing_off = scripted.session().await;
    scripted.model.script(&prompt("again"), [Answer::rate_limited(BACKOFF), Answer::text("at last")]);
    let retried = client.send(&backing_off, &prompt("again")).await;
    // If the workers' clocks already differ, the other worker may start the retry immediately.
    eventually("a first failure", async || {
        (client.task(&backing_off, &retried.task_id).await["failures"] == 1).then_some(())
    })
    .await;

    step();

    scripted.app.wait_for_beats(2, BEATS).await;
    let now = client.task(&session, &running).await;
    assert_eq!(progress(&now), json!(["running", 1, 0]), "{now}");
    gate.send(" and after").await;
    gate.finish().await;
    let ended = client.wait_for_status(&session, &running, "succeeded").await;
    assert_eq!(progress(&ended), json!(["succeeded", 1, 0]));
    for sent in &queued {
        let ended = client.wait_for_status(&session, &sent.task_id, "succeeded").await;
        assert_eq!(progress(&ended), json!(["succeeded", 1, 0]));
    }
    let mut said = Vec::new();
    for name in ["held", "one", "two"] {
        let answer = if name == "held" { "before and after".into() } else { format!("You said: {}", prompt(name)) };
        said.extend([("user".to_owned(), prompt(name)), ("assistant".to_owned(), answer)]);
    }
    assert_eq!(client.transcript(&session).await, said);
    let ended = client.wait_for_status(&backing_off, &retried.task_id, "succeeded").await;
    assert_eq!(progress(&ended), json!(["succeeded", 2, 1]));
    client.wait_until_idle(&keyed).await;
    let again = Sent::from_body(&client.post_message_keyed(&keyed, "", &body, &key).await.ok(202));
    assert_eq!(again.message_id, sent.message_id, "the key still identifies its message");
    let fresh = scripted.session().await;
    client.ask(&fresh, "hello").await;
    assert_eq!(client.transcript(&fresh).await, pairs(&[("user", "hello"), ("assistant", "You said: hello")]));
}

/// Returns the current time according to the api's clock.
async fn created_at(scripted: &Scripted) -> String {
    let session = scripted.session().await;
    text_of(&scripted.client.chat(&session).await["session"], "created_at")
}

fn progress(task: &Value) -> Value {
    json!([task["status"], task["attempt"], task["failures"]])
}
