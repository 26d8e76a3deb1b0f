//! Ways to end a turn.

use serde_json::{Value, json};

use super::{Row, play, update};

fn rows() -> Vec<Row> {
    let ends = |result: Value| json!({ "end": result });
    let notice = |severity: &str, title: &str| update("notice", json!({"severity": severity, "title": title}));
    let noticed = |title: &str| json!([["notice", title, "succeeded"]]);
    vec![
        Row::fails(
            "an error and a notice",
            json!([notice("warning", "The model is not available"), ends(json!({"stopReason": "error"}))]),
            "",
            "agent_error",
            "The model is not available",
        )
        .with_steps(noticed("The model is not available")),
        Row::fails(
            "an error without a word",
            json!([ends(json!({"stopReason": "internal_error"}))]),
            "",
            "agent_error",
            "The agent stopped. Reason: “internal_error”.",
        ),
        Row::answers(
            "an unknown reason",
            json!([{"say": "yes"}, ends(json!({"stopReason": "done_for_today"}))]),
            "yes",
        ),
        Row::answers("no reason", json!([{"say": "yes"}, ends(json!({}))]), "yes"),
        Row::answers("no result", json!([{"say": "yes"}, ends(Value::Null)]), "yes"),
        Row::fails(
            "no reason and no answer",
            json!([ends(Value::Null)]),
            "",
            "agent_protocol",
            "The agent ended its turn without an answer or a stop reason.",
        ),
        Row::fails(
            "an error in the metadata",
            json!([{"say": "half"}, ends(json!({"stopReason": "end_turn", "_meta": {"error": "The stream broke"}}))]),
            "half",
            "agent_error",
            "The stream broke",
        ),
        Row::fails(
            "an error with details",
            json!([{"fail": {"code": -32603, "message": "Internal error", "data": {"details": "no space left"}}}]),
            "",
            "agent_error",
            "Internal error: no space left",
        ),
        Row::fails("an error that is a text", json!([{"fail": "no space left"}]), "", "agent_error", "no space left"),
        Row::fails(
            "a context that is full",
            json!([{"fail": {"code": -32603, "message": "prompt is too long: 210000 tokens > 200000 maximum"}}]),
            "",
            "context_overflow",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        Row::fails(
            "a limit with the code of authentication",
            json!([{"fail": {"code": -32000, "message": "usage limit reached"}}]),
            "",
            "agent_rate_limited",
            "usage limit reached",
        ),
        Row::fails(
            "authentication",
            json!([{"fail": {"code": -32000, "message": "Authentication required"}}]),
            "",
            "agent_auth",
            "The agent requires authentication. See “Sign in” in docs/agents.md. The agent says: Authentication required",
        ),
        Row::fails(
            "a response that cannot be parsed",
            json!([{"say": "half"}, {"line": r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":end_turn}}"#}]),
            "half",
            "agent_protocol",
            "The agent sent a response that is not valid JSON.",
        ),
    ]
}

#[tokio::test]
async fn ends_a_turn_as_the_agent_reports() {
    play(rows()).await;
}
