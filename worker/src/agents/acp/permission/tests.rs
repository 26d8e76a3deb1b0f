//! Tests for the options that agents offer.

use super::*;

const ALLOW: PermissionDecision = PermissionDecision::Allow;
const REJECT: PermissionDecision = PermissionDecision::Reject;

fn request(options: &Value) -> Option<AcpPermissionRequest> {
    AcpPermissionRequest::parse(&json!({"sessionId": "s", "toolCall": {"toolCallId": "t"}, "options": options}))
}

/// Parses options in the form `id:kind`; each name is derived from the ID.
fn offered(words: &str) -> AcpPermissionRequest {
    let options = words.split_whitespace().map(|word| {
        let (id, kind) = word.split_once(':').unwrap();
        json!({"optionId": id, "name": format!("Name of {id}"), "kind": kind})
    });
    request(&options.collect()).unwrap()
}

fn selected(id: &str) -> Value {
    json!({"outcome": {"outcome": "selected", "optionId": id}})
}

#[test]
fn decides_only_unambiguous_requests() {
    let table = [
        ("y:allow_once n:reject_once", PolicyDecision::Decide(ALLOW)),
        ("y:allow_once", PolicyDecision::Decide(ALLOW)),
        ("a:allow_always y:allow_once n:reject_once", PolicyDecision::Decide(ALLOW)),
        ("a:allow_always b:allow_always y:allow_once", PolicyDecision::Decide(ALLOW)),
        ("y:allow_once t:allow_on_tuesdays r:reject_with_reason", PolicyDecision::Decide(ALLOW)),
        ("1:allow_once 2:allow_once 3:allow_once", PolicyDecision::Ask),
        ("1:allow_once 2:allow_once n:reject_once", PolicyDecision::Ask),
        ("1:allow_once 2:postgresql", PolicyDecision::Ask),
        ("a:allow_always n:reject_once", PolicyDecision::Ask),
        ("x:maybe", PolicyDecision::Ask),
        ("n:reject_once", PolicyDecision::Ask),
        ("", PolicyDecision::Decide(REJECT)),
    ];
    for (words, expected) in table {
        let request = offered(words);
        assert_eq!(request.decide(PermissionPolicy::Allow), expected, "{words}");
        assert_eq!(request.decide(PermissionPolicy::Reject), PolicyDecision::Decide(REJECT), "{words}");
        let asked = if words.is_empty() { PolicyDecision::Decide(REJECT) } else { PolicyDecision::Ask };
        assert_eq!(request.decide(PermissionPolicy::Ask), asked, "{words}");
    }
}

#[test]
fn responds_with_the_selected_option() {
    let table = [
        ("1:allow_once 2:allow_once 3:allow_once", ALLOW, Some("2"), selected("2")),
        ("1:allow_once 2:allow_once 3:allow_once", REJECT, None, cancelled()),
        ("a:allow_always y:allow_once n:reject_once", ALLOW, None, selected("y")),
        ("a:allow_always y:allow_once n:reject_once", ALLOW, Some("a"), selected("a")),
        ("a:allow_always y:allow_once n:reject_once", REJECT, None, selected("n")),
        ("a:allow_always d:reject_always", REJECT, None, cancelled()),
        ("a:allow_always d:reject_always", REJECT, Some("d"), selected("d")),
        ("x:maybe", ALLOW, Some("x"), selected("x")),
        ("x:maybe", ALLOW, Some("gone"), cancelled()),
        ("", REJECT, None, cancelled()),
    ];
    for (words, decision, chosen, expected) in table {
        assert_eq!(offered(words).result(decision, chosen), expected, "{words} {chosen:?}");
    }
}

#[test]
fn shows_options_as_the_agent_sent_them() {
    let request = request(&json!([
        {"optionId": "db-1", "name": "SQLite", "kind": "allow_once"},
        {"optionId": "db-1", "name": "SQLite", "kind": "allow_once"},
        {"optionId": "q\0r", "name": " \u{1b}[31mKeep\u{1b}[0m\nboth ", "kind": "allow_once"},
        {"optionId": 3, "name": "", "kind": "reject_once"},
        {"optionId": "strange", "kind": 7},
        {"optionId": "x".repeat(300), "name": "é".repeat(5000), "kind": "allow_always"},
        {"name": "without an id", "kind": "allow_once"},
        "no option",
    ]))
    .unwrap();

    let shown: Vec<_> =
        request.options().into_iter().map(|it| (it.option_id, it.name, String::from(it.kind))).collect();

    let expected =
        [("db-1", "SQLite", "allow_once"), ("qr", "Keep both", "allow_once"), ("3", "Reject", "reject_once")];
    for ((id, name, kind), expected) in shown.iter().zip(expected) {
        assert_eq!((id.as_str(), name.as_str(), kind.as_str()), expected);
    }
    assert_eq!(shown[3], ("strange".into(), "strange".into(), "other".into()));
    assert_eq!((shown.len(), shown[4].0.as_str(), shown[4].1.chars().count()), (5, "option-6", 200));
    // The agent receives the ID that it sent.
    assert_eq!(request.result(ALLOW, Some("qr")), selected("q\0r"));
    assert_eq!(request.result(REJECT, None), json!({"outcome": {"outcome": "selected", "optionId": 3}}));
    assert_eq!(request.result(ALLOW, Some("option-6")), selected(&"x".repeat(300)));
}

#[test]
fn rejects_a_request_without_usable_options() {
    for options in [Value::Null, json!("x"), json!({}), json!([1, {"name": "x"}, {"optionId": null}])] {
        assert!(request(&options).is_none(), "{options}");
    }
    assert!(AcpPermissionRequest::parse(&json!({"sessionId": "s"})).is_none());
    assert!(request(&json!([])).is_some_and(|request| request.options().is_empty()));
}

#[test]
fn accepts_a_request_without_a_tool_call() {
    let options = json!([{"optionId": "y", "name": "Yes", "kind": "allow_once"}]);
    let call = |tool_call: Value| {
        AcpPermissionRequest::parse(&json!({"toolCall": tool_call, "options": options})).unwrap().tool_call
    };

    assert_eq!(call(json!({"toolCallId": 5})).unwrap().0, "5");
    for missing in [Value::Null, json!({}), json!({"toolCallId": []}), json!("t")] {
        assert!(call(missing.clone()).is_none(), "{missing}");
    }
}
