//! Permission requests of agents.

use banter_tests::{
    app::Builder,
    client::{Client, Reply},
    sse::{Event, USER_EVENTS},
    wait::eventually,
};
use serde_json::{Value, json};

use super::Faked;

#[tokio::test]
async fn the_policy_selects_a_one_time_option_and_never_a_permanent_one() {
    for (policy, expected) in [
        ("permission = 'allow'", "outcome: selected allow_once"),
        ("permission = 'reject'", "outcome: selected reject_once"),
        ("", "outcome: selected reject_once"),
    ] {
        let faked = Faked::start("", policy, |builder| builder).await;

        let asked = faked.ask("ask").await;

        assert_eq!(asked["reply"]["content"], expected, "{policy}");
    }
    let faked = Faked::start("", "permission = 'reject'", |builder| builder).await;
    let cancelled = faked.ask("ask allow_always reject_always").await;
    assert_eq!(cancelled["reply"]["content"], "outcome: cancelled", "a permanent option is not selected");
}

#[tokio::test]
async fn cancels_a_request_without_options() {
    for policy in ["ask", "allow", "reject"] {
        let faked = Faked::start("", &format!("permission = '{policy}'"), |builder| builder).await;
        let session = faked.client.create_session("fake").await;

        let asked = faked.client.ask(&session, "choose []").await;

        assert_eq!(asked["reply"]["content"], "outcome: cancelled", "{asked}");
        let task = faked.client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
        assert_eq!(
            json!([task["steps"][0]["kind"], task["steps"][0]["status"]]),
            json!(["tool", "rejected"]),
            "{task}"
        );
    }
}

const DATABASES: &str = r#"choose [
    {"optionId": "db-1", "name": "SQLite", "kind": "allow_once"},
    {"optionId": "db-2", "name": "PostgreSQL", "kind": "allow_once"},
    {"optionId": "db-3", "name": "Keep both", "kind": "allow_once"}]"#;

#[tokio::test]
async fn offers_every_option_and_returns_the_selected_one() {
    for policy in ["ask", "allow"] {
        let faked = Faked::start("", &format!("permission = '{policy}'"), |builder| builder).await;
        let asking = Asking::start(&faked.client, DATABASES).await;
        assert_eq!(
            asking.step["detail"]["options"],
            json!([
                {"option_id": "db-1", "name": "SQLite", "kind": "allow_once"},
                {"option_id": "db-2", "name": "PostgreSQL", "kind": "allow_once"},
                {"option_id": "db-3", "name": "Keep both", "kind": "allow_once"},
            ])
        );
        let unclear = asking.decide(&faked.client, "allow").await.problem_code(422, "option_required");
        assert!(unclear["detail"].as_str().unwrap().contains("`db-1`, `db-2`, `db-3`"), "{unclear}");
        let unknown = asking.select(&faked.client, "db-4").await.problem_code(422, "unknown_option");
        assert_eq!(unknown["errors"][0]["field"], "option_id", "{unknown}");

        asking.select(&faked.client, "db-2").await.ok_status(204);

        asking.select(&faked.client, "db-1").await.problem_code(409, "permission_answered");
        let ended = faked.client.wait_for_status(&asking.session, &asking.task, "succeeded").await;
        let answer = faked.client.answer_of(&asking.session, &asking.task).await.unwrap();
        assert_eq!(answer["content"], "outcome: selected db-2");
        let detail =
            &ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap()["detail"];
        assert_eq!(
            json!([detail["chosen"], detail["decision"], detail["decided_by"]]),
            json!(["db-2", "allow", "user"])
        );
    }
}

