//! Converts thoughts to steps. Each section of thinking becomes one step. A section may come before the text or between
//! parts of the text.

use banter_shared::chat::{StepDetail, StepStatus, ThoughtDetail};

use crate::agents::StepUpdate;

/// Maximum length of a section, in bytes of UTF-8. Longer sections are truncated.
const MAX_THOUGHT_BYTES: usize = 48 * 1024;

/// The thoughts in an answer.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    /// Number of sections so far.
    count: usize,
    /// The current section's text, which is empty between sections.
    text: String,
    is_truncated: bool,
    /// Whether the current section has grown since the last update.
    has_changed: bool,
    /// Sections that have ended since the last update.
    ended: Vec<StepUpdate>,
}

impl Thoughts {
    /// Appends to the current section, or starts one.
    pub fn push(&mut self, more: &str) {
        if more.is_empty() || self.is_truncated {
            return;
        }
        if self.text.is_empty() {
            self.count += 1;
        }
        let room = MAX_THOUGHT_BYTES - self.text.len();
        let fitting = &more[..more.floor_char_boundary(room)];
        self.text.push_str(fitting);
        self.is_truncated = fitting.len() < more.len();
        self.has_changed = true;
    }

    /// Ends the current section, if there is one.
    pub fn end(&mut self) {
        if !self.text.is_empty() {
            let ended = self.update(StepStatus::Succeeded);
            self.ended.push(ended);
            (self.text, self.is_truncated, self.has_changed) = (String::new(), false, false);
        }
    }

    /// Returns the updates since the last call.
    pub fn take_updates(&mut self) -> Vec<StepUpdate> {
        let mut updates = std::mem::take(&mut self.ended);
        if std::mem::take(&mut self.has_changed) {
            updates.push(self.update(StepStatus::Running));
        }
        updates
    }

    fn update(&self, status: StepStatus) -> StepUpdate {
        StepUpdate {
            key: format!("thought-{}", self.count),
            tool_call_id: None,
            parent_tool_call_id: None,
            title: "Thought".into(),
            status,
            detail: StepDetail::Thought(ThoughtDetail {
                text: Some(self.text.clone()),
                is_truncated: self.is_truncated,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the key, status, and text of each new update.
    fn emitted(thoughts: &mut Thoughts) -> Vec<(String, StepStatus, String)> {
        let updates = thoughts.take_updates().into_iter();
        updates
            .map(|step| (step.key, step.status, step.detail.to_value()["text"].as_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn emits_a_step_for_each_section_of_thinking() {
        let mut thoughts = Thoughts::default();
        thoughts.end();
        thoughts.push("");
        assert_eq!(emitted(&mut thoughts), []);

        thoughts.push("a");
        assert_eq!(emitted(&mut thoughts), [("thought-1".into(), StepStatus::Running, "a".into())]);
        assert_eq!(emitted(&mut thoughts), []);
        thoughts.push("b");
        thoughts.end();
        thoughts.push("c");

        let ended = ("thought-1".into(), StepStatus::Succeeded, "ab".into());
        assert_eq!(emitted(&mut thoughts), [ended, ("thought-2".into(), StepStatus::Running, "c".into())]);
    }

    #[test]
    fn truncates_an_endless_thought() {
        let mut thoughts = Thoughts::default();

        thoughts.push(&"é".repeat(MAX_THOUGHT_BYTES));

        let cut = thoughts.take_updates().remove(0);
        let StepDetail::Thought(detail) = cut.detail else { panic!("not a thought: {cut:?}") };
        assert_eq!(detail.text.map(|text| text.len()), Some(MAX_THOUGHT_BYTES));
        assert!(detail.is_truncated);
        thoughts.push("more");
        assert_eq!(emitted(&mut thoughts), []);
        thoughts.end();
        thoughts.push("new");
        assert_eq!(emitted(&mut thoughts).len(), 2);
    }
}
