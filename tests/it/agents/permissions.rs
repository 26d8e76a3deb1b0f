//! Agents that ask before they act.

use banter_tests::wait::eventually;
use serde_json::{Value, json};

use super::Faked;

#[tokio::test]
async fn the_policy_decides_for_this_once_and_never_for_always() {
    for (policy, expected) in [
        ("permission = 'allow'", "outcome: selected allow_once"),
        ("permission = 'reject'", "outcome: selected reject_once"),
        ("", "outcome: selected reject_once"),
    ] {
        let faked = Faked::start("", policy, |builder| builder).await;

        let asked = faked.ask("ask").await;

        assert_eq!(asked["reply"]["content"], expected, "{policy}");
        let cancelled = faked.ask("ask allow_always reject_always").await;
        assert_eq!(cancelled["reply"]["content"], "outcome: cancelled", "only what is for once is chosen");
    }
}

/// The permission step of a task that waits for a decision.
async fn wanted(faked: &Faked, session: &str, task: &str) -> Value {
    eventually("a request for permission", async || {
        let task = faked.client.task(session, task).await;
        let steps = task["steps"].as_array()?.clone();
        steps.into_iter().find(|step| step["kind"] == "permission" && step["status"] == "pending")
    })
    .await
}

#[tokio::test]
async fn the_user_decides() {
    let faked = Faked::start("", "permission = 'ask'", |builder| builder).await;

    for (decision, expected) in [("allow", "outcome: selected allow_once"), ("reject", "outcome: selected reject_once")]
    {
        let session = faked.client.create_session("fake").await;
        let sent = faked.client.send(&session, "ask").await;
        let step = wanted(&faked, &session, &sent.task_id).await;
        assert_eq!(json!([step["title"], step["tool_call_id"]]), json!(["Delete everything", "p"]));
        let request = step["detail"]["request_id"].as_str().unwrap();
        let path = format!("/v1/chat/{session}/tasks/{}/permissions/{request}", sent.task_id);

        faked.client.post(&path, &json!({"decision": decision})).await.ok_status(204);

        faked.client.wait_for_status(&session, &sent.task_id, "succeeded").await;
        let answer = faked.client.answer_of(&session, &sent.task_id).await.unwrap();
        assert_eq!(answer["content"], expected);
    }
}

#[tokio::test]
async fn a_user_who_does_not_decide_says_no() {
    let faked =
        Faked::start("", "permission = 'ask'\npermission_timeout_s = 1\nidle_timeout_s = 1", |builder| builder).await;

    let asked = faked.ask("ask").await;

    assert_eq!(asked["reply"]["content"], "outcome: selected reject_once");
}

#[tokio::test]
async fn a_stop_while_the_agent_waits_ends_the_turn() {
    let faked = Faked::start("", "permission = 'ask'", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let sent = faked.client.send(&session, "ask").await;
    wanted(&faked, &session, &sent.task_id).await;

    faked.client.cancel(&session, &sent.task_id).await.ok(202);

    faked.client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    assert_eq!(faked.client.ask(&session, "hello").await["reply"]["content"], "You said: hello");
}
