//! Unknown but harmless input is ignored. A body that contains nothing else is an error.

use super::*;

#[tokio::test(start_paused = true)]
async fn reads_answers_among_unknown_input() {
    let (a, b, stopped) = (text("a"), text("b"), end("stop"));
    let rows = [
        ("CRLF", [&*a, &b, &stopped, DONE].concat().replace('\n', "\r\n")),
        ("CR", [&*a, &b, &stopped, DONE].concat().replace('\n', "\r")),
        ("no [DONE]", [&*a, &b, &stopped].concat()),
        ("no finish_reason", [&*a, &b, DONE].concat()),
        ("no last line end", [&*a, &b, "data: [DONE]"].concat()),
        ("a finish without a line end", [&*a, &b, stopped.trim_end()].concat()),
        ("single line ends", [&*a, &b, &stopped, DONE].concat().replace("\n\n", "\n")),
        (
            "comments with numbers of errors",
            [&*a, ": error count 0\n", ": errors=0 queue=3\n\n", ":error-budget 99.9%\n\n", &b, &stopped, DONE]
                .concat(),
        ),
        (
            "errors that are successes",
            [&*a, &b, &stopped, DONE]
                .concat()
                .replace("{\"choices\"", "{\"error\":{\"code\":0,\"message\":\"success\"},\"choices\""),
        ),
        ("comments", [": hi\n\n", &a, ": ping\n", &b, ":\n\n", &stopped, DONE].concat()),
        ("no space after the colon", [&*a, &b, DONE].concat().replace("data: ", "data:")),
        ("objects of several lines", [&*a, &b, DONE].concat().replace("{\"choices\":", "{\ndata: \"choices\":\ndata:")),
        ("event names and ids", [&*a, &b, DONE].concat().replace("data: ", "event: chunk\nid: 1\nretry: 9\ndata: ")),
        ("JSON pings", ["event: ping\ndata: {\"type\":\"ping\"}\n\n", &a, "data:\n\n", &b, DONE].concat()),
        ("pings with a time", [&*a, "event: ping\ndata: 2026-01-31T12:00:00Z\n\n", &b, DONE].concat()),
        ("pings with a number", ["event: keepalive\ndata: 7\n\n", &a, &b, DONE].concat()),
        ("broken JSON", [&*a, "data: {oops}\n\n", &b, &stopped, DONE].concat()),
        ("words", [&*a, "hello there\n\n", &b, &stopped, DONE].concat()),
        ("unknown objects", [&*a, "data: {\"event\":\"progress\",\"progress\":0.5}\n\n", &b, &stopped, DONE].concat()),
        ("other values", [&*a, "data: null\n\ndata: \"x\"\n\ndata: [1]\n\n", &b, &stopped, DONE].concat()),
        ("unknown and single line ends", [&*a, "data: ping\n\n", &b, &stopped, DONE].concat().replace("\n\n", "\n")),
        ("a page after the end", [&*a, &b, DONE, "<html>\n\n{"].concat()),
        ("blank lines first", ["\r\n\n", &*a, &b, DONE].concat()),
        ("a bare [DONE]", [&*a, &b, "[DONE]\n"].concat()),
        ("empty errors", [&*a, &b, DONE].concat().replace("{\"choices\"", "{\"error\":null,\"choices\"")),
    ];
    check(rows.map(|(name, body)| row(name).send(body).text("ab")).into()).await;
    check(vec![row("nothing but the end").send(DONE), row("an empty answer").send([&*end("stop"), DONE].concat())])
        .await;
}

#[tokio::test(start_paused = true)]
async fn fails_if_there_is_no_answer() {
    let protocol = ErrorCode::AgentProtocol;
    check(vec![
        row("a page").send("<!doctype html><p>Hi").fails(protocol, "returned a web page"),
        row("words").send("Hello there\n").fails(protocol, "The response was: Hello there"),
        row("words without a line end").send("Hello there").fails(protocol, "The response was: Hello there"),
        row("other JSON").send("{\"hello\":1}").fails(protocol, "The response was: {\"hello\":1}"),
        row("a list").send("[1]").fails(protocol, "The response was: [1]"),
        row("other events").send("data: {\"hello\":1}\n\n").fails(protocol, "The response was: {\"hello\":1}"),
        row("pings and an end")
            .send(["event: ping\ndata: 7\n\n", DONE].concat())
            .fails(protocol, "The response was: 7"),
        row("a page without end").send("<p>x\n".repeat(2_000)).silence().fails(protocol, "returned a web page"),
        row("nothing").send("").fails(ErrorCode::AgentNetwork, "middle"),
        row("comments").send(": hi\n\n").fails(ErrorCode::AgentNetwork, "middle"),
        row("broken JSON instead of an end")
            .send([&*text("a"), "data: {oops}\n\n"].concat())
            .text("a")
            .fails(ErrorCode::AgentNetwork, "middle"),
    ])
    .await;
}
