//! The thoughts in a turn, each of which is a step.

use banter_shared::{
    chat::{StepDetail, StepStatus},
    lenient_json::SurrogateJoiner,
};

use super::step::step;
use crate::agents::{
    Update,
    acp::{content::cut, tool::MAX_DETAIL_BYTES},
};

/// The thoughts in a turn.
#[derive(Default)]
pub(super) struct Thoughts {
    current: Option<Thought>,
    count: usize,
}

#[derive(Default)]
struct Thought {
    text: String,
    surrogates: SurrogateJoiner,
    is_emitted: bool,
}

impl Thoughts {
    /// Appends text to the current thought, or starts a thought if there is none.
    pub fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.current.is_none() {
            self.count += 1;
        }
        let thought = self.current.get_or_insert_with(Thought::default);
        let text = thought.surrogates.push(text);
        let room = MAX_DETAIL_BYTES - thought.text.len();
        let kept = cut(&text, room).0;
        thought.is_emitted &= kept.is_empty();
        thought.text.push_str(kept);
    }

    /// Emits the entire current thought if it has grown since it was last emitted.
    pub fn flush(&mut self, out: &mut Vec<Update>) {
        if let Some(thought) = self.current.as_mut().filter(|thought| !thought.is_emitted) {
            thought.is_emitted = true;
            out.push(thought_step(self.count, &thought.text, StepStatus::Running));
        }
    }

    /// Returns whether [`Thoughts::flush`] has anything to emit.
    pub fn has_something_to_flush(&self) -> bool {
        self.current.as_ref().is_some_and(|thought| !thought.is_emitted)
    }

    /// Ends and emits the current thought, if there is one.
    pub fn end(&mut self, out: &mut Vec<Update>) {
        if let Some(mut thought) = self.current.take() {
            let last = thought.surrogates.finish();
            thought.text.push_str(cut(last, MAX_DETAIL_BYTES - thought.text.len()).0);
            out.push(thought_step(self.count, &thought.text, StepStatus::Succeeded));
        }
    }
}

fn thought_step(number: usize, text: &str, status: StepStatus) -> Update {
    step(&format!("thought:{number}"), None, "Thought", status, StepDetail::thought(text))
}
