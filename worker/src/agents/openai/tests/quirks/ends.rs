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
async fn ends_an_answer_after_silence() {
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
    let mut actions = vec![Action::Bytes([text("a"), end("stop")].concat().into_bytes())];
    for _ in 0..60 {
        actions.extend([Action::Pause(2), Action::Bytes(b": ping\n\nevent: ping\ndata: 7\n\n".to_vec())]);
    }

    let found = read("", actions).await;

    assert_eq!((found.read.text.as_str(), found.took), ("a", Duration::from_secs(15)));
}

#[tokio::test(start_paused = true)]
async fn ignores_chunks_that_add_nothing_after_the_end() {
    for idle in [event(&json!({"choices": []})), text(""), end("stop"), delta(&json!({"role": "assistant"}))] {
        let mut actions = vec![Action::Bytes([text("a"), end("stop")].concat().into_bytes())];
        for _ in 0..60 {
            actions.extend([Action::Pause(1), Action::Bytes(idle.clone().into_bytes())]);
        }

        let found = read("", actions).await;

        assert_eq!(found.read.outcome, Ok(FinishReason::Stop), "{idle}");
        assert_eq!((found.read.text.as_str(), found.took), ("a", Duration::from_secs(15)), "{idle}");
    }
}

#[tokio::test(start_paused = true)]
async fn fails_with_the_text_sent_in_place_of_the_end() {
    let failed = |name, words: &str, code, said| {
        ["", DONE].map(|end| row(name).send([&*text("a"), words, end].concat()).text("a").fails(code, said))
    };
    let early = |said: &str| format!("ended the answer early. The server says: {said}");
    let page = "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n<h1>504 Gateway Time-out</h1>\r\n</body>\r\n</html>\r\n";
    let object = |value: Value| event(&value);
    let error = ErrorCode::AgentError;
    let rows = [
        failed("a line", "upstream request timeout\n\n", error, &*early("upstream request timeout")),
        failed(
            "two lines",
            "grpc-status: 14\ngrpc-message: slot lost\n\n",
            error,
            &*early("grpc-status: 14 grpc-message: slot lost"),
        ),
        failed("words as data", "data: stream timeout\n\n", error, &*early("stream timeout")),
        failed("a string as data", "data: \"stream timeout\"\n\n", error, &*early("stream timeout")),
        failed("a page", page, error, &*early("504 Gateway Time-out")),
        failed(
            "a page with an error",
            "<title>500 Internal Server Error</title>\n",
            error,
            "says: 500 Internal Server Error",
        ),
        failed("LMDeploy", "data: [ERROR] CUDA error: slot lost\n\n", error, "says: CUDA error: slot lost"),
        failed("a message", &object(json!({"message": "backend exploded"})), error, "says: backend exploded"),
        failed(
            "a message with an id",
            &object(json!({"id": "x", "message": "backend exploded"})),
            error,
            "says: backend exploded",
        ),
        failed(
            "a message beside choices",
            &object(json!({"choices": [], "message": "not in your region"})),
            error,
            "says: not in your region",
        ),
        failed(
            "DashScope",
            &object(json!({"code": "InternalError.Algo", "message": "backend exploded"})),
            error,
            "says: backend exploded",
        ),
        failed(
            "throttled",
            &object(json!({"code": "Throttled", "message": "too busy now"})),
            ErrorCode::AgentRateLimited,
            "says: too busy now",
        ),
        failed(
            "an exception",
            &object(json!({"type": "exception", "message": "backend exploded"})),
            error,
            "says: backend exploded",
        ),
    ];
    for row in rows.into_iter().flatten() {
        row.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn reports_text_outside_the_answer_only_if_nothing_follows() {
    let error = ErrorCode::AgentError;
    let object = |value: Value| event(&value);
    let words = "upstream request timeout\n\n";
    check(vec![
        row("words without an end")
            .send([&*text("a"), words].concat())
            .breaks()
            .text("a")
            .fails(ErrorCode::AgentNetwork, "says: upstream request timeout"),
        row("words and silence")
            .send([&*text("a"), words].concat())
            .silence()
            .text("a")
            .fails(ErrorCode::Timeout, "says: upstream request timeout"),
        row("words before output").send([&*text("a"), words, &text("b"), DONE].concat()).text("ab"),
        row("words before a reason").send([&*text("a"), words, &end("stop"), DONE].concat()).text("a"),
        row("words after a reason").send([&*text("a"), &end("stop"), words].concat()).text("a"),
        row("words of success").send([&*text("a"), &object(json!({"message": "success"})), DONE].concat()).text("a"),
        row("a message about a success")
            .send([&*text("a"), &object(json!({"status": "success", "message": "2 tokens in 1 s"})), DONE].concat())
            .text("a"),
        row("a ping").send([&*text("a"), "event: ping\ndata: hello\n\n", DONE].concat()).text("a"),
        row("a message and nothing else")
            .send([&*text(""), &object(json!({"message": "backend exploded"})), DONE].concat())
            .fails(error, "says: backend exploded"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn distinguishes_finish_reasons() {
    let error = ErrorCode::AgentError;
    let choice = json!({"choices": [{"delta": {}, "finish_reason": "error", "message": "backend exploded"}]});
    check(vec![
        row("a message beside a reason")
            .send([&*text("a"), &event(&choice), DONE].concat())
            .text("a")
            .fails(error, "aborted the answer. The server says: backend exploded"),
        row("a reason that is no end")
            .send([&*text("a"), &end("time_limit"), DONE].concat())
            .text("a")
            .fails(error, "aborted the answer. The server says: time_limit"),
        row("an overloaded server")
            .send([&*text("a"), &end("engine_overloaded"), DONE].concat())
            .text("a")
            .fails(ErrorCode::AgentOverloaded, "engine_overloaded"),
        row("an unknown reason")
            .send([&*text("a"), &end("new"), DONE].concat())
            .text("a")
            .notice("The agent's server ended the answer. Reason: `new`."),
        row("two reasons")
            .send([&*text("a"), &end("length"), &end("stop"), DONE].concat())
            .text("a")
            .finish(FinishReason::Length),
    ])
    .await;
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
    let limit = "The token limit was reached before the model answered.";
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
        row("a tool's name in two pieces")
            .send([&*delta(&json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "get_"}}]})), &delta(&json!({"tool_calls": [{"index": 0, "function": {"name": "weather"}}]})), &end("tool_calls"), DONE].concat())
            .notice(weather),
        row("a custom tool")
            .send([&*delta(&json!({"tool_calls": [{"index": 0, "type": "custom", "custom": {"name": "get_weather"}}]})), &end("tool_calls"), DONE].concat())
            .notice(weather),
        row("a function")
            .send([&*delta(&json!({"function_call": {"name": "get_weather", "arguments": "{"}})), &end("function_call"), DONE].concat())
            .notice(weather),
        row("a tool in a whole message")
            .send(json!({"choices": [{"message": {"content": null, "tool_calls": [{"function": {"name": "get_weather"}}]}, "finish_reason": "tool_calls"}]}).to_string())
            .notice(weather),
    ])
    .await;
}
