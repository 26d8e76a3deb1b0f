//! Tests of the update mapping.

use banter_shared::chat::{StepKind, StepStatus};
use serde_json::{Value, json};

use super::{answer_text::MAX_ANSWER_BYTES, *};
use crate::agents::{StepUpdate, Update, acp::tool::MAX_DETAIL_BYTES};

/// A turn and all the updates that it has emitted.
#[derive(Default)]
struct MappedTurn {
    mapper: UpdateMapper,
    out: Vec<Update>,
}

impl MappedTurn {
    fn update(&mut self, kind: &str, fields: Value) -> Flow {
        let mut update = fields;
        update["sessionUpdate"] = kind.into();
        self.mapper.update(update, &mut self.out)
    }

    fn all(updates: &[(&str, Value)]) -> Self {
        let mut turn = Self::default();
        for (kind, fields) in updates {
            turn.update(kind, fields.clone());
        }
        turn
    }

    fn ask(&mut self, tool_call: &Value) -> String {
        let call = tool_call.as_object().unwrap();
        self.mapper.permission(&tool_call_id(call).unwrap(), call, &mut self.out)
    }

    fn allow(&mut self, id: &str) {
        self.mapper.allow(id, &mut self.out);
    }

    fn reject(&mut self, id: &str) {
        self.mapper.reject(id, &mut self.out);
    }

    fn finish(&mut self, is_success: bool) {
        self.mapper.finish(is_success, &mut self.out);
    }

    fn steps(&self) -> impl Iterator<Item = &StepUpdate> {
        self.out.iter().filter_map(|update| match update {
            Update::Step(step) => Some(step),
            Update::Text(_) | Update::Retract | Update::Permission(_) | Update::Resume(_) => None,
        })
    }

    /// Returns the latest state of the step with this key.
    fn step(&self, key: &str) -> &StepUpdate {
        self.steps().filter(|step| step.key == key).last().unwrap_or_else(|| panic!("no step {key}"))
    }

    fn status(&self, tool: &str) -> StepStatus {
        self.step(&format!("tool:{tool}")).status
    }

    /// Returns the tool from each emitted tool step, in order.
    fn tools(&self) -> Vec<&str> {
        self.steps().filter_map(|step| step.tool_call_id.as_deref()).collect()
    }

    fn text(&self) -> String {
        let texts = self.out.iter().filter_map(|update| match update {
            Update::Text(text) => Some(text.as_str()),
            Update::Step(_) | Update::Retract | Update::Permission(_) | Update::Resume(_) => None,
        });
        texts.collect()
    }
}

fn text_chunk(text: &str) -> Value {
    json!({"content": {"type": "text", "text": text}})
}

const CALL: &str = "tool_call";
const UPDATE: &str = "tool_call_update";
const SAY: &str = "agent_message_chunk";
const THINK: &str = "agent_thought_chunk";

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
fn closes_open_steps_at_the_end_of_a_turn() {
    for (is_success, expected) in [(true, StepStatus::Succeeded), (false, StepStatus::Failed)] {
        let mut turn = MappedTurn::all(&[
            (CALL, json!({"toolCallId": "silent", "title": "A"})),
            (CALL, json!({"toolCallId": "pending", "title": "B", "status": "pending"})),
            (CALL, json!({"toolCallId": "running", "title": "C", "status": "in_progress"})),
            (CALL, json!({"toolCallId": "done", "title": "D", "status": "completed"})),
            (CALL, json!({"toolCallId": "failed", "title": "E", "status": "failed"})),
            (THINK, text_chunk("Hm")),
        ]);
        turn.ask(&json!({"toolCallId": "waiting", "title": "F"}));
        let before = turn.tools().len();

        turn.finish(is_success);

        for tool in ["silent", "pending", "running"] {
            assert_eq!(turn.status(tool), expected, "{tool}");
        }
        assert_eq!(turn.status("done"), StepStatus::Succeeded);
        assert_eq!(turn.status("failed"), StepStatus::Failed);
        assert_eq!(turn.status("waiting"), StepStatus::Rejected, "the request was closed");
        assert_eq!(turn.tools().len(), before + 4, "tools that had ended are not emitted again");
        assert_eq!(turn.step("thought:1").status, StepStatus::Succeeded);
    }
}

