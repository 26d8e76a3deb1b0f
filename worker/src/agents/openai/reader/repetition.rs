//! Detects parts of a whole message that repeat the preceding deltas.

use banter_shared::lenient_json::replace_marks;

use super::{output::Output, parts::Part};

/// Removes parts of a whole message that repeat earlier deltas. If there have been any thoughts, all thoughts in the
/// message are assumed to be repetitions.
pub(super) fn remove(parts: &mut Vec<Part>, output: &Output) {
    if output.has_thoughts() {
        parts.retain(|part| !matches!(part, Part::Thought(_) | Part::ThoughtDetail(_)));
    }
    let text = |part: &Part| match part {
        Part::Text(text) | Part::Refusal(text) => Some(text.clone()),
        Part::Thought(_) | Part::ThoughtDetail(_) | Part::Image(_) | Part::ToolCall(_) => None,
    };
    let whole: String = parts.iter().filter_map(text).collect();
    let whole = replace_marks(&whole).into_owned();
    // A whole message may or may not include tags and the thoughts between them, so it is compared both with the text
    // as received and with the text that was kept.
    let received = [output.received(), output.kept()];
    let known = received.iter().find(|known| !known.trim().is_empty() && whole.trim().starts_with(known.trim()));
    if let Some(known) = known {
        let rest = whole.strip_prefix(known).or_else(|| whole.trim().strip_prefix(known.trim()));
        let rest = rest.filter(|rest| !rest.trim().is_empty()).map(|rest| Part::Text(rest.to_owned()));
        parts.retain(|part| text(part).is_none());
        parts.extend(rest);
    }
}
