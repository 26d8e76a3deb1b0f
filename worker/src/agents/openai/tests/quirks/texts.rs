//! Text in various encodings and in various places.

use super::*;

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

#[tokio::test(start_paused = true)]
async fn reads_characters_in_any_encoding() {
    let sse = |strings: &[&str]| -> String {
        let deltas = strings.iter().map(|content| format!("data: {{\"choices\":[{{\"delta\":{content}}}]}}\n\n"));
        deltas.chain([DONE.to_owned()]).collect()
    };
    let whole = [text("é🎉重"), DONE.to_owned()].concat();
    let bom = |bytes: Vec<u8>, bom: &[u8]| [bom, &bytes].concat();
    check(vec![
        row("an emoji in two chunks").send(sse(&[r#"{"content":"a\ud83c"}"#, r#"{"content":"\udf89b"}"#])).text("a🎉b"),
        row("with an empty chunk between").send(sse(&[r#"{"content":"\ud83c"}"#, r#"{"content":""}"#, r#"{"content":"\udf89"}"#])).text("🎉"),
        row("in an array of parts")
            .send(sse(&[r#"{"content":[{"type":"text","text":"\ud83c"},{"type":"text","text":"\udf89"},{"type":"text","text":"\ud83d"}]}"#, r#"{"content":[{"type":"text","text":"\ude00"}]}"#]))
            .text("🎉😀"),
        row("in a thought").send(sse(&[r#"{"reasoning_content":"\ud83c"}"#, r#"{"reasoning_content":"\udf89"}"#, r#"{"content":"a"}"#])).thought("🎉").text("a"),
        row("lone halves").send(sse(&[r#"{"content":"\ud83d"}"#, r#"{"content":"a\udf89"}"#])).text("\u{fffd}a\u{fffd}"),
        row("a half at the end").send(sse(&[r#"{"content":"a\ud83d"}"#])).text("a\u{fffd}"),
        row("a half at the end of a thought").send(sse(&[r#"{"reasoning":"a\ud83d"}"#, r#"{"content":"\ude00b"}"#])).thought("a\u{fffd}").text("\u{fffd}b"),
        row("an unknown escape and raw control characters").send(sse(&["{\"content\":\"a\\x\tb\"}"])).text("a\\x\tb"),
        row("NaN").send(["data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"logprobs\":NaN}]}\n\n", DONE].concat()).text("a"),
        row("NUL").send([&*text("a\0"), &text("\0b"), DONE].concat()).text("ab"),
        row("a byte order mark").send(bom(whole.clone().into_bytes(), b"\xef\xbb\xbf")).text("é🎉重"),
        row("UTF-16 with a mark").send(bom(utf16(&whole, u16::to_le_bytes), b"\xff\xfe")).text("é🎉重"),
        row("UTF-16 as declared").content_type("text/event-stream; charset=utf-16be").send(utf16(&whole, u16::to_be_bytes)).text("é🎉重"),
        row("Latin-1 as declared").content_type("text/event-stream;charset=ISO-8859-1").send(b"data: {\"choices\":[{\"delta\":{\"content\":\"caf\xe9\"}}]}\n\ndata: [DONE]\n\n").text("café"),
        row("UTF-8 under another name").content_type("text/event-stream; charset=iso-8859-1").send(&whole).text("é🎉重"),
        row("bytes that are not UTF-8").send(b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\xe2\x82\"}}]}\n\ndata: [DONE]\n\n").text("a\u{fffd}\u{fffd}"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn reads_an_answer_that_is_not_streamed() {
    let message =
        json!({"choices": [{"message": {"role": "assistant", "content": "Hi\u{0} there"}, "finish_reason": "length"}]});
    let chunks = json!([{"choices": [{"delta": {"content": "a"}}]}, {"choices": [{"delta": {"content": "b"}, "finish_reason": "stop"}]}]);
    check(vec![
        row("a document").content_type("application/json").send(format!("\n{message:#}\n")).text("Hi there").finish(FinishReason::Length),
        row("without a reason").send(r#"{"choices":[{"message":{"content":"a"}}]}"#).text("a"),
        row("the older form").send(r#"{"choices":[{"text":"a","finish_reason":"stop"}]}"#).text("a"),
        row("a list of chunks").send(chunks.to_string()).text("ab"),
        row("chunks as lines")
            .content_type("application/x-ndjson")
            .send("{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n{\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n")
            .text("ab"),
        row("chunks as lines without an end")
            .send("{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n")
            .text("a")
            .fails(ErrorCode::AgentNetwork, "middle"),
        row("a document that is cut").send("{\"choices\":[{\"message\":{\"content\":\"a").fails(ErrorCode::AgentNetwork, "middle"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn reads_a_repeated_message_once() {
    let whole = |delta: Value, content: &str, reason: Value| {
        event(
            &json!({"choices": [{"index": 0, "delta": delta, "message": {"role": "assistant", "content": content}, "finish_reason": reason}]}),
        )
    };
    let message = |content: &str, reason: &str| {
        event(&json!({"choices": [{"message": {"content": content}, "finish_reason": reason}]}))
    };
    let (a, b, none) = (text("a"), text(" b"), Value::Null);
    let thought = delta(&json!({"reasoning_content": "hm"}));
    let with_thought = event(
        &json!({"choices": [{"message": {"content": "a b", "reasoning_content": "hm"}, "finish_reason": "stop"}]}),
    );
    check(vec![
        row("at the end").send([&*a, &b, &message("a b", "stop"), DONE].concat()).text("a b"),
        row("with a null delta").send([&*a, &b, &whole(none.clone(), "a b", json!("stop")), DONE].concat()).text("a b"),
        row("with an empty delta").send([&*a, &b, &whole(json!({}), "a b", json!("stop")), DONE].concat()).text("a b"),
        row("with more text").send([&*a, &message("a b", "stop"), DONE].concat()).text("a b"),
        row("with other white space").send([&*text("\na"), &b, &message("a b\n", "stop"), DONE].concat()).text("\na b"),
        row("with thoughts").send([&*thought, &a, &b, &with_thought, DONE].concat()).thought("hm").text("a b"),
        row("without the thought in tags").send([&*text("<think>hm</think>"), &a, &b, &message("a b", "stop"), DONE].concat()).thought("hm").text("a b"),
        row("with another text").send([&*a, &message(" c", "stop"), DONE].concat()).text("a c"),
        row("beside each delta")
            .send([&*whole(json!({"content": "a"}), "a", none.clone()), &whole(json!({"content": " b"}), "a b", none.clone()), &whole(json!({"content": ""}), "a b", json!("stop")), DONE].concat())
            .text("a b"),
        row("alone").send([&*delta(&json!({"role": "assistant"})), &message("a b", "stop"), DONE].concat()).text("a b"),
        row("in pieces").send([&*event(&json!({"choices": [{"message": {"content": "a"}}]})), &event(&json!({"choices": [{"message": {"content": "a"}}]})), &end("stop")].concat()).text("aa"),
        row("an emoji in halves")
            .send(["data: {\"choices\":[{\"delta\":{\"content\":\"\\ud83c\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"\\udf89\"}}]}\n\n", &message("🎉", "stop"), DONE].concat())
            .text("🎉"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn reads_one_of_several_choices() {
    let choice = |index: u64, content: &str| json!({"index": index, "delta": {"content": content}});
    let chunk = |choices: &[Value]| event(&json!({"choices": choices}));
    let notice = "The agent's server sent several answers. Only one is shown.";
    let end_of =
        |index: u64, reason: &str| event(&json!({"choices": [{"index": index, "delta": {}, "finish_reason": reason}]}));
    check(vec![
        row("mixed")
            .send(
                [
                    &*chunk(&[choice(0, "a")]),
                    &chunk(&[choice(1, "c")]),
                    &chunk(&[choice(0, "b")]),
                    &end_of(1, "length"),
                    &end_of(0, "stop"),
                    DONE,
                ]
                .concat(),
            )
            .notice(notice)
            .text("ab"),
        row("the second one first")
            .send([&*chunk(&[choice(1, "c"), choice(0, "a")]), &end("stop"), DONE].concat())
            .notice(notice)
            .text("a"),
        row("only another index")
            .send([&*chunk(&[choice(1, "a")]), &chunk(&[choice(1, "b")]), &end_of(1, "stop"), DONE].concat())
            .text("ab"),
        row("an absurd index")
            .send([&*text("a"), &chunk(&[choice(99_999, "b")]), &end("stop"), DONE].concat())
            .text("ab"),
        row("choices in an object")
            .send([&*event(&json!({"choices": {"0": {"delta": {"content": "a"}}}})), &end("stop"), DONE].concat())
            .text("a"),
        row("a transcript")
            .send(
                [
                    &*delta(&json!({"audio": {"id": "x", "transcript": "a"}})),
                    &delta(&json!({"audio": {"transcript": "b"}})),
                    &delta(&json!({"audio": {"data": "AAAA"}})),
                    &end("stop"),
                    DONE,
                ]
                .concat(),
            )
            .notice("The agent returned audio. Audio can't be played yet.")
            .text("ab"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn returns_images_and_keeps_the_text() {
    let data = |bytes: usize| "iVBO".repeat(bytes / 3);
    let image = |bytes: usize| format!("data:image/png;base64,{}", data(bytes));
    let shown = |size: &str| format!("The agent returned an image (PNG, {size}) that exceeds the size limit.");
    let url = |bytes: usize| json!({"type": "image_url", "image_url": {"url": image(bytes)}});
    let mut rows = Vec::new();
    for (bytes, size) in [(3, None), (1_125_000, None), (9_000_000, Some("9.0 MB"))] {
        let expect = |row: Row| match size {
            None => row.file(bytes),
            Some(size) => row.notice(&shown(size)),
        };
        let parts = json!({"content": [{"type": "text", "text": "a"}, url(bytes), {"type": "text", "text": "b"}]});
        let sent = [&*delta(&parts), &end("stop"), DONE].concat();
        rows.push(expect(row("in an array of parts").send(sent).text("ab")));
        let images = json!({"content": "a", "images": [url(bytes)]});
        let sent = [&*delta(&images), &text("b"), &end("stop"), DONE].concat();
        rows.push(expect(row("in a list of images").send(sent).text("ab")));
        let inline = json!({"mime_type": "image/png", "data": data(bytes)});
        let inline = json!({"content": {"parts": [{"text": "a"}, {"inline_data": inline}]}});
        rows.push(expect(row("inline").send([&*delta(&inline), &end("stop"), DONE].concat()).text("a")));
        let whole =
            json!({"choices": [{"message": {"content": "a", "images": [url(bytes)]}, "finish_reason": "stop"}]});
        rows.push(expect(row("in a document").send(whole.to_string()).text("a")));
    }
    let link = json!({"images": [{"image_url": {"url": "https://example.org/a.png"}}]});
    rows.push(
        row("a link")
            .send([&*text("a"), &delta(&link), &text("b"), &end("stop"), DONE].concat())
            .text("a\n\n<https://example.org/a.png>\n\nb"),
    );
    let broken = json!({"content": "a", "images": ["data:image/png;base64,*"]});
    rows.push(
        row("not base64")
            .send([&*delta(&broken), &end("stop"), DONE].concat())
            .text("a")
            .notice("The agent returned an image (PNG) that couldn’t be read."),
    );
    let large = json!({"content": [{"type": "text", "text": "a"}, url(24_000_000)]});
    rows.push(row("32 MB in one line").send([&*delta(&large), DONE].concat()).text("a").notice(&shown("24.0 MB")));
    let numbers = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"lost\",\"image\":[{}]}}}}]}}\n\n",
        "137, ".repeat(2_000_000)
    );
    rows.push(
        row("a frame that cannot be shortened")
            .send([&*text("a"), &numbers, &text("b"), &end("stop"), DONE].concat())
            .text("ab")
            .notice("Part of the answer was too large and was omitted."),
    );
    check(rows).await;
}

#[tokio::test(start_paused = true)]
async fn reads_damaged_frames() {
    let b = r#"{"choices":[{"index":0,"delta":{"content":"b"}}]}"#;
    let c = r#"{"choices":[{"index":0,"delta":{"content":"c"}}]}"#;
    let with = |field: &str| format!("data: {}\n\n", b.replacen('{', &format!("{{{field},"), 1));
    let deep = format!("\"x\":{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for (name, frame) in [
        ("a trailing comma", "data: {\"choices\":[{\"delta\":{\"content\":\"b\"},}],}\n\n".to_owned()),
        ("two values on a line", format!("data: {b}{c}\n\n")),
        ("two events on a line", format!("data: {b}data: {c}\n\n")),
        ("two events on a line with escaped line breaks", format!("data: {b}\\n\\ndata: {c}\\n\\n\n\n")),
        ("a field name twice", format!("data: data: {b}\n\n")),
        ("a space before the field", format!(" data: {b}\n\n")),
        ("a field in capitals", format!("DATA: {b}\n\n")),
        ("a mark before the field", format!("\u{feff}data: {b}\n\n")),
        ("a mark before the data", format!("data: \u{feff}{b}\n\n")),
        ("NUL before the field", format!("\0data: {b}\n\n")),
        ("a number out of range", with("\"created\":1e999")),
        ("deep nesting", with(&deep)),
        ("words before the data", format!("data: chunk {b}\n\n")),
        ("a raw line break", "data: {\"choices\":[{\"delta\":{\"content\":\"b\nd\"}}]}\n\n".to_owned()),
    ] {
        let read = match name {
            "a raw line break" => "ab\nde",
            _ if frame.contains(c) => "abce",
            _ => "abe",
        };
        row(name).send([&*text("a"), &frame, &text("e"), &end("stop"), DONE].concat()).text(read).check().await;
    }
    let glued = [text("a"), end("stop")].concat().replace("\n\n", "");
    check(vec![
        row("a whole stream on a line").send([&*glued, "data: [DONE]\n\n"].concat()).text("a"),
        row("an end on the same line").send([&*text("a"), end("stop").trim_end(), "[DONE]\n\n"].concat()).text("a"),
        row("an end on the same line as JSON")
            .send([&*text("a"), &end("stop").trim_end()[6..], "[DONE]"].concat())
            .text("a"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn shows_a_notice_for_lost_output() {
    let (a, b, stopped) = (text("a"), text("b"), end("stop"));
    let notice = "Part of the answer could not be read.";
    for lost in [
        "data: {\"choices\":[{\"delta\":{\"content\":\"lo\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"no error\n\n",
        "data: {'choices': [{'delta': {'content': 'lost'}}], 'error': None}\n\n",
        "{\"choices\":[{\"delta\":{\"content\":oops}}]}\n",
    ] {
        let read = row(lost).send([&*a, lost, &b, &stopped, DONE].concat());
        read.text("ab").notice(notice).check().await;
    }
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"lo";
    check(vec![
        row("single line ends")
            .send([&*a, cut, "\n", &b, &stopped, DONE].concat().replace("\n\n", "\n"))
            .text("ab")
            .notice(notice),
        row("on one line").send([&*a, cut, &b, &stopped, DONE].concat()).text("ab").notice(notice),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn stops_at_the_maximum_length() {
    let part = text(&"é".repeat(50_000));
    let sends = (0..12).map(|_| Action::Bytes(part.clone().into_bytes())).chain([Action::Silence]).collect();

    let found = read("", sends).await;

    assert_eq!((found.read.text.len(), found.read.outcome), (1024 * 1024, Ok(FinishReason::Length)));
}
