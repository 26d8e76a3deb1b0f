//! The notices in a turn, each of which is a step.

use banter_shared::{
    chat::{StepDetail, StepStatus},
    lenient_json::replace_marks,
};
use serde_json::{Map, Value};

use super::step::step;
use crate::agents::{
    Update,
    acp::{
        content::{cut, text_of},
        errors::message_in,
        tool::MAX_DETAIL_BYTES,
    },
};

/// The notices in a turn.
#[derive(Default)]
pub(super) struct AgentNotices {
    count: usize,
    last: Option<Notice>,
}

/// A notice from an agent to its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agents::acp) struct Notice {
    /// The title and the text, combined.
    pub words: String,
    /// Whether the notice reports an error.
    pub is_error: bool,
}

impl AgentNotices {
    /// Adds a notice and returns its step.
    pub fn add(&mut self, notice: &ParsedNotice) -> Update {
        self.count += 1;
        let ParsedNotice { title, text, severity } = notice;
        let is_error = ["error", "critical", "fatal"].contains(&severity.as_str());
        let words = [title.as_str(), text].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(": ");
        if is_error || self.last.as_ref().is_none_or(|last| !last.is_error) {
            self.last = Some(Notice { words, is_error });
        }
        let title = if title.is_empty() { text } else { title };
        let detail = StepDetail::notice(severity, text);
        step(&format!("notice:{}", self.count), None, title, StepStatus::Succeeded, detail)
    }

    /// Returns the last error notice or, if there is none, the last notice.
    pub fn last(&self) -> Option<&Notice> {
        self.last.as_ref()
    }
}

/// Maximum nesting depth of an error message in a notice.
const MAX_ERROR_DEPTH: usize = 4;

/// The fields of a notice.
pub(super) struct ParsedNotice {
    title: String,
    text: String,
    severity: String,
}

/// Parses an update whose kind suggests a notice. Returns `None` for other updates, and for notices without text.
pub(super) fn notice_of(kind: &str, fields: &Map<String, Value>) -> Option<ParsedNotice> {
    let severity = ["error", "warning"].into_iter().find(|severity| kind.contains(severity));
    if severity.is_none() && !kind.contains("notice") && !kind.contains("notification") {
        return None;
    }
    let words = |names: &[&str]| {
        let found = names.iter().filter_map(|name| fields.get(*name)).find_map(|value| {
            Some(text_of(value)).filter(|text| !text.trim().is_empty()).or_else(|| message_in(value, MAX_ERROR_DEPTH))
        });
        cut(replace_marks(&found.unwrap_or_default()).trim(), MAX_DETAIL_BYTES).0.to_owned()
    };
    let title = words(&["title"]);
    let text = words(&["description", "message", "detail", "details", "text", "content", "error"]);
    if title.is_empty() && text.is_empty() {
        return None;
    }
    let told = ["severity", "level"].into_iter().find_map(|name| fields.get(name)?.as_str());
    let severity = cut(told.or(severity).unwrap_or("info"), 64).0.to_owned();
    Some(ParsedNotice { title, text, severity })
}
