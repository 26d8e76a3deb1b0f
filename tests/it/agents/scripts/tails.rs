//! Chunks and requests that arrive after a turn's result.

use serde_json::json;

use super::{Row, play, request, update};

fn rows() -> Vec<Row> {
    let text = |text: &str, pause: u32| json!({"say": text, "pause": pause});
    let ended = |pause: u32| json!({"end": {"stopReason": "end_turn"}, "pause": pause});
    let tool =
        |status: &str| update("tool_call_update", json!({"toolCallId": "t", "title": "Build", "status": status}));
    vec![
        Row::answers("a tail after 30 ms", json!([text("one ", 0), ended(30), text("two", 0)]), "one two"),
        Row::answers("a tail after 200 ms", json!([text("one ", 0), ended(200), text("two", 0)]), "one two"),
        Row::answers(
            "a tail in pieces",
            json!([ended(100), text("one ", 150), text("two ", 150), text("three ", 150), text("four", 0)]),
            "one two three four",
        ),
        Row::answers("a whole answer after 800 ms", json!([ended(800), text("one", 0)]), "one"),
        Row::answers("a late tool", json!([text("one", 0), ended(100), tool("completed")]), "one")
            .with_steps(json!([["tool", "Build", "succeeded"]])),
        Row::answers("a late thought", json!([text("one", 0), ended(100), {"think": "hm"}]), "one")
            .with_steps(json!([["thought", "Thought", "succeeded"]])),
        Row::fails(
            "a tail after an error",
            json!([text("one ", 0), {"fail": {"code": 17, "message": "It broke"}, "pause": 100}, text("two", 0)]),
            "one two",
            "agent_error",
            "It broke",
        ),
        Row::answers(
            "a permission request after the end",
            json!([
                text("one ", 0),
                ended(50),
                request(
                    &json!(5),
                    &json!({"sessionId": "$S", "options": [
                {"optionId": "y", "name": "Yes", "kind": "allow_once"}]})
                )
            ]),
            r#"one {"outcome": "cancelled"}"#,
        ),
    ]
}

#[tokio::test]
async fn includes_chunks_after_the_result_in_the_turn() {
    play(rows()).await;
}
