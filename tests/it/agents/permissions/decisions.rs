//! Permission requests that a user answers, or that end without an answer.

use serde_json::json;

use super::{Faked, PendingRequest};

const DATABASES: &str = r#"choose [
    {"optionId": "db-1", "name": "SQLite", "kind": "allow_once"},
    {"optionId": "db-2", "name": "PostgreSQL", "kind": "allow_once"},
    {"optionId": "db-3", "name": "Keep both", "kind": "allow_once"}]"#;

#[tokio::test]
async fn offers_every_option_and_returns_the_selected_one() {
    for policy in ["ask", "allow"] {
        let faked = Faked::start("", &format!("permission = '{policy}'"), |builder| builder).await;
        let pending = PendingRequest::start(&faked.client, DATABASES).await;
        assert_eq!(
            pending.step["detail"]["options"],
            json!([
                {"option_id": "db-1", "name": "SQLite", "kind": "allow_once"},
                {"option_id": "db-2", "name": "PostgreSQL", "kind": "allow_once"},
                {"option_id": "db-3", "name": "Keep both", "kind": "allow_once"},
            ])
        );
        let unclear = pending.decide(&faked.client, "allow").await.problem_code(422, "option_required");
        assert!(unclear["detail"].as_str().unwrap().contains("`db-1`, `db-2`, `db-3`"), "{unclear}");
        let unknown = pending.select(&faked.client, "db-4").await.problem_code(422, "unknown_option");
        assert_eq!(unknown["errors"][0]["field"], "option_id", "{unknown}");

        pending.select(&faked.client, "db-2").await.ok_status(204);

        pending.select(&faked.client, "db-1").await.problem_code(409, "permission_answered");
        let ended = faked.client.wait_for_status(&pending.session, &pending.task, "succeeded").await;
        let answer = faked.client.answer_of(&pending.session, &pending.task).await.unwrap();
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
    let pending = PendingRequest::start(&faked.client, DATABASES).await;

    pending.decide(&faked.client, "reject").await.ok_status(204);

    let ended = faked.client.wait_for_status(&pending.session, &pending.task, "succeeded").await;
    let answer = faked.client.answer_of(&pending.session, &pending.task).await.unwrap();
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
        let pending = PendingRequest::start(&faked.client, &format!("ask {kinds}")).await;
        let offered: Vec<&str> = kinds.split(' ').collect();
        let shown = pending.step["detail"]["options"].as_array().unwrap();
        assert_eq!(shown.iter().map(|option| option["kind"].as_str().unwrap()).collect::<Vec<_>>(), offered);

        pending.select(&faked.client, selected).await.ok_status(204);

        let ended = faked.client.wait_for_status(&pending.session, &pending.task, "succeeded").await;
        let answer = faked.client.answer_of(&pending.session, &pending.task).await.unwrap();
        let index: usize = selected.trim_start_matches("id-").parse().unwrap();
        assert_eq!(answer["content"], format!("outcome: selected {}", offered[index]));
        let step = ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap().clone();
        assert_eq!(step["status"], status);
    }
}

#[tokio::test]
async fn an_interrupting_message_cancels_the_request() {
    let faked = Faked::start("", "permission = 'ask'", |builder| builder).await;
    let pending = PendingRequest::start(&faked.client, "ask").await;

    let next = faked.client.send_on_busy(&pending.session, "hello", "interrupt").await.ok(202);

    let ended = faked.client.wait_for_status(&pending.session, &pending.task, "interrupted").await;
    let permission = ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "permission").unwrap();
    assert_eq!(json!([permission["status"], permission["detail"]["decided_by"]]), json!(["rejected", "withdrawn"]));
    pending.decide(&faked.client, "allow").await.problem_code(409, "task_ended");
    let task = next["task"]["id"].as_str().unwrap();
    faked.client.wait_for_status(&pending.session, task, "succeeded").await;
    assert_eq!(faked.client.answer_of(&pending.session, task).await.unwrap()["content"], "You said: hello");
    // The agent receives a response to its request, as required by the protocol.
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
    let pending = PendingRequest::start(&faked.client, "ask").await;

    faked.client.cancel(&pending.session, &pending.task).await.ok(202);

    faked.client.wait_for_status(&pending.session, &pending.task, "cancelled").await;
    pending.decide(&faked.client, "allow").await.problem_code(409, "task_ended");
    assert_eq!(faked.client.ask(&pending.session, "hello").await["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn a_crash_of_the_agent_cancels_its_request() {
    let faked = Faked::start("", "permission = 'ask'\nmax_attempts = 1", |builder| builder).await;
    let pending = PendingRequest::start(&faked.client, "ask_and_die").await;

    let ended = faked.client.wait_for_end(&pending.session, &pending.task).await;

    assert_eq!(json!([ended["status"], ended["error"]["code"]]), json!(["failed", "agent_crashed"]));
    let of = |kind: &str| ended["steps"].as_array().unwrap().iter().find(|step| step["kind"] == kind).unwrap().clone();
    assert_eq!(json!([of("tool")["status"], of("permission")["status"]]), json!(["rejected", "rejected"]));
    assert_eq!(of("permission")["detail"]["decided_by"], "withdrawn");
    pending.decide(&faked.client, "allow").await.problem_code(409, "task_ended");
}
