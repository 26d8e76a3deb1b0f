//! Tests of the update mapping.

mod answer;
mod tools;

use banter_shared::chat::{MAX_ANSWER_BYTES, StepKind, StepStatus};
use serde_json::{Value, json};

use super::*;
use crate::agents::{FileContent, StepUpdate, Update, acp::tool::MAX_DETAIL_BYTES};

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
            Update::Step(step) => Some(&**step),
            Update::Text(_) | Update::Retract | Update::File(_) | Update::Permission(_) | Update::Resume(_) => None,
        })
    }

    /// Returns the latest state of the step with this key.
    fn step(&self, key: &str) -> &StepUpdate {
        self.steps().filter(|step| step.key == key).last().unwrap_or_else(|| panic!("no step {key}"))
    }

    fn status(&self, tool: &str) -> StepStatus {
        self.step(&format!("tool:{tool}")).status
    }

    /// Returns the tool call ID of each emitted tool step, in order.
    fn tools(&self) -> Vec<&str> {
        self.steps().filter_map(|step| step.tool_call_id.as_deref()).collect()
    }

    fn text(&self) -> String {
        let texts = self.out.iter().filter_map(|update| match update {
            Update::Text(text) => Some(text.as_str()),
            Update::Step(_) | Update::Retract | Update::File(_) | Update::Permission(_) | Update::Resume(_) => None,
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
        assert_eq!(turn.status("waiting"), StepStatus::Rejected, "a waiting call is rejected");
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
