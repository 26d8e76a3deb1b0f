//! Tests of tool steps.

use super::*;

#[test]
fn treats_a_tool_without_a_status_as_running() {
    for kind in [CALL, UPDATE] {
        let mut turn = MappedTurn::all(&[(kind, json!({"toolCallId": "a", "title": "Read"}))]);
        assert_eq!(turn.status("a"), StepStatus::Running, "{kind}");
        turn.update(UPDATE, json!({"toolCallId": "a", "rawOutput": "x"}));
        assert_eq!(turn.status("a"), StepStatus::Running, "{kind}");
        turn.update(UPDATE, json!({"toolCallId": "a", "status": "completed"}));
        assert_eq!(turn.status("a"), StepStatus::Succeeded, "{kind}");
    }
    let odd = MappedTurn::all(&[(CALL, json!({"toolCallId": "a", "title": "Read", "status": "pondering"}))]);
    assert_eq!(odd.status("a"), StepStatus::Running);
}

#[test]
fn keeps_a_status_until_the_next_one() {
    for (status, expected) in [
        ("pending", StepStatus::Pending),
        ("in_progress", StepStatus::Running),
        ("completed", StepStatus::Succeeded),
        ("failed", StepStatus::Failed),
    ] {
        let mut turn = MappedTurn::all(&[(CALL, json!({"toolCallId": "a", "title": "Read", "status": status}))]);
        assert_eq!(turn.status("a"), expected);
        turn.update(UPDATE, json!({"toolCallId": "a", "title": "Read more"}));
        turn.update(CALL, json!({"toolCallId": "a", "title": "Read most"}));
        assert_eq!((turn.status("a"), turn.step("tool:a").title.as_str()), (expected, "Read most"));
    }
}

#[test]
fn merges_repeated_announcements_of_a_tool() {
    let content = json!([{"type": "content", "content": {"type": "text", "text": "output"}}]);
    let turn = MappedTurn::all(&[
        (
            CALL,
            json!({"toolCallId": "a", "title": "Read", "kind": "read", "status": "in_progress",
            "rawInput": {"path": "x"}, "content": content, "locations": [{"path": "/x", "line": 3}]}),
        ),
        (CALL, json!({"toolCallId": "a", "title": "", "content": [], "locations": [], "rawInput": null})),
        // Omits the title, which the protocol requires.
        (CALL, json!({"toolCallId": "a", "status": "completed"})),
    ]);

    assert_eq!(turn.tools(), ["a", "a", "a"]);
    let step = turn.step("tool:a");
    assert_eq!((step.title.as_str(), step.status), ("Read", StepStatus::Succeeded));
    assert_eq!(
        step.detail.to_value(),
        json!({"tool_kind": "read", "input": {"path": "x"}, "output": "output", "is_truncated": false,
            "locations": [{"path": "/x", "line": 3}]})
    );
}

#[test]
fn falls_back_to_the_tools_name_or_a_generic_title() {
    let turn = MappedTurn::all(&[
        (CALL, json!({"toolCallId": "a", "name": "grep"})),
        (UPDATE, json!({"toolCallId": "b", "title": " \n "})),
        (CALL, json!({"toolCallId": "c", "title": "One\nTwo"})),
    ]);

    let titles: Vec<&str> = turn.steps().map(|step| step.title.as_str()).collect();
    assert_eq!(titles, ["grep", "Tool", "One"]);
}

#[test]
fn shows_a_tool_first_seen_in_a_permission_request() {
    let mut turn = MappedTurn::default();

    let title = turn.ask(&json!({"toolCallId": "p", "title": "Delete", "kind": "delete", "rawInput": {"all": true}}));

    assert_eq!(title, "Delete");
    assert_eq!(turn.status("p"), StepStatus::Pending);
    assert_eq!(turn.step("tool:p").detail.to_value()["input"], json!({"all": true}));
    turn.allow("p");
    assert_eq!(turn.status("p"), StepStatus::Running);
    turn.update(UPDATE, json!({"toolCallId": "p", "status": "completed"}));
    assert_eq!(turn.status("p"), StepStatus::Succeeded);
    assert!(turn.tools().iter().all(|tool| *tool == "p"));
}

