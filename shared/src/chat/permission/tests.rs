//! Tests for matching answers to options.

use serde_json::json;

use super::*;
use crate::clock::Timestamp;

/// Parses options from `id:kind` words.
fn options(words: &str) -> Vec<PermissionOption> {
    let options = words.split_whitespace().map(|word| {
        let (id, kind) = word.split_once(':').unwrap();
        PermissionOption { option_id: id.into(), name: format!("Name of {id}"), kind: kind.to_owned().into() }
    });
    options.collect()
}

fn detail(words: &str) -> PermissionDetail {
    let expires_at: Timestamp = "2026-01-31T12:01:00.000Z".parse().unwrap();
    PermissionDetail::pending(PermissionId::generate(), options(words), Some(expires_at))
}

#[test]
fn selects_the_option_that_matches_an_answer() {
    let (allow, reject) =
        (PermissionAnswer::Decision(PermissionDecision::Allow), PermissionAnswer::Decision(PermissionDecision::Reject));
    let option = |id: &str| PermissionAnswer::Option(id.to_owned());
    let allowed = |id: &str| Ok((PermissionDecision::Allow, Some(id.to_owned())));
    let rejected = |id: &str| Ok((PermissionDecision::Reject, Some(id.to_owned())));
    let (unknown, required) = (Err(AnswerError::UnknownOption), Err(AnswerError::OptionRequired));
    let cancelled = Ok((PermissionDecision::Reject, None));
    let table = [
        ("y:allow_once n:reject_once", &allow, allowed("y")),
        ("y:allow_once n:reject_once", &reject, rejected("n")),
        ("a:allow_always y:allow_once n:reject_once", &allow, allowed("y")),
        ("a:allow_always n:reject_once", &allow, allowed("a")),
        ("a:allow_always b:allow_always", &allow, required.clone()),
        ("1:allow_once 2:allow_once 3:allow_once", &allow, required.clone()),
        ("1:allow_once 2:allow_once 3:allow_once", &reject, cancelled.clone()),
        ("1:allow_once 2:allow_once 3:allow_once", &option("2"), allowed("2")),
        ("1:allow_once 2:allow_once 3:allow_once", &option("4"), unknown.clone()),
        ("a:allow_always d:reject_always", &reject, cancelled.clone()),
        ("a:allow_always d:reject_always", &option("d"), rejected("d")),
        ("n:reject_once m:reject_once", &reject, rejected("n")),
        ("n:reject_once", &allow, required.clone()),
        ("", &allow, required.clone()),
        ("", &reject, cancelled.clone()),
        ("", &option("x"), unknown.clone()),
        ("x:allow_on_tuesdays r:reject_with_reason", &allow, required),
        ("x:allow_on_tuesdays r:reject_with_reason", &option("x"), allowed("x")),
        ("x:allow_on_tuesdays r:reject_with_reason", &option("r"), rejected("r")),
        ("x:maybe", &option("x"), allowed("x")),
        // The agent cannot distinguish between these two.
        ("x:reject_once x:allow_once", &reject, cancelled),
        ("x:reject_once x:allow_once", &option("x"), allowed("x")),
    ];
    for (offered, answer, expected) in table {
        let found = detail(offered).answer(answer).map(|outcome| (outcome.decision, outcome.chosen));
        assert_eq!(found, expected, "{offered} {answer:?}");
    }
}

#[test]
fn preserves_kinds_that_the_protocol_does_not_define() {
    let option = json!({"option_id": "x", "name": "X", "kind": "allow_on_tuesdays"});

    let read: PermissionOption = serde_json::from_value(option.clone()).unwrap();

    assert_eq!(read.kind, PermissionKind::Other("allow_on_tuesdays".into()));
    assert_eq!(serde_json::to_value(read).unwrap(), option);
}

#[test]
fn reads_options_in_the_format_without_ids() {
    let stored = json!({
        "request_id": PermissionId::generate(), "expires_at": "2026-01-31T12:01:00.000Z",
        "options": [{"decision": "reject", "name": "No"}, {"decision": "allow", "name": "Yes"}],
    });

    let detail: PermissionDetail = serde_json::from_value(stored).unwrap();

    let read: Vec<_> = detail.options.iter().map(|option| (option.option_id.as_str(), option.name.as_str())).collect();
    assert_eq!(read, [("reject_once", "No"), ("allow_once", "Yes")]);
    let outcome = detail.answer(&PermissionAnswer::Decision(PermissionDecision::Allow)).unwrap();
    assert_eq!((outcome.decision, outcome.chosen.as_deref()), (PermissionDecision::Allow, Some("allow_once")));
}

#[test]
fn adds_only_the_outcome_to_a_stored_detail() {
    let mut stored = json!({"request_id": "r", "options": [{"decision": "allow", "name": "Yes"}], "more": 1});
    let outcome = PermissionOutcome {
        decision: PermissionDecision::Allow,
        chosen: Some("allow_once".into()),
        decided_by: DecidedBy::User,
    };

    decide_stored(&mut stored, &outcome).unwrap();

    assert_eq!(
        stored,
        json!({"request_id": "r", "options": [{"decision": "allow", "name": "Yes"}], "more": 1,
               "decision": "allow", "decided_by": "user", "chosen": "allow_once"})
    );
}
