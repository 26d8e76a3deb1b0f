//! What counts as an answer.

use banter_shared::chat::{FinishReason, Usage};
use serde_json::json;

use super::{
    server::{Script, Step},
    *,
};

fn chunk(content: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": content}}]}))
}

fn finish(reason: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": {}, "finish_reason": reason}]}))
}

const DONE: &str = "data: [DONE]\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";

fn stop() -> Answer {
    Answer { finish_reason: FinishReason::Stop, usage: None }
}

#[tokio::test]
async fn a_usual_stream_is_an_answer_with_its_usage() {
    let first =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null},\"finish_reason\":null}]}\n\n";
    let body = [first, &chunk("Hé"), &chunk("llo"), &finish("stop"), USAGE, DONE].concat();

    let (text, outcome) = ask_stream(body).await;

    assert_eq!(text, "Héllo");
    let usage = Some(Usage { input_tokens: 3, output_tokens: 2 });
    assert_eq!(outcome, Ok(Answer { finish_reason: FinishReason::Stop, usage }));
}

#[tokio::test]
async fn odd_streams_are_answers_too() {
    let (a, b, stopped) = (chunk("a"), chunk("b"), finish("stop"));
    for (what, body) in [
        ("CRLF", [&*a, &b, &stopped, DONE].concat().replace('\n', "\r\n")),
        ("no [DONE]", [&*a, &b, &stopped].concat()),
        ("no finish_reason", [&*a, &b, DONE].concat()),
        ("no last line end", [&*a, &b, "data: [DONE]"].concat()),
        ("finish without line end", [&*a, &b, stopped.trim_end()].concat()),
        ("comments", [": hi\n\n", &a, ": ping\n", &b, ":\n\n", &stopped, DONE].concat()),
        ("no space after the colon", [&*a, &b, DONE].concat().replace("data: ", "data:")),
        ("many lines", [&*a, &b, DONE].concat().replace("{\"choices\":", "{\ndata: \"choices\":\ndata:")),
        ("event names and ids", [&*a, &b, DONE].concat().replace("data: ", "event: chunk\nid: 1\nretry: 9\ndata: ")),
        ("pings", ["event: ping\ndata: {\"type\":\"ping\"}\n\n", &a, "data:\n\n", &b, DONE].concat()),
        ("thoughts", ["data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n", &a, &b, DONE].concat()),
        ("NUL", ["\u{feff}", &chunk("a\0"), &chunk("\0"), &b, DONE].concat()),
        ("garbage after the end", [&*a, &b, DONE, "<html>\n\n{"].concat()),
        ("blank lines first", ["\r\n\n", &a, &b, DONE].concat()),
    ] {
        let (text, outcome) = ask_stream(body).await;

        assert_eq!((text.as_str(), outcome), ("ab", Ok(stop())), "{what}");
    }
}

#[tokio::test]
async fn an_answer_without_text_is_an_answer() {
    for body in [finish("stop") + DONE, DONE.to_owned()] {
        assert_eq!(ask_stream(body).await, (String::new(), Ok(stop())));
    }
}

#[tokio::test]
async fn the_reason_to_finish_is_kept() {
    for (reason, expected) in [("length", FinishReason::Length), ("content_filter", FinishReason::Refusal)] {
        let (text, outcome) = ask_stream([&*chunk("a"), &finish(reason), DONE].concat()).await;

        assert_eq!((text.as_str(), outcome.unwrap().finish_reason), ("a", expected));
    }
}