#[test]
fn runs_a_pending_tool_once_it_is_allowed() {
    let mut turn = MappedTurn::all(&[(CALL, json!({"toolCallId": "p", "title": "Delete", "status": "pending"}))]);
    turn.ask(&json!({"toolCallId": "p"}));
    assert_eq!(turn.status("p"), StepStatus::Pending);

    turn.allow("p");

    assert_eq!(turn.status("p"), StepStatus::Running);
}

#[test]
fn reports_a_rejected_tool_as_rejected_not_failed() {
    for before in [json!({"toolCallId": "p", "title": "Delete"}), json!({"toolCallId": "p", "status": "pending"})] {
        let mut turn = MappedTurn::default();
        turn.ask(&before);
        turn.reject("p");
        assert_eq!(turn.status("p"), StepStatus::Rejected);
        for status in ["in_progress", "failed"] {
            turn.update(UPDATE, json!({"toolCallId": "p", "status": status}));
            assert_eq!(turn.status("p"), StepStatus::Rejected, "{status}");
        }
        turn.finish(true);
        assert_eq!(turn.status("p"), StepStatus::Rejected);
    }
}

#[test]
fn reports_a_rejected_tool_that_ran_as_succeeded() {
    let mut turn = MappedTurn::default();
    turn.ask(&json!({"toolCallId": "p", "title": "Delete"}));
    turn.reject("p");

    turn.update(UPDATE, json!({"toolCallId": "p", "status": "completed"}));

    assert_eq!(turn.status("p"), StepStatus::Succeeded);
}

#[test]
fn allows_a_tool_that_asks_again() {
    let mut turn = MappedTurn::default();
    turn.ask(&json!({"toolCallId": "p", "title": "Delete"}));
    turn.reject("p");
    turn.ask(&json!({"toolCallId": "p"}));
    assert_eq!(turn.status("p"), StepStatus::Pending);

    turn.allow("p");

    assert_eq!(turn.status("p"), StepStatus::Running);
}

#[test]
fn recognizes_other_words_for_a_status() {
    for (status, expected) in [
        ("error", StepStatus::Failed),
        ("failure", StepStatus::Failed),
        ("FAILED", StepStatus::Failed),
        ("cancelled", StepStatus::Failed),
        ("canceled", StepStatus::Failed),
        ("inProgress", StepStatus::Running),
        ("success", StepStatus::Succeeded),
    ] {
        let turn = MappedTurn::all(&[(CALL, json!({"toolCallId": "a", "title": "Read", "status": status}))]);
        assert_eq!(turn.status("a"), expected, "{status}");
    }
}

#[test]
fn shows_tool_content_without_its_wrapper() {
    for content in [
        json!([{"type": "text", "text": "output"}]),
        json!({"type": "text", "text": "output"}),
        json!({"type": "content", "content": {"type": "text", "text": "output"}}),
    ] {
        let turn = MappedTurn::all(&[(UPDATE, json!({"toolCallId": "a", "content": content}))]);
        assert_eq!(turn.step("tool:a").detail.to_value()["output"], "output", "{content}");
    }
}

#[test]
fn separates_calls_with_the_same_id() {
    let turn = MappedTurn::all(&[
        (CALL, json!({"toolCallId": "a", "title": "One", "status": "in_progress"})),
        (UPDATE, json!({"toolCallId": "a", "status": "completed", "rawOutput": "first"})),
        (CALL, json!({"toolCallId": "a", "title": "Two", "status": "pending"})),
        (UPDATE, json!({"toolCallId": "a", "status": "failed", "rawOutput": "second"})),
    ]);

    let shown = |key: &str| {
        (turn.step(key).title.clone(), turn.step(key).status, turn.step(key).detail.to_value()["output"].clone())
    };
    assert_eq!(shown("tool:a"), ("One".into(), StepStatus::Succeeded, json!("first")));
    assert_eq!(shown("tool:a:2"), ("Two".into(), StepStatus::Failed, json!("second")));
}

