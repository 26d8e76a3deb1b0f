//! Tests for classifying prompt results as answers or failures.

use serde_json::json;

use super::*;

fn text(text: &str) -> Value {
    json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})
}

fn notice(severity: &str, title: &str) -> Value {
    json!({"sessionUpdate": "notice", "severity": severity, "title": title})
}

fn tool() -> Value {
    json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Run"})
}

fn classified(result: &Value, updates: Vec<Value>) -> Result<FinishReason, (ErrorCode, String)> {
    let mut mapper = UpdateMapper::default();
    for update in updates {
        mapper.update(update, &mut Vec::new());
    }
    let answer = to_answer(result, &mapper, str::to_owned);
    answer.map(|answer| answer.finish_reason).map_err(|error| (error.code, error.message))
}

#[test]
fn maps_results_to_finish_reasons_and_errors() {
    let stop = || Ok(FinishReason::Stop);
    let failed = |words: &str| Err((ErrorCode::AgentError, words.to_owned()));
    let reason = |reason: &str| json!({"stopReason": reason});
    let nothing = || {
        let message = "The agent ended its turn without an answer or a stop reason.";
        Err((ErrorCode::AgentProtocol, message.to_owned()))
    };
    let table = [
        (reason("end_turn"), vec![text("Yes")], stop()),
        (reason("end_turn"), vec![], stop()),
        (reason("max_tokens"), vec![], Ok(FinishReason::Length)),
        (reason("max_turn_requests"), vec![text("Yes")], Ok(FinishReason::Length)),
        (reason("refusal"), vec![notice("error", "No")], Ok(FinishReason::Refusal)),
        (reason("maxTokens"), vec![text("Yes")], Ok(FinishReason::Length)),
        (reason("MAX_TOKENS"), vec![text("Yes")], Ok(FinishReason::Length)),
        (reason("length"), vec![text("Yes")], Ok(FinishReason::Length)),
        (reason("token_limit"), vec![text("Yes")], Ok(FinishReason::Length)),
        (json!({"stop_reason": "max_tokens"}), vec![text("Yes")], Ok(FinishReason::Length)),
        (reason("Refusal"), vec![], Ok(FinishReason::Refusal)),
        (reason("content_filter"), vec![], Ok(FinishReason::Refusal)),
        (reason("endTurn"), vec![text("Yes")], stop()),
        (reason("cancelled"), vec![], failed("The agent stopped. Reason: “cancelled”.")),
        (reason("canceled"), vec![text("Half")], failed("The agent stopped. Reason: “canceled”.")),
        (reason("budget_exceeded"), vec![text("Half")], failed("The agent stopped. Reason: “budget_exceeded”.")),
        (reason("interrupted"), vec![text("Half")], failed("The agent stopped. Reason: “interrupted”.")),
        (reason("killed"), vec![text("Half")], failed("The agent stopped. Reason: “killed”.")),
        (reason("network"), vec![text("Half")], failed("The agent stopped. Reason: “network”.")),
        (reason("incomplete"), vec![text("Half")], failed("The agent stopped. Reason: “incomplete”.")),
        (
            reason("aborted"),
            vec![text("Paris is the capital of France.")],
            failed("The agent stopped. Reason: “aborted”."),
        ),
        (
            reason("aborted"),
            vec![notice("info", "Using a small model"), text("Paris")],
            failed("The agent stopped. Reason: “aborted”."),
        ),
        (
            reason("rate_limited"),
            vec![text("Paris is the capital of France.")],
            Err((ErrorCode::AgentRateLimited, "The agent stopped. Reason: “rate_limited”.".to_owned())),
        ),
        (
            reason("error"),
            vec![text("GitHub says: rate limit reached, try again in 3 hours.")],
            failed("The agent stopped. Reason: “error”."),
        ),
        (
            reason("error"),
            vec![text("If the token has expired, please run /login again.")],
            failed("The agent stopped. Reason: “error”."),
        ),
        (reason("tea_time"), vec![text("Yes")], stop()),
        (reason("tea_time"), vec![], stop()),
        (json!({"stopReason": 17}), vec![text("Yes")], stop()),
        (json!({}), vec![text("Yes")], stop()),
        (json!({}), vec![tool()], stop()),
        (Value::Null, vec![text("Yes")], stop()),
        (json!({}), vec![], nothing()),
        (Value::Null, vec![], nothing()),
        (json!({}), vec![notice("info", "Model not found")], failed("Model not found")),
        (reason("error"), vec![notice("info", "Model not found")], failed("Model not found")),
        (reason("error"), vec![json!({"sessionUpdate": "error", "message": "Broken"})], failed("Broken")),
        (reason("error"), vec![json!({"sessionUpdate": "error", "error": {"message": "Broken"}})], failed("Broken")),
        (reason("error"), vec![json!({"sessionUpdate": "agent_warning", "content": {"text": "Odd"}})], failed("Odd")),
        (reason("error"), vec![text("API Error: the model is gone")], failed("API Error: the model is gone")),
        (reason("error"), vec![], failed("The agent stopped. Reason: “error”.")),
        (
            reason("internal-error"),
            vec![text(&"long ".repeat(500))],
            failed("The agent stopped. Reason: “internal-error”."),
        ),
        (reason("model_failure"), vec![], failed("The agent stopped. Reason: “model_failure”.")),
        (json!({"stopReason": "error", "message": "Out of memory"}), vec![], failed("Out of memory")),
        (json!({"stopReason": "error", "_meta": {"x": {"detail": 1}, "message": "Bad"}}), vec![], failed("Bad")),
        (json!({"stopReason": "end_turn", "_meta": {"error": "It broke"}}), vec![text("Half")], failed("It broke")),
        (json!({"stopReason": "end_turn", "_meta": {"error": {"message": "It broke"}}}), vec![], failed("It broke")),
        (json!({"stopReason": "end_turn", "_meta": {"error": null, "message": "fine"}}), vec![text("Yes")], stop()),
        (reason("end_turn"), vec![notice("error", "Model not found")], failed("Model not found")),
        (reason("end_turn"), vec![notice("error", "A hook failed"), text("Yes")], stop()),
        (reason("end_turn"), vec![notice("warning", "Slow")], stop()),
        (
            reason("error"),
            vec![notice("error", "usage limit reached, resets 3pm")],
            Err((ErrorCode::AgentRateLimited, "usage limit reached, resets 3pm".to_owned())),
        ),
        (
            reason("error"),
            vec![text("prompt is too long")],
            Err((ErrorCode::ContextOverflow, "prompt is too long".to_owned())),
        ),
    ];
    for (result, updates, expected) in table {
        assert_eq!(classified(&result, updates.clone()), expected, "{result} {updates:?}");
    }
}

#[test]
fn accepts_a_cancellation_after_a_rejected_permission() {
    let mut mapper = UpdateMapper::default();
    mapper.record_rejection();

    let answer = to_answer(&json!({"stopReason": "cancelled"}), &mapper, str::to_owned).unwrap();

    assert_eq!(answer.finish_reason, FinishReason::Stop);
}

#[test]
fn reports_usage_only_if_both_counts_are_known() {
    let usage = |usage: Value| {
        let result = json!({"stopReason": "end_turn", "usage": usage});
        to_answer(&result, &UpdateMapper::default(), str::to_owned).unwrap().usage
    };

    let both = usage(json!({"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}));

    assert_eq!(both, Some(Usage { input_tokens: 3, output_tokens: 4 }));
    assert_eq!(usage(json!({"inputTokens": 3})), None);
    assert_eq!(usage(json!({"inputTokens": "three", "outputTokens": 4})), None);
    assert_eq!(usage(Value::Null), None);
}
