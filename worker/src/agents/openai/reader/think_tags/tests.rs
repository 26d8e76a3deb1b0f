//! Tests for separating thoughts from text.

use super::*;

/// Returns an answer's text and its thoughts.
fn separated(is_thinking: bool, pieces: &[&str]) -> (String, Vec<String>) {
    let mut tags = ThinkTags::new(is_thinking);
    let mut segments: Vec<Segment> = pieces.iter().flat_map(|piece| tags.push(piece)).collect();
    segments.extend(tags.finish());
    let (mut text, mut thoughts, mut thought) = (String::new(), Vec::new(), String::new());
    for segment in segments {
        match segment {
            Segment::Text(more) => text.push_str(&more),
            Segment::Thought(more) => thought.push_str(&more),
            Segment::ThoughtEnd => thoughts.push(std::mem::take(&mut thought)),
            Segment::Retract(thought) => {
                thoughts.push(thought);
                text.clear();
            }
        }
    }
    assert_eq!(thought, "", "every thought ends");
    thoughts.retain(|thought| !thought.is_empty());
    (text, thoughts)
}

fn assert_separated(is_thinking: bool, answer: &str, text: &str, thoughts: &[&str]) {
    let expected = (text.to_owned(), thoughts.iter().map(|thought| (*thought).to_owned()).collect::<Vec<_>>());
    assert_eq!(separated(is_thinking, &[answer]), expected, "{answer}");
    for cut in (0..answer.len()).filter(|cut| answer.is_char_boundary(*cut)) {
        assert_eq!(separated(is_thinking, &[&answer[..cut], &answer[cut..]]), expected, "{answer}: cut at {cut}");
    }
    let characters: Vec<String> = answer.chars().map(String::from).collect();
    let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
    assert_eq!(separated(is_thinking, &characters), expected, "{answer}: one character at a time");
}

#[test]
fn separates_thoughts_at_any_split() {
    for (answer, text, thoughts) in [
        ("<think>\nHm, é.\n</think>\n\nYes", "Yes", &["Hm, é."][..]),
        ("\n <think>Hm</think>Yes <b>", "Yes <b>", &["Hm"]),
        ("<THINKING>Hm < 3</Thinking>Yes", "Yes", &["Hm < 3"]),
        ("<thought>a</thought> <reasoning>b</reasoning>\nYes", "Yes", &["a", "b"]),
        ("[THINK]Hm[/THINK]Yes", "Yes", &["Hm"]),
        ("◁think▷Hm◁/think▷Yes", "Yes", &["Hm"]),
        ("<think>\n\n</think>\n\nYes", "Yes", &[]),
        ("<think>No end", "", &["No end"]),
        ("<think>No end </thi", "", &["No end </thi"]),
        ("<think>a</think>", "", &["a"]),
        ("</think>\n\nYes", "Yes", &[]),
        ("Hm, é.\n</think>\n\nYes", "Yes", &["Hm, é."]),
        ("Hm</think>Yes </think>", "Yes </think>", &["Hm"]),
    ] {
        assert_separated(false, answer, text, thoughts);
    }
}

#[test]
fn keeps_mentioned_tags_as_text() {
    for answer in [
        "Use <think> and </think>.",
        "Write `</think>` at the end.",
        "```xml\n<think>\nHm\n</think>\n```",
        "~~~\n</think>\n~~~",
        "The tag </think> ends a thought.",
        "It ends with \"</think>\".",
        "`<think>` begins a thought.",
        "<thin line",
        "<thinker>",
        "  plain",
        "a < b",
        "",
        "\n",
    ] {
        assert_separated(false, answer, answer, &[]);
    }
}

#[test]
fn reads_a_thought_without_an_opening_tag() {
    for (answer, text, thoughts) in [
        ("Hm\n</think>\n\nYes", "Yes", &["Hm"][..]),
        ("<think>Hm</think>Yes", "Yes", &["Hm"]),
        ("\n</think>Yes", "Yes", &[]),
    ] {
        assert_separated(true, answer, text, thoughts);
    }
    let (text, thoughts) = separated(true, &["No ", "thought"]);
    assert_eq!((text.as_str(), thoughts.len()), ("No thought", 1), "the answer is never lost");
}

#[test]
fn keeps_tags_as_text_if_the_server_separates_thoughts() {
    let mut tags = ThinkTags::new(false);
    let mut segments = tags.push("Hm\n");
    tags.set_separate();
    segments.extend(tags.push("</think>\n"));

    assert_eq!(segments, [Segment::Text("Hm\n".into()), Segment::Text("</think>\n".into())]);
}
