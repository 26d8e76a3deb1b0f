//! What can be said of a turn without an agent.

use serde_json::json;

use super::*;

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