#[tokio::test]
async fn declines_a_request_without_a_reject_option_and_continues_the_turn() {
    let faked = Faked::start("", "permission = 'ask'", |builder| builder).await;
    let asking = Asking::start(&faked.client, DATABASES).await;

    asking.decide(&faked.client, "reject").await.ok_status(204);

    let ended = faked.client.wait_for_status(&asking.session, &asking.task, "succeeded").await;
    let answer = faked.client.answer_of(&asking.session, &asking.task).await.unwrap();
    assert_eq!(answer["content"], "outcome: cancelled");
    let step = ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap().clone();
    assert_eq!(json!([step["status"], step["detail"]["chosen"]]), json!(["rejected", null]), "{step}");
}

#[tokio::test]
async fn an_option_of_any_kind_can_be_selected() {
    for (kinds, selected, status) in [
        ("allow_on_tuesdays reject_once allow_once", "id-0", "succeeded"),
        ("allow_always reject_always", "id-0", "succeeded"),
        ("allow_always reject_always", "id-1", "rejected"),
    ] {
        let faked = Faked::start("", "permission = 'ask'", |builder| builder).await;
        let asking = Asking::start(&faked.client, &format!("ask {kinds}")).await;
        let offered: Vec<&str> = kinds.split(' ').collect();
        let shown = asking.step["detail"]["options"].as_array().unwrap();
        assert_eq!(shown.iter().map(|option| option["kind"].as_str().unwrap()).collect::<Vec<_>>(), offered);

        asking.select(&faked.client, selected).await.ok_status(204);

        let ended = faked.client.wait_for_status(&asking.session, &asking.task, "succeeded").await;
        let answer = faked.client.answer_of(&asking.session, &asking.task).await.unwrap();
        let index: usize = selected.trim_start_matches("id-").parse().unwrap();
        assert_eq!(answer["content"], format!("outcome: selected {}", offered[index]));
        let step = ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap().clone();
        assert_eq!(step["status"], status);
    }
}

#[tokio::test]
async fn an_interrupting_message_cancels_the_request() {
    let faked = Faked::start("", "permission = 'ask'", |builder| builder).await;
    let asking = Asking::start(&faked.client, "ask").await;

    let next = faked.client.send_on_busy(&asking.session, "hello", "interrupt").await.ok(202);

    let ended = faked.client.wait_for_status(&asking.session, &asking.task, "interrupted").await;
    let permission = ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap();
    assert_eq!(json!([permission["status"], permission["detail"]["decided_by"]]), json!(["rejected", "withdrawn"]));
    asking.decide(&faked.client, "allow").await.problem_code(409, "task_ended");
    let task = next["task"]["id"].as_str().unwrap();
    faked.client.wait_for_status(&asking.session, task, "succeeded").await;
    assert_eq!(faked.client.answer_of(&asking.session, task).await.unwrap()["content"], "You said: hello");
    // The agent gets a response to its request, as the protocol requires.
    let received = faked.fake.received("fake");
    assert!(received.iter().any(|message| message["result"]["outcome"]["outcome"] == "cancelled"), "{received:?}");
}

