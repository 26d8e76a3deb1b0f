//! Errors in the middle of a stream. The answer fails with the server's message, and the preceding text is kept.

use super::*;

/// Returns lines and frames that report an error, all with the same message.
fn reports() -> Vec<(&'static str, String)> {
    vec![
        ("a line without a field", "error: {\"code\":500,\"message\":\"slot lost\"}\n".into()),
        ("the same in capitals", "ERROR: slot lost\n".into()),
        ("words without a colon", "Error slot lost\n".into()),
        ("a comment", ": error: slot lost\n".into()),
        ("words as data", "data: error: slot lost\n\n".into()),
        ("a string as data", "data: \"Error: slot lost\"\n\n".into()),
        ("an error event", "event: error\ndata: slot lost\n\n".into()),
        ("an error event with JSON", "event: error\ndata: {\"message\":\"slot lost\"}\n\n".into()),
        ("an error event of another name", "event: server_error\ndata: slot lost\n\n".into()),
        ("an object", "data: {\"error\":{\"message\":\"slot lost\"}}\n\n".into()),
        ("a sentence", "data: {\"error\":\"slot lost\"}\n\n".into()),
        ("a detail", "data: {\"detail\":\"slot lost\"}\n\n".into()),
        ("a line of JSON", "{\"error\":{\"message\":\"slot lost\"}}\n".into()),
        ("a line of JSON with a detail", "{\"detail\":\"slot lost\"}\n".into()),
        ("a document of several lines", "{\n  \"error\": {\n    \"message\": \"slot lost\"\n  }\n}\n".into()),
        ("an error type", "data: {\"type\":\"error\",\"message\":\"slot lost\"}\n\n".into()),
        ("an error code", "data: {\"code\":500,\"msg\":\"slot lost\"}\n\n".into()),
        ("a list", "data: {\"errors\":[{\"message\":\"slot lost\"}]}\n\n".into()),
        ("an array", "data: [{\"error\":{\"message\":\"slot lost\"}}]\n\n".into()),
        ("in a choice", event(&json!({"choices": [{"delta": {}, "error": {"message": "slot lost"}}]}))),
        ("in a delta", event(&json!({"choices": [{"delta": {"error": "slot lost"}}]}))),
        ("beside choices", event(&json!({"choices": [], "error": {"message": "slot lost"}}))),
        ("in a second choice", event(&json!({"choices": [{"delta": {}}, {"error": {"message": "slot lost"}}]}))),
        ("lone surrogates", "data: {\"error\":\"slot\\ud83d lost\"}\n\n".replace("\\ud83d", "")),
        ("a Python literal", "data: {'error': 'slot lost'}\n\n".into()),
    ]
}

#[tokio::test(start_paused = true)]
async fn fails_with_the_message_of_an_error_in_any_form() {
    let (a, stopped) = (text("a"), end("stop"));
    for (name, report) in reports() {
        for (before, after) in
            [(&*a, ""), (&a, DONE), (&a, &*[&*stopped, DONE].concat()), (&*[&*a, &stopped].concat(), DONE)]
        {
            let failed = row(name).send([before, &report, after].concat()).text("a");
            failed.fails(ErrorCode::AgentError, "slot lost").check().await;
        }
        let first = row(name).send([&*report, DONE].concat());
        first.fails(ErrorCode::AgentError, "slot lost").check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn detects_an_error_on_an_open_connection_immediately() {
    for (name, report) in reports() {
        let sends = vec![Action::Bytes([text("a"), report].concat().into_bytes()), Action::Silence];

        let found = read("", sends).await;

        assert_eq!((found.read.outcome.is_err(), found.took), (true, Duration::ZERO), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn maps_an_error_to_a_code() {
    check(vec![
        row("overflow in the first line")
            .send("error: {\"code\":500,\"message\":\"the request exceeds the available context size (4096 tokens)\"}\n\n")
            .fails(ErrorCode::ContextOverflow, "available context size"),
        row("overloaded after text")
            .send([&*text("a"), "data: {\"error\":{\"code\":503,\"message\":\"busy for sk-test\"}}\n\n"].concat())
            .text("a")
            .fails(ErrorCode::AgentOverloaded, "busy for ***"),
        row("a status that is no error").send([&*text("a"), "data: {\"code\":200,\"status\":\"ok\"}\n\n", DONE].concat()).text("a"),
        row("the server gives up").send([&*text("a"), &end("error"), DONE].concat()).text("a").fails(ErrorCode::AgentError, "aborted"),
        row("an event without words").send([&*text("a"), "event: error\n\n", DONE].concat()).text("a").fails(ErrorCode::AgentError, "reported an error"),
        row("an event without words at the end").send([&*text("a"), "event: error"].concat()).text("a").fails(ErrorCode::AgentError, "reported an error"),
        row("in place of the answer").send("{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\"}}").fails(ErrorCode::AgentRefused, "x"),
        row("words in place of the answer").send("Internal Server Error").fails(ErrorCode::AgentError, "Internal Server Error"),
    ])
    .await;
}
