//! Tests of the answer's text and thoughts.

use super::*;

#[test]
fn finds_the_text_of_a_chunk_of_any_shape() {
    for fields in [
        json!({"content": {"type": "markdown", "text": "a"}}),
        json!({"content": {"type": "TEXT", "text": "a"}}),
        json!({"content": {"type": "content", "content": {"type": "text", "text": "a"}}}),
        json!({"content": {"type": "text", "text": {"value": "a"}}}),
        json!({"content": {"type": "text", "content": "a"}}),
        json!({"content": [{"type": "output_text", "text": "a"}]}),
        json!({"text": "a"}),
        json!({"delta": {"text": "a"}}),
    ] {
        let mut turn = MappedTurn::all(&[(SAY, fields.clone())]);
        turn.finish(true);
        assert_eq!((turn.text().as_str(), turn.steps().count()), ("a", 0), "{fields}");
    }
    let thought =
        MappedTurn::all(&[(SAY, json!({"content": {"type": "thinking", "text": "Hm"}})), (SAY, text_chunk("a"))]);
    assert_eq!((thought.text().as_str(), thought.step("thought:1").status), ("a", StepStatus::Succeeded));
}

#[test]
fn reports_output_that_may_be_the_answer() {
    for (kind, fields) in [
        (SAY, json!({"content": {"type": "hologram", "data": "AAAA"}})),
        ("agent_message", text_chunk("a")),
        ("", text_chunk("a")),
    ] {
        let mut turn = MappedTurn::all(&[(kind, fields)]);
        turn.finish(true);
        assert_eq!(turn.step("lost").detail.kind(), StepKind::Notice, "{kind}");
    }
    let mut turn = MappedTurn::all(&[("hologram", text_chunk("x")), (SAY, text_chunk("a"))]);
    turn.finish(true);
    assert_eq!((turn.text().as_str(), turn.steps().count()), ("a", 0), "no notice if there is an answer");
}

#[test]
fn emits_a_thought_on_flush_and_completes_it_with_the_next_update() {
    let mut turn = MappedTurn::all(&[(THINK, text_chunk("Hm, ")), (THINK, text_chunk("so."))]);
    assert!(turn.out.is_empty() && turn.mapper.has_something_to_flush());

    turn.mapper.flush(&mut turn.out);
    turn.mapper.flush(&mut turn.out);

    assert!(!turn.mapper.has_something_to_flush());
    assert_eq!(turn.steps().count(), 1);
    assert_eq!(turn.step("thought:1").status, StepStatus::Running);
    turn.update(SAY, text_chunk("Yes."));
    turn.update(THINK, text_chunk("Or"));
    turn.update(CALL, json!({"toolCallId": "a", "title": "Read"}));
    let thoughts: Vec<_> = turn
        .steps()
        .filter_map(|step| match &step.detail {
            StepDetail::Thought(thought) => Some((step.key.as_str(), step.status, thought.text.as_deref().unwrap())),
            StepDetail::Tool(_) | StepDetail::Plan(_) | StepDetail::Permission(_) | StepDetail::Notice(_) => None,
        })
        .collect();
    assert_eq!(
        thoughts,
        [
            ("thought:1", StepStatus::Running, "Hm, so."),
            ("thought:1", StepStatus::Succeeded, "Hm, so."),
            ("thought:2", StepStatus::Succeeded, "Or")
        ]
    );
}

#[test]
fn separates_text_around_other_updates_into_paragraphs() {
    let turn = MappedTurn::all(&[
        (SAY, text_chunk("One")),
        (SAY, text_chunk(" more.")),
        (CALL, json!({"toolCallId": "a", "title": "Read"})),
        (SAY, text_chunk("Two\n")),
        ("plan", json!({"entries": []})),
        (SAY, text_chunk("three.")),
        (THINK, text_chunk("Hm")),
        (SAY, text_chunk(" Four.")),
    ]);
    assert_eq!(turn.text(), "One more.\n\nTwo\nthree. Four.");

    let message = |id: &str, text: &str| json!({"messageId": id, "content": {"type": "text", "text": text}});
    let turn = MappedTurn::all(&[(SAY, message("1", "One")), (SAY, message("1", ".")), (SAY, message("2", "Two"))]);
    assert_eq!(turn.text(), "One.\n\nTwo");
}