#[tokio::test]
async fn a_turn_without_text_after_a_rejection_succeeds() {
    let faked = Faked::start("", "permission = 'reject'", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let asked = faked.client.ask(&session, "gated").await;

    let reply = &asked["reply"];
    assert_eq!(
        json!([asked["task"]["status"], reply["finish_reason"], reply["content"]]),
        json!(["succeeded", "empty", ""])
    );
    let task = faked.client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
    assert_eq!(json!([task["steps"][0]["kind"], task["steps"][0]["status"]]), json!(["tool", "rejected"]), "{task}");
}

#[tokio::test]
async fn rejects_an_undecided_request_after_its_time_limit() {
    let faked =
        Faked::start("", "permission = 'ask'\npermission_timeout_s = 3\nidle_timeout_s = 1", |builder| builder).await;

    let asked = faked.ask("ask").await;

    assert_eq!(asked["reply"]["content"], "outcome: selected reject_once");
}

#[tokio::test]
async fn a_turn_that_waits_for_a_decision_can_be_cancelled() {
    let faked = Faked::start("", "permission = 'ask'", |builder| builder).await;
    let asking = Asking::start(&faked.client, "ask").await;

    faked.client.cancel(&asking.session, &asking.task).await.ok(202);

    faked.client.wait_for_status(&asking.session, &asking.task, "cancelled").await;
    asking.decide(&faked.client, "allow").await.problem_code(409, "task_ended");
    assert_eq!(faked.client.ask(&asking.session, "hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn a_crash_of_the_agent_cancels_its_request() {
    let faked = Faked::start("", "permission = 'ask'\nmax_attempts = 1", |builder| builder).await;
    let asking = Asking::start(&faked.client, "ask_and_die").await;

    let ended = faked.client.wait_for_end(&asking.session, &asking.task).await;

    assert_eq!(json!([ended["status"], ended["error"]["code"]]), json!(["failed", "agent_crashed"]));
    let of = |kind: &str| ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == kind).unwrap().clone();
    assert_eq!(json!([of("tool")["status"], of("permission")["status"]]), json!(["rejected", "rejected"]));
    assert_eq!(of("permission")["detail"]["decided_by"], "withdrawn");
    asking.decide(&faked.client, "allow").await.problem_code(409, "task_ended");
}

/// A turn whose agent waits for a decision.
struct Asking {
    session: String,
    task: String,
    /// The step of the request.
    step: Value,
}

impl Asking {
    async fn start(client: &Client, prompt: &str) -> Self {
        let session = client.create_session("fake").await;
        let task = client.send(&session, prompt).await.task_id;
        let step = Self::wanted(client, &session, &task, None).await;
        Self { session, task, step }
    }

    /// Returns the open request, other than a known one.
    async fn wanted(client: &Client, session: &str, task: &str, known: Option<&str>) -> Value {
        eventually("a request for permission", async || {
            let task = client.task(session, task).await;
            let steps = task["steps"].as_array()?.clone();
            steps.into_iter().find(|step| {
                step["kind"] == "permission"
                    && step["status"] == "pending"
                    && step["detail"]["request_id"].as_str() != known
            })
        })
        .await
    }

    fn request(&self) -> &str {
        self.step["detail"]["request_id"].as_str().unwrap()
    }

    async fn decide(&self, client: &Client, decision: &str) -> Reply {
        self.answer(client, &json!({"decision": decision})).await
    }

    async fn select(&self, client: &Client, option: &str) -> Reply {
        self.answer(client, &json!({"option_id": option})).await
    }

    async fn answer(&self, client: &Client, answer: &Value) -> Reply {
        let path = format!("/v1/chat/{}/tasks/{}/permissions/{}", self.session, self.task, self.request());
        client.post(&path, answer).await
    }
}

/// Starts two apis and a worker, each as a process.
async fn apart(more: &str, change: impl FnOnce(Builder) -> Builder) -> Faked {
    let more = format!("permission = 'ask'\n{more}");
    Faked::start("", &more, |builder| change(builder.apis(2).env("TASK_LEASE_SECONDS", "2"))).await
}

async fn the_user_decides_at_any_api_once(change: impl FnOnce(Builder) -> Builder) {
    let faked = apart("", change).await;
    let (here, there) = (faked.app.client_of(0), faked.app.client_of(1));
    let mut stream = here.events(USER_EVENTS).await;
    stream.expect("hello").await;

    for (decision, status, expected) in [
        ("allow", "succeeded", "outcome: selected allow_once"),
        ("reject", "rejected", "outcome: selected reject_once"),
    ] {
        let asking = Asking::start(&here, "ask").await;
        assert_eq!(json!([asking.step["title"], asking.step["tool_call_id"]]), json!(["Delete everything", "p"]));
        let is = |event: &Event, kind: &str, status: &str| {
            let step = &event.data["step"];
            event.kind == "task.step"
                && event.data["task_id"] == asking.task.as_str()
                && step["kind"] == kind
                && step["status"] == status
        };
        let seen = stream.read_until("the question", |event| is(event, "permission", "pending")).await;
        assert!(seen.iter().any(|event| is(event, "tool", "pending")), "its tool is pending: {seen:?}");

        asking.decide(&there, decision).await.ok_status(204);

        stream.read_until("the decision", |event| is(event, "permission", status)).await;
        for client in [&here, &there] {
            asking.decide(client, "allow").await.problem(409);
        }
        here.wait_for_status(&asking.session, &asking.task, "succeeded").await;
        assert_eq!(here.answer_of(&asking.session, &asking.task).await.unwrap()["content"], expected);
        let task = here.task(&asking.session, &asking.task).await;
        let tool = task["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "tool").unwrap().clone();
        assert_eq!(tool["status"], status, "{tool}");
    }
}

async fn a_request_that_nobody_decides_expires(change: impl FnOnce(Builder) -> Builder) {
    let faked = apart("permission_timeout_s = 2", change).await;
    let there = faked.app.client_of(1);
    let asking = Asking::start(&faked.client, "ask").await;

    let ended = there.wait_for_status(&asking.session, &asking.task, "succeeded").await;

    let permission = ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap();
    assert_eq!(json!([permission["status"], permission["detail"]["decided_by"]]), json!(["rejected", "time_limit"]));
    let answer = there.answer_of(&asking.session, &asking.task).await.unwrap();
    assert_eq!(answer["content"], "outcome: selected reject_once");
    asking.decide(&there, "allow").await.problem(409);
}

async fn only_the_owner_decides(change: impl FnOnce(Builder) -> Builder) {
    let faked = apart("", |builder| change(builder.env("AUTH", "required"))).await;
    let ann = faked.app.client_for("ann", "member").await;
    let bob = faked.app.client_for("bob", "admin").await;
    let watcher = faked.app.client_for("ann", "viewer").await;
    let asking = Asking::start(&ann, "ask").await;

    asking.decide(&bob, "allow").await.problem(404);
    asking.decide(&watcher, "allow").await.problem(403);
    asking.decide(&faked.app.client_of(1), "allow").await.problem(401);

    let there = ann.at(faked.app.client_of(1).address());
    asking.decide(&there, "reject").await.ok_status(204);
    ann.wait_for_status(&asking.session, &asking.task, "succeeded").await;
    let answer = ann.answer_of(&asking.session, &asking.task).await.unwrap();
    assert_eq!(answer["content"], "outcome: selected reject_once");
}

async fn a_request_of_a_worker_that_is_killed_expires_and_the_next_one_asks_anew(
    change: impl FnOnce(Builder) -> Builder,
) {
    let mut faked = apart("", change).await;
    let there = faked.app.client_of(1);
    let old = Asking::start(&faked.client, "ask").await;

    faked.app.replace_worker(0);

    let known = Some(old.request());
    let step = Asking::wanted(&faked.client, &old.session, &old.task, known).await;
    let new = Asking { session: old.session.clone(), task: old.task.clone(), step };
    old.decide(&there, "allow").await.problem_code(409, "permission_expired");
    new.decide(&there, "allow").await.ok_status(204);
    let ended = there.wait_for_status(&new.session, &new.task, "succeeded").await;
    assert_eq!(ended["attempt"], 2, "{ended}");
    let answer = there.answer_of(&new.session, &new.task).await.unwrap();
    assert_eq!(answer["content"], "outcome: selected allow_once");
    old.decide(&there, "allow").await.problem_code(409, "task_ended");
}

/// Checks that apply with both relays.
macro_rules! with_both_relays {
    ($($name:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test] async fn $name() { super::$name(|builder| builder).await; })+
        }

        mod redis {
            $(#[tokio::test] async fn $name() { super::$name(banter_tests::app::Builder::redis).await; })+
        }
    };
}

with_both_relays!(
    the_user_decides_at_any_api_once,
    a_request_that_nobody_decides_expires,
    only_the_owner_decides,
    a_request_of_a_worker_that_is_killed_expires_and_the_next_one_asks_anew,
);
