//! Tests for parsing valid and invalid lines.

use serde_json::json;

use super::*;

fn line(text: &str) -> Vec<RpcMessage> {
    parse(&Line::Complete(text.as_bytes()))
}

fn single(text: &str) -> RpcMessage {
    let update = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}});
    RpcMessage::Notification {
        method: "session/update".into(),
        parameters: json!({"sessionId": "s", "update": update}),
    }
}

fn chunk(text: &str) -> String {
    let content = format!(r#"{{"type":"text","text":"{text}"}}"#);
    let update = format!(r#"{{"sessionUpdate":"agent_message_chunk","content":{content}}}"#);
    format!(r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"s","update":{update}}}}}"#)
}

fn request(id: Value) -> RpcMessage {
    RpcMessage::Request { id, method: "m".into(), parameters: Value::Null }
}

fn response(id: Value, result: Value) -> RpcMessage {
    RpcMessage::Response { id, result: Ok(result) }
}

#[test]
fn parses_lines_as_agents_send_them() {
    let table = [
        (r#"{"jsonrpc":"2.0","id":0,"method":"m"}"#, vec![request(json!(0))]),
        (r#"{"id":1.5,"method":"m"}"#, vec![request(json!(1.5))]),
        (r#"{"id":"a-1","method":"m"}"#, vec![request(json!("a-1"))]),
        (r#"{"id":null,"method":"m"}"#, vec![request(Value::Null)]),
        (r#"{"id":3,"result":{"x":1}}"#, vec![response(json!(3), json!({"x": 1}))]),
        (r#"{"id":3,"result":null}"#, vec![response(json!(3), Value::Null)]),
        (r#"{"id":3}"#, vec![response(json!(3), Value::Null)]),
        (r#"{"id":3,"result":1,"error":null}"#, vec![response(json!(3), json!(1))]),
        ("\u{feff}{\"id\":3,\"result\":1}", vec![response(json!(3), json!(1))]),
        (r#"[{"id":1,"method":"m"},5,{"id":2,"method":"m"}]"#, vec![request(json!(1)), request(json!(2))]),
        (r#"{"id":1,"method":"m"}{"id":2,"method":"m"}"#, vec![request(json!(1)), request(json!(2))]),
        (r#"{"id":1,"method":"m"} done"#, vec![request(json!(1))]),
        (r#"{"id":1,"method":"m"} done {"id":2,"method":"m"}"#, vec![request(json!(1)), request(json!(2))]),
        (r#"Loading... {"id":1,"method":"m"}"#, vec![request(json!(1))]),
        (r#"[INFO] {"method":"m","id":1} ok"#, vec![request(json!(1))]),
        (r#"50% [{"id":1,"method":"m"}]"#, vec![request(json!(1))]),
        (r#"{'half': 1} {"id":1,"method":"m"}"#, vec![request(json!(1))]),
        ("\u{1b}[2K{\"id\":1,\"method\":\"m\"}", vec![request(json!(1))]),
        ("|working\r{\"id\":3,\"result\":1}", vec![response(json!(3), json!(1))]),
        (r#"found {"id":3} and {"error":5}"#, vec![RpcMessage::Unknown]),
        (r#"saved {"method":5,"id":3,"params":{}}"#, vec![RpcMessage::Unknown]),
        (r#"{"level":"info","sent":{"id":1,"method":"m"}}"#, vec![RpcMessage::Unknown]),
        (r#"{"level":"error","error":"disk full"}"#, vec![RpcMessage::Unknown]),
        (r#"[2026-11-28] {"id":1,"method":"m"}"#, vec![request(json!(1))]),
        (r#"{"id":0,"method":null,"result":1}"#, vec![response(json!(0), json!(1))]),
        (
            "{'method': 'session/update', 'params': {'update': {'sessionUpdate': 'x'}}}",
            vec![RpcMessage::MalformedUpdate],
        ),
        ("  ", vec![]),
        ("Loading plugins...", vec![RpcMessage::Unknown]),
        ("{}", vec![RpcMessage::Unknown]),
        (r#"{"half": "#, vec![RpcMessage::Unknown]),
        ("[1, 2]", vec![RpcMessage::Unknown]),
        (r#"{"method":5}"#, vec![RpcMessage::Unknown]),
    ];
    for (text, expected) in table {
        assert_eq!(line(text), expected, "{text}");
    }
}

#[test]
fn parses_errors_of_any_shape() {
    let error = |error: &str| match line(&format!(r#"{{"id":1,"error":{error}}}"#)).pop() {
        Some(RpcMessage::Response { result: Err(error), .. }) => (error.code, error.message, error.data),
        other => panic!("{other:?}"),
    };

    assert_eq!(error(r#"{"code":-32000,"message":"m","data":{"a":1}}"#), (-32000, "m".into(), Some(json!({"a": 1}))));
    assert_eq!(error(r#"{"code":"-32000","message":"m"}"#), (-32000, "m".into(), None));
    assert_eq!(error(r#"{"code":1e3,"message":"m","data":null}"#), (1000, "m".into(), None));
    assert_eq!(error(r#""it broke""#), (INTERNAL_ERROR, "it broke".into(), None));
    assert_eq!(
        error(r#"{"details":"it broke"}"#),
        (INTERNAL_ERROR, String::new(), Some(json!({"details": "it broke"})))
    );
}

#[test]
fn repairs_a_message_after_other_output() {
    assert_eq!(line(&format!("ready {}", chunk("a\tb"))), [single("a\tb")]);
    assert_eq!(line(&format!("ready {}", chunk(r#"b" c"#))), [RpcMessage::MalformedUpdate]);
}

#[test]
fn parses_an_error_without_an_id() {
    let error = RpcError::new(-32600, "Invalid request");
    let expected = RpcMessage::Response { id: Value::Null, result: Err(error) };
    assert_eq!(line(r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid request"}}"#), [expected]);
}

#[test]
fn repairs_strings_and_keeps_surrogate_halves_in_chunks() {
    let joined = |halves: [&str; 2]| {
        let mut joiner = banter_shared::lenient_json::SurrogateJoiner::default();
        let texts = halves.iter().map(|half| match line(&chunk(half)).pop() {
            Some(RpcMessage::Notification { parameters, .. }) => parameters["update"]["content"]["text"].clone(),
            other => panic!("{other:?}"),
        });
        texts.map(|text| joiner.push(text.as_str().unwrap()).into_owned()).collect::<String>()
    };

    assert_eq!(joined([r"a\ud83c", r"\udf89b"]), "a🎉b");
    assert_eq!(line(&chunk("a\tb")), [single("a\tb")]);
    assert_eq!(
        line(r#"{"id":7,"method":"m","params":{"a\ud83d":["\ud83d",{"b":"\udf89!"}]}}"#),
        [RpcMessage::Request {
            id: json!(7),
            method: "m".into(),
            parameters: json!({"a\u{fffd}": ["\u{fffd}", {"b": "\u{fffd}!"}]})
        }]
    );
    let mut bytes = chunk("x").into_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'x').unwrap();
    bytes[at] = 0xff;
    assert_eq!(parse(&Line::Complete(&bytes)), [single("\u{fffd}")]);
}

#[test]
fn identifies_an_invalid_message_by_its_id() {
    let damaged = |text: &str| line(text).pop();
    let request = |id: Value| {
        let error = RpcError::new(PARSE_ERROR, "The message is not valid JSON.");
        Some(RpcMessage::MalformedRequest { id, error })
    };
    let response = |id: Value| Some(RpcMessage::MalformedResponse { id, reason: "is not valid JSON".into() });

    assert_eq!(damaged(r#"{"jsonrpc":"2.0","id":5,"method":"m","params":{"a":}}"#), request(json!(5)));
    assert_eq!(damaged(r#"{"method":"m","params":{"id":1,"a":[}},"id":"x"}"#), request(json!("x")));
    assert_eq!(damaged(r#"{"id":5,"result":{"a":'b'}}"#), response(json!(5)));
    assert_eq!(damaged(r#"{"method":"m","params":{"id":1,}}"#), Some(RpcMessage::Unknown));
    assert_eq!(damaged(r#"{"method":"session/update","params":{"id":1,}}"#), Some(RpcMessage::MalformedUpdate));
    assert_eq!(
        damaged(r#"{"id":5,"method":["m"]}"#),
        Some(RpcMessage::MalformedRequest {
            id: json!(5),
            error: RpcError::new(INVALID_REQUEST, "`method` must be a string.")
        })
    );
}

#[test]
fn identifies_an_overlong_line_by_its_ends() {
    let too_long = |head: &str, tail: &str| {
        let line = Line::TooLong { head: head.as_bytes(), tail: tail.as_bytes() };
        match parse(&line).pop() {
            Some(RpcMessage::MalformedRequest { id, .. }) => format!("request {id}"),
            Some(RpcMessage::MalformedResponse { id, .. }) => format!("response {id}"),
            other => format!("{other:?}"),
        }
    };

    assert_eq!(too_long(r#"{"jsonrpc":"2.0","id":3,"result":{"a":"xx"#, "xx\"}}"), "response 3");
    assert_eq!(too_long(r#"{"result":{"a":"xx"#, "xx\"},\"id\":3}"), "response 3");
    assert_eq!(too_long(r#"{"method":"m","params":{"a":"xx"#, "xx\"},\"id\":\"q\"}"), "request \"q\"");
    assert_eq!(too_long(r#"{"method":"session/update","params":{"a":"xx"#, "xx\"}}"), "Some(MalformedUpdate)");
}
