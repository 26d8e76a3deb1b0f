//! Converts an agent's diffs, which contain the entire text of a file before and after a change, to unified diffs.

use std::time::Duration;

use banter_shared::chat::FileDiff;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::content::{cut, is_diff};

/// Number of unchanged lines around each change.
const CONTEXT_LINES: usize = 3;
/// Maximum number of diffs in a tool call.
const MAX_DIFFS: usize = 100;
/// Maximum length, in bytes, of all patches in a tool call.
const MAX_PATCH_BYTES: usize = 56 * 1024;
/// Maximum length, in bytes, of the texts before and after a change, together. Longer texts are omitted.
const MAX_TEXT_BYTES: usize = 8 * 1024;
/// Maximum length, in bytes, of a text that is compared. Longer texts have no patch.
const MAX_COMPARED_BYTES: usize = 4 * 1024 * 1024;
/// Time limit for comparing two texts. Afterward, the rest counts as one change.
const TIME_LIMIT: Duration = Duration::from_millis(100);
/// Maximum length of a path, in bytes.
const MAX_PATH_BYTES: usize = 4096;

/// Returns the diffs in a tool's content list, and whether any were truncated or omitted.
pub(super) fn file_diffs(items: &[Value]) -> (Vec<FileDiff>, bool) {
    let mut diffs = Vec::new();
    let (mut room, mut is_cut) = (MAX_PATCH_BYTES, false);
    for item in items.iter().filter(|item| is_diff(item)) {
        if diffs.len() == MAX_DIFFS {
            return (diffs, true);
        }
        let (diff, is_whole) = file_diff(item, room);
        room -= diff.patch.len();
        is_cut |= !is_whole;
        diffs.push(diff);
    }
    (diffs, is_cut)
}

/// Returns a diff whose patch is at most `room` bytes long, and whether the patch is complete.
fn file_diff(item: &Value, room: usize) -> (FileDiff, bool) {
    let path = cut(item["path"].as_str().unwrap_or_default(), MAX_PATH_BYTES).0.to_owned();
    let (old, new) = (item["oldText"].as_str(), item["newText"].as_str().unwrap_or_default());
    let before = old.unwrap_or_default();
    if before.len().max(new.len()) > MAX_COMPARED_BYTES {
        return (FileDiff { path, ..FileDiff::default() }, false);
    }
    let is_short = before.len() + new.len() <= MAX_TEXT_BYTES;
    let mut diff = FileDiff {
        path,
        old: is_short.then(|| old.map(str::to_owned)),
        new: is_short.then(|| new.to_owned()),
        ..FileDiff::default()
    };
    let comparison = TextDiff::configure().timeout(TIME_LIMIT).diff_lines(before, new);
    for change in comparison.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => diff.additions += 1,
            ChangeTag::Delete => diff.deletions += 1,
            ChangeTag::Equal => {}
        }
    }
    let hunks = comparison.unified_diff().context_radius(CONTEXT_LINES).to_string();
    let fitting = cut(&hunks, room).0;
    let is_whole = fitting.len() == hunks.len();
    // An incomplete line is dropped.
    let end = if is_whole { hunks.len() } else { fitting.rfind('\n').map_or(0, |end| end + 1) };
    hunks[..end].clone_into(&mut diff.patch);
    (diff, is_whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn numbered(numbers: impl Iterator<Item = usize>, line: impl Fn(usize) -> String) -> String {
        numbers.map(line).collect::<Vec<_>>().join("\n") + "\n"
    }

    fn lines(count: usize) -> String {
        numbered(1..=count, |number| format!("line {number}"))
    }

    #[test]
    fn returns_changed_lines_with_context() {
        let old = lines(81);
        let new = old.replace("line 40\n", "line forty\n");

        let (diffs, is_cut) = file_diffs(&[json!({"type": "diff", "path": "a.txt", "oldText": old, "newText": new})]);

        let patch =
            "@@ -37,7 +37,7 @@\n line 37\n line 38\n line 39\n-line 40\n+line forty\n line 41\n line 42\n line 43\n";
        let diff = FileDiff {
            path: "a.txt".into(),
            old: Some(Some(old)),
            new: Some(new),
            patch: patch.into(),
            additions: 1,
            deletions: 1,
        };
        assert_eq!((diffs, is_cut), (vec![diff], false));
    }

    #[test]
    fn returns_a_new_file_as_additions() {
        let (diffs, _) = file_diffs(&[json!({"type": "diff", "path": "a", "oldText": null, "newText": "x\ny"})]);

        let [diff] = diffs.as_slice() else { panic!("{diffs:?}") };
        assert_eq!((diff.old.clone(), diff.additions, diff.deletions), (Some(None), 2, 0));
        assert_eq!(diff.patch, "@@ -0,0 +1,2 @@\n+x\n+y\n\\ No newline at end of file\n");
    }

    #[test]
    fn truncates_long_patches_at_a_line_and_counts_all_changes() {
        let long = json!({"type": "diff", "path": "a", "oldText": "", "newText": lines(20_000)});

        let (diffs, is_cut) = file_diffs(&[long.clone(), long]);

        assert!(is_cut);
        assert!(diffs.iter().map(|diff| diff.patch.len()).sum::<usize>() <= MAX_PATCH_BYTES);
        assert_eq!((diffs[0].additions, diffs[1].additions), (20_000, 20_000));
        assert!(diffs[0].patch.ends_with('\n') && diffs[0].new.is_none(), "{:?}", diffs[0].new);
    }

    #[test]
    fn omits_the_patch_of_a_text_that_is_too_long_to_compare() {
        let huge = "x\n".repeat(MAX_COMPARED_BYTES);

        let (diffs, is_cut) = file_diffs(&[json!({"type": "diff", "path": "a", "oldText": huge, "newText": "y"})]);

        assert_eq!((diffs, is_cut), (vec![FileDiff { path: "a".into(), ..FileDiff::default() }], true));
    }

    #[test]
    fn limits_the_time_for_texts_that_have_nothing_in_common() {
        let old = numbered(0..60_000, |number| number.to_string());
        let new = numbered(0..60_000, |number| (number * 7919 % 60_013).to_string());

        let (diffs, is_cut) = file_diffs(&[json!({"type": "diff", "path": "a", "oldText": old, "newText": new})]);

        assert!(is_cut && diffs[0].additions > 0 && diffs[0].deletions > 0, "{}", diffs[0].additions);
    }
}
