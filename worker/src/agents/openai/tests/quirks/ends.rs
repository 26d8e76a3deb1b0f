//! How the end of an answer is recognized.

use super::*;

fn thought_and_end(thought: &str) -> String {
    last_delta(&json!({"reasoning_content": thought}), "stop")
}

const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";

#[tokio::test(start_paused = true)]
async fn ignores_a_finish_reason_followed_by_output() {
    check(vec![
        row("a finish in each chunk")
            .send(last_delta(&json!({"content": "a"}), "stop"))
            .pause(12)
            .send(last_delta(&json!({"content": "b"}), "stop"))
            .pause(7)
            .send([&*last_delta(&json!({"content": "c"}), "stop"), DONE].concat())
            .text("abc"),
        row("a finish with thoughts, a long pause, then text")
            .send(thought_and_end("h"))
            .pause(40)
            .send(thought_and_end("m"))
            .pause(7)
            .send([&*last_delta(&json!({"content": "a"}), "stop"), DONE].concat())
            .thought("hm")
            .text("a"),
        row("a finish with the role")
            .send(last_delta(&json!({"role": "assistant", "content": ""}), "stop"))
            .pause(12)
            .send([&*text("a"), &end("stop")].concat())
            .text("a"),
        row("text without an end after a finish")
            .send([&*end("stop"), &text("a")].concat())
            .text("a")
            .fails(ErrorCode::AgentNetwork, "middle"),
        row("another reason later")
            .send([&*end("stop"), &text("a"), &end("length")].concat())
            .text("a")
            .finish(FinishReason::Length),
        row("a cut in the chunk after a finish")
            .send(last_delta(&json!({"content": "a"}), "stop"))
            .send("data: {\"choices\":[{\"delta\":{\"content\":\"b")
            .text("a")
            .fails(ErrorCode::AgentNetwork, "middle"),
        row("a cut in a text that mentions errors")
            .send([&*text("a"), "data: {\"choices\":[{\"delta\":{\"content\":\"no errors"].concat())
            .text("a")
            .fails(ErrorCode::AgentNetwork, "middle"),
        row("a broken connection between chunks with a finish")
            .send([last_delta(&json!({"content": "a"}), "stop"), last_delta(&json!({"content": "b"}), "stop")].concat())
            .breaks()
            .text("ab")
            .fails(ErrorCode::AgentNetwork, "reset"),
        row("a broken connection after the end").send([text("a"), end("stop")].concat()).breaks().text("a"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn ends_an_answer_by_silence() {
    let cases = [
        (vec![text("a"), end("stop")], Ok(FinishReason::Stop), 15),
        (vec![text("a"), end("stop"), USAGE.to_owned()], Ok(FinishReason::Stop), 3),
        (vec![thought_and_end("hm")], Ok(FinishReason::Stop), 120),
        (vec![text("a"), DONE.to_owned()], Ok(FinishReason::Stop), 0),
        (vec![text("a"), end("length").trim_end().to_owned()], Ok(FinishReason::Length), 120),
        (vec![text("a")], Err(ErrorCode::Timeout), 120),
    ];
    for (parts, outcome, seconds) in cases {
        let sends =
            parts.iter().map(|part| Action::Bytes(part.clone().into_bytes())).chain([Action::Silence]).collect();

        let found = read("", sends).await;

        assert_eq!(found.read.outcome.map_err(|(code, _)| code), outcome, "{parts:?}");
        assert_eq!(found.took, Duration::from_secs(seconds), "{parts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ignores_keepalives_after_the_end() {
    let mut sends = vec![Action::Bytes([text("a"), end("stop")].concat().into_bytes())];
    for _ in 0..60 {
        sends.extend([Action::Pause(2), Action::Bytes(b": ping\n\nevent: ping\ndata: 7\n\n".to_vec())]);
    }

    let found = read("", sends).await;

    assert_eq!((found.read.text.as_str(), found.took), ("a", Duration::from_secs(15)));
}

#[tokio::test(start_paused = true)]
async fn reads_usage_wherever_it_is_sent() {
    let own = "data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    for parts in [
        [&*text("a"), &end("stop"), USAGE, DONE],
        [&text("a"), own, &end("stop"), DONE],
        [USAGE, &text("a"), &end("stop"), DONE],
    ] {
        let found = read("", vec![Action::Bytes(parts.concat().into_bytes())]).await;

        assert_eq!(found.usage, Some(Usage { input_tokens: 3, output_tokens: 2 }));
    }
}

#[tokio::test(start_paused = true)]
async fn shows_a_notice_if_the_token_limit_precedes_the_answer() {
    let limit = "The token limit was reached before an answer.";
    let weather = "The model tried to call the tool `get_weather`, but no tools are available.";
    let call =
        delta(&json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "get_weather", "arguments": ""}}]}));
    let arguments = delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}));
    check(vec![
        row("thoughts up to the limit")
            .send([&*delta(&json!({"reasoning_content": "hm"})), &end("length"), DONE].concat())
            .thought("hm")
            .notice(limit)
            .finish(FinishReason::Length),
        row("a thought in tags up to the limit")
            .send([&*text("<think>hm"), &end("length"), DONE].concat())
            .thought("hm")
            .notice(limit)
            .finish(FinishReason::Length),
        row("nothing at all up to the limit").send([&*end("length"), DONE].concat()).notice(limit).finish(FinishReason::Length),
        row("text up to the limit").send([&*text("a"), &end("length"), DONE].concat()).text("a").finish(FinishReason::Length),
        row("a tool that does not exist").send([&*call, &arguments, &end("tool_calls"), DONE].concat()).notice(weather),
        row("text and such a tool").send([&*text("a"), &call, &end("tool_calls"), DONE].concat()).text("a").notice(weather),
        row("a function")
            .send([&*delta(&json!({"function_call": {"name": "get_weather", "arguments": "{"}})), &end("function_call"), DONE].concat())
            .notice(weather),
        row("a tool in a whole message")
            .send(json!({"choices": [{"message": {"content": null, "tool_calls": [{"function": {"name": "get_weather"}}]}, "finish_reason": "tool_calls"}]}).to_string())
            .notice(weather),
    ])
    .await;
}
