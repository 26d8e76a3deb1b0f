//! Snippets: the part of a text that is shown for a match.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

/// The maximum length of a snippet, in characters, without ellipses.
pub(super) const SNIPPET_CHARS: usize = 160;
/// The number of characters before the first match in a snippet.
const LEAD_CHARS: usize = 40;

/// A part of a text around its first match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Snippet {
    /// The part, on one line, with an ellipsis at each end that was cut off.
    pub snippet: String,
    /// The matches in the snippet: the start and the end of each, in Unicode code points.
    pub highlights: Vec<[usize; 2]>,
}

impl Snippet {
    /// Cuts a snippet from a text. The matches are in characters; `None` if there are none.
    pub(super) fn around(text: &str, mut matches: Vec<Range<usize>>) -> Option<Self> {
        matches.sort_unstable_by_key(|found| (found.start, found.end));
        let first = matches.first()?.start;
        let start = first.saturating_sub(LEAD_CHARS);
        let mut rest = text.chars().skip(start);
        let mut shown = String::new();
        let lead = usize::from(start > 0);
        if start > 0 {
            shown.push('…');
        }
        let mut length = 0;
        for c in rest.by_ref().take(SNIPPET_CHARS) {
            shown.push(if c.is_whitespace() || c.is_control() { ' ' } else { c });
            length += 1;
        }
        if rest.next().is_some() {
            shown.push('…');
        }
        let mut highlights: Vec<[usize; 2]> = Vec::new();
        for found in matches.iter().filter(|found| found.start >= start && found.end <= start + length) {
            let [from, to] = [found.start - start + lead, found.end - start + lead];
            match highlights.last_mut() {
                Some(last) if from <= last[1] => last[1] = last[1].max(to),
                Some(_) | None => highlights.push([from, to]),
            }
        }
        Some(Self { snippet: shown, highlights })
    }
}
