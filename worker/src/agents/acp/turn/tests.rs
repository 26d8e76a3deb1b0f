//! What can be said of a turn without an agent.

use agent_client_protocol::v1::schema::RequestPermissionRequest;
use serde_json::json;

use super::*;

fn request(kinds: &[&str]) -> RequestPermissionRequest {
    let options: Vec<Value> =
        kinds.iter().map(|kind| json!({"optionId": "0", "name": format!("It {kind}"), "kind": kind})).collect();
    serde_json::from_value(json!({"sessionId": "s", "toolCall": {"toolCallId": "t"}, "options": options})).unwrap()
}

fn offered(kinds: &[&str]) -> Vec<(PermissionDecision, String)> {
    options(&request(kinds)).into_iter().map(|option| (option.decision, option.name)).collect()
}

#[test]
fn every_reason_to_stop_is_an_end() {
    for (reason, expected) in [
        (json!("end_turn"), FinishReason::Stop),
        (json!("max_tokens"), FinishReason::Length),
        (json!("max_turn_requests"), FinishReason::Length),
        (json!("refusal"), FinishReason::Refusal),
        // The agent's own idea: we did not stop it.
        (json!("cancelled"), FinishReason::Stop),
        (json!("tea_time"), FinishReason::Stop),
        (json!(17), FinishReason::Stop),
    ] {
        assert_eq!(answer(&json!({"stopReason": reason})).finish_reason, expected, "{reason}");
    }
    assert_eq!(answer(&Value::Null), Answer { finish_reason: FinishReason::Stop, usage: None });
}

#[test]
fn tokens_are_told_only_if_both_are_known() {
    let usage = |usage: Value| answer(&json!({"stopReason": "end_turn", "usage": usage})).usage;

    let told = usage(json!({"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}));

    assert_eq!(told, Some(Usage { input_tokens: 3, output_tokens: 4 }));
    assert_eq!(usage(json!({"inputTokens": 3})), None);
    assert_eq!(usage(json!({"inputTokens": "three", "outputTokens": 4})), None);
    assert_eq!(usage(Value::Null), None);
}

#[test]
fn the_user_is_offered_each_decision_once_and_nothing_for_good() {
    let (allow, reject) = (PermissionDecision::Allow, PermissionDecision::Reject);

    assert_eq!(
        offered(&["allow_always", "reject_once", "allow_once", "allow_once", "reject_always"]),
        [(reject, "It reject_once".to_owned()), (allow, "It allow_once".to_owned())]
    );
    assert_eq!(offered(&["reject_once"]), [(reject, "It reject_once".to_owned())]);
    assert_eq!(offered(&["allow_always", "reject_always"]), []);
}

#[test]
fn the_name_of_an_answer_is_no_novel() {
    let mut long = request(&["allow_once"]);
    long.options[0].name = "é".repeat(5000);

    assert_eq!(options(&long)[0].name, "é".repeat(MAX_OPTION_CHARS));
}
