//! Large messages.

use serde_json::json;

use super::{Row, end, play};

fn rows() -> Vec<Row> {
    let diff = r#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"$S","update":{"sessionUpdate":"tool_call_update","content":[{"type":"diff","path":"/a","newText":"$BIG"}],"toolCallId":"t","title":"Edit","status":"completed"}}}"#;
    let edited = json!([["tool", "Edit", "succeeded"]]);
    let big = |bytes: usize| json!([{"say": "a"}, {"line": diff, "big": bytes}, {"say": "b"}, end()]);
    let response = r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn","x":"$BIG"}}"#;
    vec![
        Row::answers("a diff of 1.4 MB", big(1_400_000), "a\n\nb").with_steps(edited.clone()),
        Row::answers("a diff of 32 MB", big(32 << 20), "a\n\nb").with_steps(edited),
        Row::answers("an update that is too long", big(65 << 20), "a\n\nb").with_steps(json!([[
            "notice",
            "Part of the agent's output could not be read.",
            "succeeded"
        ]])),
        Row::answers("a response of 5 MB", json!([{"say": "a"}, {"line": response, "big": 5 << 20}]), "a"),
        Row::fails(
            "a response that is too long",
            json!([{"say": "a"}, {"line": response, "big": 65 << 20}]),
            "a",
            "agent_protocol",
            "The agent sent a response that is too long.",
        ),
        Row::answers("25 000 updates", json!([{"say": "word ", "times": 25_000}, end()]), "word ".repeat(25_000)),
        Row::answers(
            "100 000 updates that are not text",
            json!([{"say": "a"}, {"line": r#"{"method":"session/update","params":{"sessionId":"$S","update":{"sessionUpdate":"usage_update","used":1}}}"#, "times": 100_000}, {"say": "b"}, end()]),
            "ab",
        ),
    ]
}

#[tokio::test]
async fn accepts_large_messages() {
    play(rows()).await;
}
