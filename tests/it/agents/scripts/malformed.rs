//! Malformed text and malformed lines.

use serde_json::json;

use super::{Row, chunk_line, end, play, update};

fn rows() -> Vec<Row> {
    let tool = r#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"$S","update":{"sessionUpdate":"tool_call","toolCallId":"t","title":"Look \ud83d","status":"completed","content":[{"type":"content","content":{"type":"text","text":"a\udf89"}}]}}}"#;
    vec![
        Row::answers("an emoji in two halves", json!([chunk_line(r"a\ud83c"), chunk_line(r"\udf89b"), end()]), "a🎉b"),
        Row::answers("half an emoji", json!([chunk_line(r"a\ud83c"), {"say": "b"}, end()]), "a\u{fffd}b"),
        Row::answers("half an emoji at the end", json!([chunk_line(r"a\ud83c"), end()]), "a\u{fffd}"),
        Row::answers("half an emoji in a title", json!([{"line": tool}, end()]), "").with_steps(json!([[
            "tool",
            "Look \u{fffd}",
            "succeeded"
        ]])),
        Row::answers("raw control characters", json!([chunk_line("a\tb\u{1}"), end()]), "a\tb\u{1}"),
        Row::answers(
            "a byte order mark",
            json!([{"line": format!("\u{feff}{}", chunk_line("a")["line"].as_str().unwrap())}, end()]),
            "a",
        ),
        Row::answers(
            "bytes of another encoding",
            json!([{"latin": true, "line": chunk_line("é")["line"]}, end()]),
            "\u{fffd}",
        ),
        Row::answers(
            "a carriage return",
            json!([{"line": format!("{}\r", chunk_line("a")["line"].as_str().unwrap())}, end()]),
            "a",
        ),
        Row::answers(
            "two messages on a line",
            json!([{"line": chunk_line("a")["line"].as_str().unwrap().repeat(2)}, end()]),
            "aa",
        ),
        Row::answers(
            "a batch",
            json!([{"line": format!("[{},5]", chunk_line("a")["line"].as_str().unwrap())}, end()]),
            "a",
        ),
        Row::answers(
            "noise",
            json!([{"line": "Loading…"}, {"line": "{}"}, {"line": "[1,2]"}, {"line": ""}, {"say": "a"}, end()]),
            "a",
        ),
        Row::answers(
            "an update that cannot be parsed",
            json!([{"say": "a"}, chunk_line(r#"b" c"#), {"say": "d"}, end()]),
            "a\n\nd",
        )
        .with_steps(json!([["notice", "Part of the agent's output could not be read.", "succeeded"]])),
        Row::answers(
            "content that is a text",
            json!([update("agent_message_chunk", json!({"content": "a"})), end()]),
            "a",
        ),
        Row::answers(
            "fields of the wrong kind",
            json!([
                update(
                    "agent_message_chunk",
                    json!({"content": {"type": "text", "text": "a"}, "messageId": 5, "_meta": []})
                ),
                update(
                    "tool_call",
                    json!({"toolCallId": 7, "title": "Odd", "kind": {}, "status": 5, "locations": "x"})
                ),
                update("plan", json!({"entries": [{"content": "Do it", "status": "odd"}, 5, "Then this"]})),
                update("hologram", json!({"content": {"type": "text", "text": "WRONG"}})),
                end(),
            ]),
            "a",
        )
        .with_steps(json!([["tool", "Odd", "succeeded"], ["plan", "Plan", "succeeded"]])),
        Row::answers(
            "colors in titles",
            json!([
                update(
                    "tool_call",
                    json!({"toolCallId": "t", "title": "\u{1b}[1;31mRun\u{1b}[0m tests", "status": "completed"})
                ),
                end()
            ]),
            "",
        )
        .with_steps(json!([["tool", "Run tests", "succeeded"]])),
    ]
}

#[tokio::test]
async fn malformed_lines_lose_no_answer() {
    play(rows()).await;
}
