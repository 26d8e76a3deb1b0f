//! Turns that fail even though they produced text, and errors in unusual places.

use serde_json::{Value, json};

use super::{Row, play};

fn rows() -> Vec<Row> {
    let ends = |result: Value| json!({ "end": result });
    vec![
        Row::fails(
            "a failure after an answer",
            json!([{"say": "Paris is the capital of France."}, ends(json!({"stopReason": "aborted"}))]),
            "Paris is the capital of France.",
            "agent_error",
            "The agent stopped. Reason: “aborted”.",
        ),
        Row::fails(
            "an answer that mentions a limit",
            json!([
                {"say": "GitHub says: rate limit reached, try again in 3 hours."},
                ends(json!({"stopReason": "error"}))
            ]),
            "GitHub says: rate limit reached, try again in 3 hours.",
            "agent_error",
            "The agent stopped. Reason: “error”.",
        ),
        Row::fails(
            "a cancellation by the agent",
            json!([{"say": "half"}, ends(json!({"stopReason": "cancelled"}))]),
            "half",
            "agent_error",
            "The agent stopped. Reason: “cancelled”.",
        ),
        Row::fails(
            "an error with a cause",
            json!([{"fail": {"code": -32603, "message": "Internal error", "data": {"cause": "no space left"}}}]),
            "",
            "agent_error",
            "Internal error: no space left",
        ),
        Row::fails(
            "an error without an id",
            json!([{"write": {"jsonrpc": "2.0", "error": {"code": -32603, "message": "no space left"}}}]),
            "",
            "agent_error",
            "no space left",
        ),
    ]
}

#[tokio::test]
async fn reports_the_reason_for_a_failed_turn() {
    play(rows()).await;
}