#[test]
fn ignores_unknown_kinds() {
    let mut turn = MappedTurn::default();
    for (kind, fields) in [
        ("hologram", text_chunk("WRONG")),
        ("", text_chunk("WRONG")),
        ("user_message_chunk", text_chunk("WRONG")),
        ("usage_update", json!({"used": 1, "size": 2})),
        ("current_mode_update", json!({"currentModeId": "x"})),
        ("available_commands_update", json!({"availableCommands": "none"})),
        ("config_option_update", json!({"configOptions": []})),
        ("session_info_update", json!({"title": "WRONG"})),
        ("compaction_start", json!({})),
        (SAY, json!({})),
        (CALL, json!({"title": "without an id"})),
        ("plan", json!({"entries": "none"})),
    ] {
        assert_eq!(turn.update(kind, fields), Flow::Continue, "{kind}");
    }
    for odd in [json!(null), json!([]), json!("x"), json!({"sessionUpdate": 5})] {
        assert_eq!(turn.mapper.update(odd, &mut turn.out), Flow::Continue);
    }

    assert!(
        turn.out.iter().all(|update| matches!(update, Update::Step(step) if step.detail.kind() == StepKind::Plan)),
        "{:?}",
        turn.out
    );
    assert_eq!(turn.text(), "");
}

#[test]
fn finds_the_text_of_a_chunk_of_any_shape() {
    for fields in [
        json!({"content": {"type": "markdown", "text": "a"}}),
        json!({"content": {"type": "TEXT", "text": "a"}}),
        json!({"content": {"type": "content", "content": {"type": "text", "text": "a"}}}),
        json!({"content": {"type": "text", "text": {"value": "a"}}}),
        json!({"content": {"type": "text", "content": "a"}}),
        json!({"content": [{"type": "output_text", "text": "a"}]}),
        json!({"text": "a"}),
        json!({"delta": {"text": "a"}}),
    ] {
        let mut turn = MappedTurn::all(&[(SAY, fields.clone())]);
        turn.finish(true);
        assert_eq!((turn.text().as_str(), turn.steps().count()), ("a", 0), "{fields}");
    }
    let thought =
        MappedTurn::all(&[(SAY, json!({"content": {"type": "thinking", "text": "Hm"}})), (SAY, text_chunk("a"))]);
    assert_eq!((thought.text().as_str(), thought.step("thought:1").status), ("a", StepStatus::Succeeded));
}

