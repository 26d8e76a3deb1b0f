//! Peculiarities of ACP agents. Each row is a script of what the agent writes in a turn (see `play` in
//! `fake_agent/acts.py`) and the expected outcome. A new peculiarity is a new row.

use banter_tests::client::Client;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::Faked;

/// Number of concurrent turns.
const AT_ONCE: usize = 4;

struct Row {
    name: &'static str,
    script: Value,
    status: &'static str,
    /// The text of the answer.
    text: String,
    /// The code and the message of the error.
    error: Value,
    /// Kind, title, and status of the steps.
    steps: Value,
}

impl Row {
    fn answers(name: &'static str, script: Value, text: impl Into<String>) -> Self {
        let (error, steps) = (json!([null, null]), json!([]));
        Self { name, script, status: "succeeded", text: text.into(), error, steps }
    }

    fn fails(name: &'static str, script: Value, text: &str, code: &str, message: &str) -> Self {
        Self { status: "failed", error: json!([code, message]), ..Self::answers(name, script, text) }
    }

    fn with_steps(self, steps: Value) -> Self {
        Self { steps, ..self }
    }
}

fn end() -> Value {
    json!({"end": {"stopReason": "end_turn"}})
}

fn update(kind: &str, mut fields: Value) -> Value {
    fields["sessionUpdate"] = kind.into();
    json!({ "update": fields })
}

/// Returns a line with this text in place of a chunk's text.
fn chunk_line(text: &str) -> Value {
    let content = format!(r#"{{"type":"text","text":"{text}"}}"#);
    let update = format!(r#"{{"sessionUpdate":"agent_message_chunk","content":{content}}}"#);
    json!({"line": format!(r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"$S","update":{update}}}}}"#)})
}

fn request(id: &Value, parameters: &Value) -> Value {
    json!({"ask": {"jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": parameters}})
}

/// The last chunks arrive after the result.
fn tails() -> Vec<Row> {
    let text = |text: &str, pause: u32| json!({"say": text, "pause": pause});
    let ended = |pause: u32| json!({"end": {"stopReason": "end_turn"}, "pause": pause});
    let tool =
        |status: &str| update("tool_call_update", json!({"toolCallId": "t", "title": "Build", "status": status}));
    vec![
        Row::answers("a tail after 30 ms", json!([text("one ", 0), ended(30), text("two", 0)]), "one two"),
        Row::answers("a tail after 200 ms", json!([text("one ", 0), ended(200), text("two", 0)]), "one two"),
        Row::answers(
            "a tail in pieces",
            json!([ended(100), text("one ", 150), text("two ", 150), text("three ", 150), text("four", 0)]),
            "one two three four",
        ),
        Row::answers("a late tool", json!([text("one", 0), ended(100), tool("completed")]), "one")
            .with_steps(json!([["tool", "Build", "succeeded"]])),
        Row::answers("a late thought", json!([text("one", 0), ended(100), {"think": "hm"}]), "one")
            .with_steps(json!([["thought", "Thought", "succeeded"]])),
        Row::fails(
            "a tail after an error",
            json!([text("one ", 0), {"fail": {"code": 17, "message": "It broke"}, "pause": 100}, text("two", 0)]),
            "one two",
            "agent_error",
            "It broke",
        ),
        Row::answers(
            "a permission request after the end",
            json!([
                text("one ", 0),
                ended(50),
                request(
                    &json!(5),
                    &json!({"sessionId": "$S", "options": [
                {"optionId": "y", "name": "Yes", "kind": "allow_once"}]})
                )
            ]),
            r#"one {"outcome": "cancelled"}"#,
        ),
    ]
}

/// The end of a turn.
fn endings() -> Vec<Row> {
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
            "The agent stopped with the reason “internal_error”.",
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
            "The agent requires authentication. See “Sign in” in docs/agents.md. (Authentication required)",
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

/// Malformed texts and lines.
fn lines() -> Vec<Row> {
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

/// Requests of the agent: each is answered at once, and the agent repeats the response.
fn requests() -> Vec<Row> {
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

/// Large messages.
fn bulk() -> Vec<Row> {
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

async fn outcome(client: &Client, session: &str, script: &Value) -> Value {
    let asked = client.ask(session, &format!("play {script}")).await;
    let task = client.task(session, asked["task"]["id"].as_str().unwrap()).await;
    let steps: Vec<Value> = task["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| json!([step["kind"], step["title"], step["status"]]))
        .collect();
    json!({
        "status": task["status"], "text": asked["reply"]["content"].as_str().unwrap_or_default(),
        "error": [task["error"]["code"], task["error"]["message"]], "steps": steps,
    })
}

/// Plays rows, a few at a time. Each conversation then has a second turn, which must not contain anything of the first.
async fn play(rows: Vec<Row>) {
    let faked = Faked::start("", "permission = 'allow'\nmax_attempts = 1", |builder| builder).await;
    let client = &faked.client;
    let wrong: Vec<String> = stream::iter(rows)
        .map(|row| async move {
            let session = client.create_session("fake").await;
            let found = outcome(client, &session, &row.script).await;
            let Row { status, text, error, steps, .. } = row;
            let expected = json!({"status": status, "text": text, "error": error, "steps": steps});
            let next = client.ask(&session, "hello").await;
            let mut wrong = Vec::new();
            if found != expected {
                let shown = |value: &Value| value.to_string().chars().take(600).collect::<String>();
                wrong.push(format!("{}: found {}, expected {}", row.name, shown(&found), shown(&expected)));
            }
            if next["reply"]["content"] != "You said: hello" {
                wrong.push(format!("{}: the next turn said {}", row.name, next["reply"]["content"]));
            }
            wrong
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await
        .concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn includes_chunks_after_the_result_in_the_turn() {
    play(tails()).await;
}

#[tokio::test]
async fn ends_a_turn_as_the_agent_reports() {
    play(endings()).await;
}

#[tokio::test]
async fn malformed_lines_lose_no_answer() {
    play(lines()).await;
}

#[tokio::test]
async fn answers_every_request_of_an_agent() {
    play(requests()).await;
}

#[tokio::test]
async fn accepts_large_messages() {
    play(bulk()).await;
}
