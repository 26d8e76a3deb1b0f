//! Notices about an answer, emitted as steps of the kind `notice`.

use std::collections::BTreeSet;

use banter_shared::chat::{StepDetail, StepStatus};

use super::{
    images::{Image, ImageContent},
    parts::ToolCall,
};
use crate::agents::{StepUpdate, openai::errors::one_line};

/// Maximum number of notices per answer.
const MAX_NOTICES: usize = 20;
/// Maximum length of a displayed tool name or finish reason, in characters.
const MAX_NAME_CHARS: usize = 80;
/// Maximum length, in bytes, of a tool name assembled from pieces.
const MAX_CALL_BYTES: usize = 4 * 1024;

/// The notices about an answer.
#[derive(Debug, Default)]
pub(super) struct AnswerNotices {
    shown: BTreeSet<String>,
    waiting: Vec<StepUpdate>,
    /// Tool calls whose names may be incomplete.
    calls: Vec<ToolCall>,
}

impl AnswerNotices {
    /// Adds a notice that the answer contains audio, or an image that is too large or unreadable.
    pub fn add_image(&mut self, image: &Image) {
        if image.media_type.starts_with("audio/") {
            return self.add("The agent returned audio. Audio can't be played yet.".to_owned());
        }
        let format = image.media_type.rsplit('/').next().unwrap_or_default();
        let format = one_line(format, 12).to_uppercase();
        let (size, problem) = match image.content {
            ImageContent::TooLarge(bytes) => (Some(size(bytes)), "that exceeds the size limit"),
            ImageContent::Bytes(_) | ImageContent::Link(_) | ImageContent::Unreadable => {
                (None, "that couldn’t be read")
            }
        };
        let about: Vec<String> =
            [Some(format).filter(|format| !format.is_empty()), size].into_iter().flatten().collect();
        let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
        self.add(format!("The agent returned an image{about} {problem}."));
    }

    /// Adds a tool call or a piece of one. The notice is added by [`AnswerNotices::end_tool_calls`], when the name is
    /// complete.
    pub fn add_tool_call(&mut self, call: ToolCall) {
        let is_same = |other: &ToolCall| {
            let is_other = !call.id.is_empty() && !other.id.is_empty() && call.id != other.id;
            call.index.is_some() && call.index == other.index && !is_other
        };
        let found = self.calls.iter().rposition(is_same);
        match found.and_then(|at| self.calls.get_mut(at)) {
            // Some servers repeat the name or its beginning.
            Some(other) if other.name == call.name => {}
            Some(other) if call.name.starts_with(&other.name) => other.name = call.name,
            Some(other) if other.name.len() + call.name.len() > MAX_CALL_BYTES => {}
            Some(other) => other.name.push_str(&call.name),
            None => self.calls.push(call),
        }
        self.calls.truncate(MAX_NOTICES);
    }

    /// Adds a notice for each tool that the model tried to call.
    pub fn end_tool_calls(&mut self) {
        for call in std::mem::take(&mut self.calls) {
            let name = one_line(&call.name, MAX_NAME_CHARS).replace('`', "'");
            self.add(format!("The model tried to call the tool `{name}`, but no tools are available."));
        }
    }

    /// Adds a notice that the answer ended for an unknown reason.
    pub fn add_finish_reason(&mut self, reason: &str) {
        let reason = one_line(reason, MAX_NAME_CHARS).replace('`', "'");
        self.add(format!("The agent's server ended the answer. Reason: `{reason}`."));
    }

    /// Adds a notice that the server sent several answers.
    pub fn add_choices(&mut self) {
        self.add("The agent's server sent several answers. Only one is shown.".to_owned());
    }

    /// Adds a notice that the token limit was reached before any text.
    pub fn add_token_limit(&mut self) {
        self.add("The token limit was reached before the model answered.".to_owned());
    }

    /// Adds a notice that part of the answer was omitted.
    pub fn add_omission(&mut self) {
        self.add("Part of the answer was too large and was omitted.".to_owned());
    }

    /// Adds a notice that part of the answer could not be read.
    pub fn add_loss(&mut self) {
        self.add("Part of the answer could not be read.".to_owned());
    }

    fn add(&mut self, title: String) {
        if self.shown.len() >= MAX_NOTICES || !self.shown.insert(title.clone()) {
            return;
        }
        self.waiting.push(StepUpdate {
            key: format!("notice-{}", self.shown.len()),
            tool_call_id: None,
            parent_tool_call_id: None,
            title,
            status: StepStatus::Succeeded,
            detail: StepDetail::notice("warning", ""),
        });
    }

    /// Returns the notices added since the last call.
    pub fn take_updates(&mut self) -> Vec<StepUpdate> {
        std::mem::take(&mut self.waiting)
    }
}

/// Formats a size for display, in decimal units.
fn size(bytes: usize) -> String {
    let tenths = |unit: usize| (bytes + unit / 20) * 10 / unit;
    let with_tenth = |unit| format!("{}.{}", tenths(unit) / 10, tenths(unit) % 10);
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", (bytes + 500) / 1_000),
        _ => format!("{} MB", with_tenth(1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_sizes() {
        let sizes = [9, 999, 1_499, 87_654, 1_125_000, 32_000_000].map(size);

        assert_eq!(sizes, ["9 B", "999 B", "1 KB", "88 KB", "1.1 MB", "32.0 MB"]);
    }

    fn call(index: Option<u64>, id: &str, name: &str) -> ToolCall {
        ToolCall { index, id: id.into(), name: name.into() }
    }

    #[test]
    fn joins_the_pieces_of_a_name() {
        let mut notices = AnswerNotices::default();
        for call in [
            call(Some(0), "c1", "get_"),
            call(Some(0), "", "weather"),
            call(Some(1), "c2", "find"),
            call(Some(1), "c2", "find"),
            call(Some(1), "c3", "open"),
            call(None, "", "a"),
            call(None, "", "b"),
        ] {
            notices.add_tool_call(call);
        }
        notices.end_tool_calls();

        let titles: Vec<String> = notices.take_updates().into_iter().map(|step| step.title).collect();

        let expected = ["get_weather", "find", "open", "a", "b"]
            .map(|name| format!("The model tried to call the tool `{name}`, but no tools are available."));
        assert_eq!(titles, expected);
    }

    #[test]
    fn shows_each_notice_once() {
        let mut notices = AnswerNotices::default();
        for _ in 0..3 {
            notices.add_image(&Image { media_type: "image/png".into(), content: ImageContent::TooLarge(32_000_000) });
            notices.add_image(&Image { media_type: String::new(), content: ImageContent::Unreadable });
            notices.add_tool_call(call(None, "", "get_`weather`\n"));
        }
        notices.end_tool_calls();

        let titles: Vec<String> = notices.take_updates().into_iter().map(|step| step.title).collect();

        assert_eq!(
            titles,
            [
                "The agent returned an image (PNG, 32.0 MB) that exceeds the size limit.",
                "The agent returned an image that couldn’t be read.",
                "The model tried to call the tool `get_'weather'`, but no tools are available.",
            ]
        );
        assert_eq!(notices.take_updates(), []);
    }
}