#[test]
fn reports_output_that_may_be_the_answer() {
    for (kind, fields) in [
        (SAY, json!({"content": {"type": "hologram", "data": "AAAA"}})),
        ("agent_message", text_chunk("a")),
        ("", text_chunk("a")),
    ] {
        let mut turn = MappedTurn::all(&[(kind, fields)]);
        turn.finish(true);
        assert_eq!(turn.step("lost").detail.kind(), StepKind::Notice, "{kind}");
    }
    let mut turn = MappedTurn::all(&[("hologram", text_chunk("x")), (SAY, text_chunk("a"))]);
    turn.finish(true);
    assert_eq!((turn.text().as_str(), turn.steps().count()), ("a", 0), "there is an answer");
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
fn completes_a_plan_when_all_entries_are_completed() {
    let entry = |content: &str, status: &str| json!({"content": content, "priority": "high", "status": status});
    let mut turn = MappedTurn::default();

    turn.update("plan", json!({"entries": [entry("One", "completed"), entry("Two", "in_progress")]}));

    let step = turn.step("plan");
    assert_eq!((step.detail.kind(), step.status), (StepKind::Plan, StepStatus::Running));
    assert_eq!(step.detail.to_value()["entries"], json!([entry("One", "completed"), entry("Two", "in_progress")]));
    turn.update("plan", json!({"entries": [entry("One", "completed"), entry("Two", "completed")]}));
    assert_eq!(turn.step("plan").status, StepStatus::Succeeded);
    assert!(turn.steps().all(|step| step.key == "plan"));
}

#[test]
fn shows_each_notice_as_a_step() {
    let turn = MappedTurn::all(&[
        ("notice", json!({"noticeId": "1", "severity": "warning", "title": "Low on tokens", "description": "10 left"})),
        ("notice", json!({"noticeId": "2", "severity": "info", "title": "Again"})),
    ]);

    let steps: Vec<_> = turn.steps().map(|step| (step.key.as_str(), step.detail.kind(), step.title.as_str())).collect();
    assert_eq!(steps, [("notice:1", StepKind::Notice, "Low on tokens"), ("notice:2", StepKind::Notice, "Again")]);
    assert_eq!(turn.step("notice:1").detail, StepDetail::notice("warning", "10 left"));
}

#[test]
fn emits_a_thought_on_flush_and_completes_it_with_the_next_update() {
    let mut turn = MappedTurn::all(&[(THINK, text_chunk("Hm, ")), (THINK, text_chunk("so."))]);
    assert!(turn.out.is_empty() && turn.mapper.has_something_to_flush());

    turn.mapper.flush(&mut turn.out);
    turn.mapper.flush(&mut turn.out);

    assert!(!turn.mapper.has_something_to_flush());
    assert_eq!(turn.steps().count(), 1);
    assert_eq!(turn.step("thought:1").status, StepStatus::Running);
    turn.update(SAY, text_chunk("Yes."));
    turn.update(THINK, text_chunk("Or"));
    turn.update(CALL, json!({"toolCallId": "a", "title": "Read"}));
    let thoughts: Vec<_> = turn
        .steps()
        .filter_map(|step| match &step.detail {
            StepDetail::Thought(thought) => Some((step.key.as_str(), step.status, thought.text.as_deref().unwrap())),
            StepDetail::Tool(_) | StepDetail::Plan(_) | StepDetail::Permission(_) | StepDetail::Notice(_) => None,
        })
        .collect();
    assert_eq!(
        thoughts,
        [
            ("thought:1", StepStatus::Running, "Hm, so."),
            ("thought:1", StepStatus::Succeeded, "Hm, so."),
            ("thought:2", StepStatus::Succeeded, "Or")
        ]
    );
}

#[test]
fn separates_text_around_other_updates_into_paragraphs() {
    let turn = MappedTurn::all(&[
        (SAY, text_chunk("One")),
        (SAY, text_chunk(" more.")),
        (CALL, json!({"toolCallId": "a", "title": "Read"})),
        (SAY, text_chunk("Two\n")),
        ("plan", json!({"entries": []})),
        (SAY, text_chunk("three.")),
        (THINK, text_chunk("Hm")),
        (SAY, text_chunk(" Four.")),
    ]);
    assert_eq!(turn.text(), "One more.\n\nTwo\nthree. Four.");

    let message = |id: &str, text: &str| json!({"messageId": id, "content": {"type": "text", "text": text}});
    let turn = MappedTurn::all(&[(SAY, message("1", "One")), (SAY, message("1", ".")), (SAY, message("2", "Two"))]);
    assert_eq!(turn.text(), "One.\n\nTwo");
}

#[test]
fn stops_at_the_maximum_answer_length() {
    let mut turn = MappedTurn::default();
    assert_eq!(turn.update(SAY, text_chunk(&"é".repeat(MAX_ANSWER_BYTES / 2 - 1))), Flow::Continue);

    assert_eq!(turn.update(SAY, text_chunk("xéé")), Flow::TooLong);

    assert_eq!(turn.text().len(), MAX_ANSWER_BYTES - 1, "characters stay whole");
    assert_eq!(turn.update(SAY, text_chunk("more")), Flow::TooLong);
}

#[test]
fn truncates_tool_input_and_output() {
    let long = "x".repeat(MAX_DETAIL_BYTES + 1);
    for (fields, input, output) in [
        (json!({"rawInput": {"text": long}}), MAX_DETAIL_BYTES, 0),
        (json!({"rawOutput": long}), 0, MAX_DETAIL_BYTES),
        (json!({"rawOutput": {"output": long}}), 0, MAX_DETAIL_BYTES),
        (json!({"content": [{"type": "content", "content": {"type": "text", "text": long}}]}), 0, MAX_DETAIL_BYTES),
        (json!({"content": [{"type": "diff", "path": "/x", "oldText": null, "newText": long}]}), 0, MAX_DETAIL_BYTES),
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

    assert_eq!(output, "/a\n-old\n+new\n+more\n\n[b](file:///b)\n*(image not shown)*");
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
