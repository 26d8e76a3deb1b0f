//! Thoughts become steps, no matter where servers put them, and are never part of the text.

use super::*;

#[tokio::test(start_paused = true)]
async fn separates_thoughts_from_text_in_every_shape() {
    let ended = |parts: &[&str]| [&parts.concat(), &*end("stop"), DONE].concat();
    let thought = |value: &Value| delta(value);
    let details = json!([{"type": "reasoning.text", "text": "hm"}]);
    check(vec![
        row("several stretches")
            .send(ended(&[&thought(&json!({"reasoning_content": "Hm"})), &thought(&json!({"reasoning": ", well"})), &text("Yes"), &thought(&json!({"reasoning_content": "Or not?"})), &text(".")]))
            .thought("Hm, well")
            .thought("Or not?")
            .text("Yes."),
        row("tags").send(ended(&[&text("<thi"), &text("nk>\nh"), &text("m\n</thi"), &text("nk>\n\n"), &text("a")])).thought("hm").text("a"),
        row("other tags").send(ended(&[&text("<thinking>hm</thinking> a")])).thought("hm").text("a"),
        row("a closing tag alone").send(ended(&[&text("h"), &text("m\n</think>\n\na")])).thought("hm").text("a"),
        row("tags in an answer").send(ended(&[&text("Use `<think>` and `</think>`.")])).text("Use `<think>` and `</think>`."),
        row("tags in code").send(ended(&[&text("```\n<think>\n"), &text("</think>\n```")])).text("```\n<think>\n</think>\n```"),
        row("an open tag").send(ended(&[&text("<think>hm")])).thought("hm"),
        row("tags in a whole message").send(r#"{"choices":[{"message":{"content":"<think>hm</think>a"}}]}"#).thought("hm").text("a"),
        row("tags in parts").send(ended(&[&delta(&json!({"content": [{"type": "text", "text": "<think>h"}, {"type": "text", "text": "m</think>a"}]}))])).thought("hm").text("a"),
        row("Mistral").send(ended(&[&delta(&json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}]})), &delta(&json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]})), &delta(&json!({"content": [{"type": "text", "text": "a"}]}))])).thought("hm").text("a"),
        row("as Anthropic writes it").send(ended(&[&delta(&json!({"content": [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "a"}]}))])).thought("hm").text("a"),
        row("as Gemini writes it").send(ended(&[&delta(&json!({"content": [{"text": "hm", "thought": true}, {"text": "a"}]}))])).thought("hm").text("a"),
        row("details only").send(ended(&[&thought(&json!({"reasoning_details": details})), &text("a")])).thought("hm").text("a"),
        row("a summary").send(ended(&[&thought(&json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]})), &text("a")])).thought("hm").text("a"),
        row("details and a field").send(ended(&[&thought(&json!({"reasoning": "hm", "reasoning_details": details})), &text("a")])).thought("hm").text("a"),
        row("details that repeat a field later").send(ended(&[&thought(&json!({"reasoning": "hm"})), &thought(&json!({"reasoning": null, "reasoning_details": details})), &text("a")])).thought("hm").text("a"),
        row("details that follow a field").send(ended(&[&thought(&json!({"reasoning": "h"})), &thought(&json!({"reasoning_details": [{"type": "reasoning.text", "text": "m"}]})), &text("a")])).thought("hm").text("a"),
        row("in the choice").send(ended(&[&event(&json!({"choices": [{"delta": {"content": ""}, "reasoning_content": "hm"}]})), &text("a")])).thought("hm").text("a"),
        row("two fields").send(ended(&[&thought(&json!({"reasoning": "hm", "reasoning_content": "hm", "content": ""})), &text("a")])).thought("hm").text("a"),
        row("a field of another name").send(ended(&[&thought(&json!({"thinking": "hm"})), &text("a")])).thought("hm").text("a"),
        row("a field, and tags in the text").send(ended(&[&thought(&json!({"reasoning": "hm"})), &text("</think>\na")])).thought("hm").text("a"),
    ])
    .await;
}
