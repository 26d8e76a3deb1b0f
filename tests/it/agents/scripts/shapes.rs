//! Messages in unusual places or shapes.

use serde_json::json;

use super::{Row, chunk_line, end, play};

fn rows() -> Vec<Row> {
    vec![
        Row::answers(
            "a message after other output",
            json!([
                {"line": format!("Loading... {}", chunk_line("a")["line"].as_str().unwrap())},
                {"line": format!("\u{1b}[2K{}", chunk_line("b")["line"].as_str().unwrap())},
                {"line": r#"done! {"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn"}}"#}
            ]),
            "ab",
        ),
        Row::answers(
            "a Python dictionary",
            json!([
                {"line": "{'method': 'session/update', 'params': {'update': {'sessionUpdate': 'agent_message_chunk'}}}"},
                end()
            ]),
            "",
        )
        .with_steps(json!([["notice", "Part of the agent's output could not be read.", "succeeded"]])),
        Row::answers(
            "updates of another shape",
            json!([
                {"write": {"id": null, "method": "session/update", "params": {"sessionId": "$S", "update":
                    {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "a"}}}}},
                {"write": {"method": "session/update", "params": {"sessionId": "$S", "update":
                    [{"sessionUpdate": "agentMessageChunk", "content": {"type": "markdown", "text": "b"}}]}}},
                {"write": {"method": "session/update", "params": {"sessionId": "$S",
                    "type": "agent_message_chunk", "content": {"type": "text", "text": {"value": "c"}}}}},
                {"write": {"id": "$P", "method": null, "result": {"stopReason": "end_turn"}}}
            ]),
            "abc",
        ),
    ]
}

#[tokio::test]
async fn recognizes_messages_in_unusual_places_and_shapes() {
    play(rows()).await;
}
