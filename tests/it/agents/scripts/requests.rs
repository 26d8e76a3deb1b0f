//! Requests from the agent.

use serde_json::{Value, json};

use super::{Row, end, play, request};

/// Returns rows in which each request is answered immediately and the agent then sends the response's outcome or error
/// code as text.
fn rows() -> Vec<Row> {
    let options = json!([{"optionId": "y", "name": "Yes", "kind": "allow_once"}]);
    let with = |id: &Value, parameters: Value| json!([request(id, &parameters), end()]);
    let call = json!({"toolCallId": "t", "title": "Run"});
    let line = |text: &str| json!([{"ask": {"id": 5, "line": text}}, end()]);
    let selected = r#"{"optionId": "y", "outcome": "selected"}"#;
    let ran = json!([["tool", "Run", "succeeded"]]);
    let all = |tool_call: &Value| json!({"sessionId": "$S", "toolCall": tool_call, "options": options});
    vec![
        Row::answers("an id of text", with(&json!("a-1"), all(&call)), selected).with_steps(ran.clone()),
        Row::answers("an id with a fraction", with(&json!(1.5), all(&call)), selected).with_steps(ran.clone()),
        Row::answers("without a tool call", with(&json!(5), json!({"sessionId": "$S", "options": options})), selected),
        Row::answers("without options", with(&json!(5), json!({"sessionId": "$S", "toolCall": call})), "-32602"),
        Row::answers("options that are null", with(&json!(5), json!({"sessionId": "$S", "options": null})), "-32602"),
        Row::answers("no parameters", with(&json!(5), Value::Null), "-32602"),
        Row::answers(
            "for another session",
            with(&json!(5), json!({"sessionId": "other", "options": options})),
            r#"{"outcome": "cancelled"}"#,
        ),
        Row::answers(
            "an unknown method",
            json!([{"ask": {"jsonrpc": "2.0", "id": 5, "method": "fs/read_text_file", "params": {"path": "/"}}}, end()]),
            "-32601",
        ),
        Row::answers(
            "that cannot be parsed",
            line(r#"{"jsonrpc":"2.0","id":5,"method":"x","params":{"a":}}"#),
            "-32700",
        ),
        Row::answers("a method that is a number", line(r#"{"jsonrpc":"2.0","id":5,"method":7}"#), "-32600"),
    ]
}

#[tokio::test]
async fn answers_every_request_of_an_agent() {
    play(rows()).await;
}