#[test]
fn stops_at_the_maximum_answer_length() {
    let mut turn = MappedTurn::default();
    assert_eq!(turn.update(SAY, text_chunk(&"é".repeat(MAX_ANSWER_BYTES / 2 - 1))), Flow::Continue);

    assert_eq!(turn.update(SAY, text_chunk("xéé")), Flow::TooLong);

    assert_eq!(turn.text().len(), MAX_ANSWER_BYTES - 1, "no character is split");
    assert_eq!(turn.update(SAY, text_chunk("more")), Flow::TooLong);
}

#[test]
fn returns_files_from_messages() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.txt");
    std::fs::write(&file, "text").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("outside")).unwrap();
    let uri = |name: &str| reqwest::Url::from_file_path(folder.path().join(name)).unwrap().to_string();
    let link = |uri: &str| json!({"type": "resource_link", "name": "link", "uri": uri});
    let found = |block: Value| {
        let mut turn = MappedTurn { mapper: UpdateMapper::new(folder.path()), out: Vec::new() };
        turn.update(SAY, json!({"content": block}));
        let files = turn.out.iter().filter_map(|update| match update {
            Update::File(file) => Some((file.name.clone().unwrap_or_default(), file.content.clone())),
            _ => None,
        });
        (files.collect::<Vec<_>>(), turn.text(), turn.mapper.has_content())
    };
    let bytes = |content: &'static [u8]| FileContent::Bytes(content.into());
    let path = FileContent::Path(file.canonicalize().unwrap());

    for (block, name, content) in [
        (json!({"type": "image", "data": "AAAA", "mimeType": "image/png"}), "", bytes(b"\0\0\0")),
        (json!({"type": "image", "data": "AAAA", "uri": "out/a.png"}), "a.png", bytes(b"\0\0\0")),
        (json!({"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}), "", bytes(b"\0\0\0")),
        (
            json!({"type": "resource", "resource": {"uri": "file:///x/a.pdf", "blob": "AAAA"}}),
            "a.pdf",
            bytes(b"\0\0\0"),
        ),
        (json!([{"type": "image", "data": "AAAA"}]), "", bytes(b"\0\0\0")),
        (link(&uri("a b.txt")), "a b.txt", path.clone()),
        (link("a b.txt"), "a b.txt", path),
    ] {
        assert_eq!(found(block.clone()), (vec![(name.to_owned(), content)], String::new(), true), "{block}");
    }
    for (block, text) in [
        (json!({"type": "image", "data": "", "mimeType": "image/png"}), "*(image)*".to_owned()),
        (json!({"type": "resource", "resource": {"uri": "file:///x", "text": "text"}}), "text".to_owned()),
        (link("https://example.org/a.png"), "[link](https://example.org/a.png)".to_owned()),
        (link("file:///etc/hostname"), "[link](file:///etc/hostname)".to_owned()),
        (link(&uri("outside")), format!("[link]({})", uri("outside"))),
        (link(&uri("missing")), format!("[link]({})", uri("missing"))),
        (link("../.."), "[link](../..)".to_owned()),
    ] {
        assert_eq!(found(block.clone()), (Vec::new(), text, true), "{block}");
    }
}

#[test]
fn returns_the_files_of_tools_that_create_them() {
    let image = json!([{"type": "content", "content": {"type": "image", "data": "AAAA"}}]);
    for (kind, expected) in [("execute", 1), ("other", 1), ("read", 0), ("search", 0)] {
        let turn = MappedTurn::all(&[
            (CALL, json!({"toolCallId": "a", "kind": kind, "status": "pending"})),
            (UPDATE, json!({"toolCallId": "a", "status": "completed", "content": image})),
        ]);

        let files = turn.out.iter().filter(|update| matches!(update, Update::File(_))).count();

        assert_eq!(files, expected, "{kind}");
        assert_eq!(turn.step("tool:a").detail.to_value()["output"], "*(image)*");
    }
}
