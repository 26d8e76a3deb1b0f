//! Permission requests and decisions that must reach other processes, with and without Redis.

use banter_tests::{
    app::Builder,
    sse::{Event, USER_EVENTS},
};
use serde_json::json;

use super::{Faked, PendingRequest};

/// Starts two apis and a worker, with an agent whose permission requests a user answers.
async fn start_two_apis(more: &str, change: impl FnOnce(Builder) -> Builder) -> Faked {
    let more = format!("permission = 'ask'\n{more}");
    Faked::start("", &more, |builder| change(builder.apis(2).env("TASK_LEASE_SECONDS", "2"))).await
}

async fn a_user_decides_once_at_any_api(change: impl FnOnce(Builder) -> Builder) {
    let faked = start_two_apis("", change).await;
    let (here, there) = (faked.app.client_of(0), faked.app.client_of(1));
    let mut stream = here.events(USER_EVENTS).await;
    stream.expect("hello").await;

    for (decision, status, expected) in [
        ("allow", "succeeded", "outcome: selected allow_once"),
        ("reject", "rejected", "outcome: selected reject_once"),
    ] {
        let pending = PendingRequest::start(&here, "ask").await;
        assert_eq!(json!([pending.step["title"], pending.step["tool_call_id"]]), json!(["Delete everything", "p"]));
        let is = |event: &Event, kind: &str, status: &str| {
            let step = &event.data["step"];
            event.kind == "task.step"
                && event.data["task_id"] == pending.task.as_str()
                && step["kind"] == kind
                && step["status"] == status
        };
        let seen = stream.read_until("the question", |event| is(event, "permission", "pending")).await;
        assert!(seen.iter().any(|event| is(event, "tool", "pending")), "the tool is pending: {seen:?}");

        pending.decide(&there, decision).await.ok_status(204);

        stream.read_until("the decision", |event| is(event, "permission", status)).await;
        for client in [&here, &there] {
            pending.decide(client, "allow").await.problem(409);
        }
        here.wait_for_status(&pending.session, &pending.task, "succeeded").await;
        assert_eq!(here.answer_of(&pending.session, &pending.task).await.unwrap()["content"], expected);
        let task = here.task(&pending.session, &pending.task).await;
        let tool = task["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "tool").unwrap().clone();
        assert_eq!(tool["status"], status, "{tool}");
    }
}

async fn an_undecided_request_expires(change: impl FnOnce(Builder) -> Builder) {
    let faked = start_two_apis("permission_timeout_s = 2", change).await;
    let there = faked.app.client_of(1);
    let pending = PendingRequest::start(&faked.client, "ask").await;

    let ended = there.wait_for_status(&pending.session, &pending.task, "succeeded").await;

    let permission = ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap();
    assert_eq!(json!([permission["status"], permission["detail"]["decided_by"]]), json!(["rejected", "time_limit"]));
    let answer = there.answer_of(&pending.session, &pending.task).await.unwrap();
    assert_eq!(answer["content"], "outcome: selected reject_once");
    pending.decide(&there, "allow").await.problem(409);
}

async fn only_the_owner_decides(change: impl FnOnce(Builder) -> Builder) {
    let faked = start_two_apis("", |builder| change(builder.env("AUTH", "required"))).await;
    let ann = faked.app.client_for("ann", "member").await;
    let bob = faked.app.client_for("bob", "admin").await;
    let watcher = faked.app.client_for("ann", "viewer").await;
    let pending = PendingRequest::start(&ann, "ask").await;

    pending.decide(&bob, "allow").await.problem(404);
    pending.decide(&watcher, "allow").await.problem(403);
    pending.decide(&faked.app.client_of(1), "allow").await.problem(401);

    let there = ann.at(faked.app.client_of(1).address());
    pending.decide(&there, "reject").await.ok_status(204);
    ann.wait_for_status(&pending.session, &pending.task, "succeeded").await;
    let answer = ann.answer_of(&pending.session, &pending.task).await.unwrap();
    assert_eq!(answer["content"], "outcome: selected reject_once");
}

async fn a_request_of_a_killed_worker_expires_and_the_next_attempt_requests_again(
    change: impl FnOnce(Builder) -> Builder,
) {
    let mut faked = start_two_apis("", change).await;
    let there = faked.app.client_of(1);
    let old = PendingRequest::start(&faked.client, "ask").await;

    faked.app.replace_worker(0);

    let known = Some(old.request());
    let step = PendingRequest::wait_for(&faked.client, &old.session, &old.task, known).await;
    let new = PendingRequest { session: old.session.clone(), task: old.task.clone(), step };
    old.decide(&there, "allow").await.problem_code(409, "permission_expired");
    new.decide(&there, "allow").await.ok_status(204);
    let ended = there.wait_for_status(&new.session, &new.task, "succeeded").await;
    assert_eq!(ended["attempt"], 2, "{ended}");
    let answer = there.answer_of(&new.session, &new.task).await.unwrap();
    assert_eq!(answer["content"], "outcome: selected allow_once");
    old.decide(&there, "allow").await.problem_code(409, "task_ended");
}

/// Defines tests that run both with and without Redis.
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
    a_user_decides_once_at_any_api,
    an_undecided_request_expires,
    only_the_owner_decides,
    a_request_of_a_killed_worker_expires_and_the_next_attempt_requests_again,
);