#[tokio::test]
async fn bytes_that_are_not_utf8_become_replacement_characters() {
    let mut body = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xff".to_vec();
    body.extend_from_slice(b"\xe2\x82\"}}]}\n\ndata: [DONE]\n\n");

    assert_eq!(ask_stream(body).await, ("a\u{fffd}\u{fffd}".to_owned(), Ok(stop())));
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let body = [&*chunk("a"), DONE].concat();
    for content_type in ["", "content-type: text/plain\r\n", "content-type: application/json\r\n"] {
        let server = Server::start([server::response("200 OK", content_type, &body)]).await;

        assert_eq!(ask(&agent(config(&server))).await, ("a".to_owned(), Ok(stop())));
    }
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let completion = json!({
        "choices": [{"message": {"role": "assistant", "content": "Hi\u{0} there"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    });
    let body = format!("\n{completion:#}\n");
    let server = Server::start([server::response("200 OK", "content-type: application/json\r\n", &body)]).await;

    let (text, outcome) = ask(&agent(config(&server))).await;

    let usage = Some(Usage { input_tokens: 1, output_tokens: 2 });
    assert_eq!((text.as_str(), outcome), ("Hi there", Ok(Answer { finish_reason: FinishReason::Length, usage })));
}

#[tokio::test]
async fn a_server_that_stays_silent_after_the_end_is_not_waited_for() {
    let script = server::stream([&*chunk("a"), &finish("stop")].concat()).then(Step::Silence);
    let mut server = Server::start([script]).await;
    let agent = agent(OpenaiConfig { idle_timeout: PATIENCE, ..config(&server) });

    assert_eq!(ask(&agent).await, ("a".to_owned(), Ok(stop())));
    server.hang_up().await;
}

#[tokio::test]
async fn an_answer_over_the_limit_ends_there() {
    let part = chunk(&"é".repeat(50_000));
    let endless = (0..12).fold(server::stream(""), |script, _| script.send(&part));
    let server = Server::start([endless.then(Step::Silence)]).await;

    let (text, outcome) = ask(&agent(config(&server))).await;

    assert_eq!(text.len(), 1024 * 1024);
    assert_eq!(outcome.unwrap().finish_reason, FinishReason::Length);
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_an_error_unless_its_end_was_seen() {
    let (text, end) = ([chunk("Hé"), chunk("llo")].concat(), finish("stop"));
    let body = [&*text, &end, DONE].concat();
    let end_seen_at = text.len() + end.trim_end().len();
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\ncontent-type: text/event-stream\r\n\r\n", body.len());
    let until_closed = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    for head in [&*whole, until_closed] {
        let cuts: Vec<Script> = (0..=body.len()).map(|cut| Script::head(head).send(&body.as_bytes()[..cut])).collect();
        let server = Server::start(cuts).await;
        let agent = agent(config(&server));

        for cut in 0..=body.len() {
            let (text, outcome) = ask(&agent).await;

            assert!("Héllo".starts_with(&text), "cut at {cut}: {text}");
            match outcome {
                Ok(answer) => assert!(cut >= end_seen_at && text == "Héllo" && answer == stop(), "cut at {cut}"),
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::AgentNetwork, "cut at {cut}: {error}");
                    assert!(cut < body.len() && (cut < end_seen_at + 2 || head != until_closed), "cut at {cut}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_the_model_thinks_is_told_as_steps_and_never_as_text() {
    let chunk = |delta: &str| format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n");
    let body = [
        chunk(r#"{"reasoning_content":"Hm"}"#),
        chunk(r#"{"reasoning":", well"}"#),
        chunk(r#"{"content":"Yes"}"#),
        chunk(r#"{"reasoning_content":"Or not?"}"#),
        chunk(r#"{"content":"."}"#),
        "data: [DONE]\n\n".to_owned(),
    ];
    let server = Server::start([server::stream(body.concat())]).await;

    let (text, steps, outcome) = ask_all(&agent(config(&server))).await;

    assert_eq!(text, "Yes.");
    assert!(outcome.is_ok());
    let ended: Vec<_> = steps.into_iter().filter(|(_, status, _)| *status == StepStatus::Succeeded).collect();
    let thought = |key: &str, text: &str| (key.to_owned(), StepStatus::Succeeded, text.to_owned());
    assert_eq!(ended, [thought("thought-1", "Hm, well"), thought("thought-2", "Or not?")]);
}
