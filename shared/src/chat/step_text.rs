//! Limits the length of step titles and details, and removes characters that cannot be displayed or stored.

use serde_json::{Map, Value};

use super::{StepDetail, sanitize_agent_text, strip_terminal_codes};

/// The maximum length of a step title, in characters.
pub const MAX_STEP_TITLE_CHARS: usize = 200;
/// The maximum length of a step detail, in bytes of JSON.
pub const MAX_STEP_DETAIL_BYTES: usize = 64 * 1024;
/// The shortest length, in bytes, to which strings are truncated. If the detail is still too long, all fields are
/// dropped.
const SHORTEST_CUT: usize = 64;
/// The maximum nesting depth; deeper arrays and objects are replaced with null.
const MAX_DEPTH: usize = 16;
/// The field that marks a detail as truncated.
const TRUNCATED: &str = "is_truncated";

/// Returns a title as one line of at most [`MAX_STEP_TITLE_CHARS`] characters, without terminal escape sequences.
#[must_use]
pub fn clean_step_title(title: &str) -> String {
    let (title, mut line) = (strip_terminal_codes(title), String::new());
    // Control characters count as whitespace.
    let words = title.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().nth(MAX_STEP_TITLE_CHARS).is_some() {
            let mut cut: String = line.chars().take(MAX_STEP_TITLE_CHARS - 1).collect();
            cut.truncate(cut.trim_end().len());
            cut.push('…');
            return cut;
        }
    }
    line
}

/// Returns the fields of a detail as an object of at most [`MAX_STEP_DETAIL_BYTES`] bytes of JSON. If the detail is
/// longer, truncates its longest strings and sets `is_truncated` to true. If that is not enough, drops all other
/// fields.
#[must_use]
pub fn clean_step_detail(detail: &StepDetail) -> Value {
    clean_fields(&detail.to_value())
}

fn clean_fields(detail: &Value) -> Value {
    let whole = as_object(clean(detail, usize::MAX, MAX_DEPTH));
    if size(&whole) <= MAX_STEP_DETAIL_BYTES {
        return Value::Object(whole);
    }
    let mut limit = MAX_STEP_DETAIL_BYTES;
    while limit >= SHORTEST_CUT {
        let mut shorter = as_object(clean(detail, limit, MAX_DEPTH));
        shorter.insert(TRUNCATED.into(), true.into());
        if size(&shorter) <= MAX_STEP_DETAIL_BYTES {
            return Value::Object(shorter);
        }
        limit -= limit / 4;
    }
    Value::Object(Map::from_iter([(TRUNCATED.to_owned(), true.into())]))
}

fn as_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::Null => Map::new(),
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

fn size(object: &Map<String, Value>) -> usize {
    serde_json::to_string(object).map_or(usize::MAX, |text| text.len())
}

/// Returns a copy without NUL characters. Truncates string values to `limit` bytes, and replaces arrays and objects
/// nested more than `depth` levels deep with null.
fn clean(value: &Value, limit: usize, depth: usize) -> Value {
    match value {
        Value::String(text) => {
            let text = sanitize_agent_text(text);
            text[..text.floor_char_boundary(limit)].into()
        }
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::Null,
        Value::Array(items) => items.iter().map(|item| clean(item, limit, depth - 1)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (sanitize_agent_text(name).into_owned(), clean(field, limit, depth - 1)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_a_title_to_one_short_line() {
        assert_eq!(clean_step_title("  Read\r\n\tREADME.md\0 \u{7} now "), "Read README.md now");
        assert_eq!(
            clean_step_title("\u{1b}[1;32mRun\u{1b}[0m \u{1b}]8;;https://example.org\u{7}tests\u{1b}]8;;\u{7}"),
            "Run tests"
        );
        assert_eq!(clean_step_title(""), "");
        let exact = "é".repeat(MAX_STEP_TITLE_CHARS);
        assert_eq!(clean_step_title(&exact), exact);

        let cut = clean_step_title(&format!("{exact}x"));

        assert_eq!(cut.chars().count(), MAX_STEP_TITLE_CHARS);
        assert!(cut.ends_with("é…"));
    }

    #[test]
    fn keeps_a_detail_that_fits_except_for_nul() {
        let detail = json!({"input": {"path": "a\0b"}, "locations": [1, null, true]});

        assert_eq!(clean_fields(&detail), json!({"input": {"path": "ab"}, "locations": [1, null, true]}));
        assert_eq!(clean_fields(&json!(null)), json!({}));
        assert_eq!(clean_fields(&json!("x")), json!({"value": "x"}));
    }

    #[test]
    fn cuts_the_longest_strings_first() {
        let detail = json!({"tool_kind": "execute", "input": "ls", "output": "ü\n".repeat(MAX_STEP_DETAIL_BYTES)});

        let cut = clean_fields(&detail);

        assert_eq!((&cut["tool_kind"], &cut["input"]), (&json!("execute"), &json!("ls")));
        assert_eq!(cut["is_truncated"], json!(true));
        let output = cut["output"].as_str().unwrap();
        assert!(detail["output"].as_str().unwrap().starts_with(output) && output.len() > MAX_STEP_DETAIL_BYTES / 2);
        assert!(cut.to_string().len() <= MAX_STEP_DETAIL_BYTES);
    }

    #[test]
    fn drops_a_detail_that_cannot_be_cut() {
        let many = json!({"entries": vec![json!({"content": "x"}); 20_000]});

        assert_eq!(clean_fields(&many), json!({"is_truncated": true}));
    }

    #[test]
    fn limits_the_nesting_depth() {
        let deep = (0..100).fold(json!("x"), |inner, _| json!([inner]));

        assert!(clean_fields(&json!({ "deep": deep })).to_string().len() < 100);
    }
}