#[test]
fn truncates_tool_input_and_output() {
    let long = "x".repeat(MAX_DETAIL_BYTES + 1);
    for (fields, input, output) in [
        (json!({"rawInput": {"text": long}}), MAX_DETAIL_BYTES, 0),
        (json!({"rawOutput": long}), 0, MAX_DETAIL_BYTES),
        (json!({"rawOutput": {"output": long}}), 0, MAX_DETAIL_BYTES),
        (json!({"content": [{"type": "content", "content": {"type": "text", "text": long}}]}), 0, MAX_DETAIL_BYTES),
        (json!({"content": [{"type": "diff", "path": "/x", "oldText": null, "newText": long}]}), 0, 0),
    ] {
        let mut fields = fields;
        fields["toolCallId"] = "a".into();
        let turn = MappedTurn::all(&[(UPDATE, fields)]);
        let detail = turn.step("tool:a").detail.to_value();
        let length = |field: &str| detail[field].as_str().map_or(0, str::len);
        assert_eq!((length("input"), length("output"), &detail["is_truncated"]), (input, output, &json!(true)));
    }
}

#[test]
fn converts_tool_content_to_text() {
    let content = json!([
        {"type": "diff", "path": "/a", "oldText": "old\n", "newText": "new\nmore"},
        {"type": "terminal", "terminalId": "1"},
        {"type": "content", "content": {"type": "resource_link", "name": "b", "uri": "file:///b"}},
        {"type": "content", "content": {"type": "image", "data": "", "mimeType": "image/png"}},
        {"type": "unheard-of"},
    ]);
    let turn = MappedTurn::all(&[(UPDATE, json!({"toolCallId": "a", "content": content, "rawOutput": "not shown"}))]);

    let output = &turn.step("tool:a").detail.to_value()["output"];

    assert_eq!(output, "[b](file:///b)\n*(image)*");
}

#[test]
fn converts_diffs_to_patches() {
    let content = json!([{"type": "diff", "path": "/a", "oldText": "old\n", "newText": "new\n"}]);
    let turn = MappedTurn::all(&[
        (CALL, json!({"toolCallId": "a", "kind": "edit", "content": content})),
        (UPDATE, json!({"toolCallId": "a", "status": "completed", "rawOutput": "Edited."})),
    ]);

    let detail = turn.step("tool:a").detail.to_value();

    let diff = json!({
        "path": "/a", "old": "old\n", "new": "new\n", "patch": "@@ -1 +1 @@\n-old\n+new\n", "additions": 1, "deletions": 1,
    });
    assert_eq!((&detail["diffs"], &detail["output"]), (&json!([diff]), &json!("Edited.")));
}

#[test]
fn assigns_the_steps_of_a_sub_agent_to_the_call_that_started_it() {
    let meta = json!({"claudeCode": {"toolName": "Read", "parentToolUseId": "task"}});
    let turn = MappedTurn::all(&[
        (CALL, json!({"toolCallId": "task", "title": "Explore"})),
        (CALL, json!({"toolCallId": "a", "title": "Read", "_meta": meta})),
        (UPDATE, json!({"toolCallId": "a", "status": "completed"})),
    ]);

    assert_eq!(turn.step("tool:task").parent_tool_call_id, None);
    assert_eq!(turn.step("tool:a").parent_tool_call_id.as_deref(), Some("task"));
}

#[test]
fn omits_tools_beyond_the_limit_but_not_their_requests() {
    let mut turn = MappedTurn::default();
    for number in 0..=MAX_TOOLS {
        turn.update(CALL, json!({"toolCallId": number.to_string(), "title": "Again"}));
    }
    assert_eq!(turn.steps().count(), MAX_TOOLS);

    let title = turn.ask(&json!({"toolCallId": "one too many", "title": "Delete"}));

    assert_eq!(title, "Delete");
    assert_eq!(turn.steps().count(), MAX_TOOLS);
}
