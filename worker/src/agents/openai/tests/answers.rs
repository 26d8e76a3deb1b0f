//! Answers over real connections. For the contents of answers, see `quirks`.

use banter_shared::chat::{FinishReason, Usage};
use base64::{Engine as _, prelude::BASE64_STANDARD};
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
async fn reads_a_stream_with_usage() {
    let first =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null},\"finish_reason\":null}]}\n\n";
    let body = [first, &chunk("Hé"), &chunk("llo"), &finish("stop"), USAGE, DONE].concat();

    let (text, outcome) = ask_stream(body).await;

    assert_eq!(text, "Héllo");
    let usage = Some(Usage { input_tokens: 3, output_tokens: 2 });
    assert_eq!(outcome, Ok(Answer { finish_reason: FinishReason::Stop, usage }));
}

#[tokio::test]
async fn ignores_the_content_type() {
    let body = [&*chunk("a"), DONE].concat();
    for content_type in ["", "content-type: text/plain\r\n", "content-type: application/json\r\n"] {
        let server = Server::start([server::response("200 OK", content_type, &body)]).await;

        assert_eq!(ask(&agent(config(&server))).await, ("a".to_owned(), Ok(stop())));
    }
}

#[tokio::test]
async fn does_not_wait_after_the_end_of_the_stream() {
    let script = server::stream([&*chunk("a"), &finish("stop")].concat()).then(Step::Silence);
    let mut server = Server::start([script]).await;
    let agent = agent(OpenaiConfig { idle_timeout: TIMEOUT, ..config(&server) });

    assert_eq!(ask(&agent).await, ("a".to_owned(), Ok(stop())));
    server.hang_up().await;
}

#[tokio::test]
async fn fails_if_the_stream_is_cut_before_its_end() {
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

/// The same body compressed by other programs. Each entry contains the encoding's name and the compressed body in
/// base64.
const COMPRESSED: [(&str, &str); 6] = [
    ("gzip", include_str!("compressed/gzip.b64")),
    ("x-gzip", include_str!("compressed/gzip.b64")),
    ("GZIP", include_str!("compressed/gzip.b64")),
    ("deflate", include_str!("compressed/deflate.b64")),
    ("br", include_str!("compressed/brotli.b64")),
    ("zstd", include_str!("compressed/zstd.b64")),
];

#[tokio::test]
async fn decodes_compressed_responses() {
    for (encoding, body) in COMPRESSED {
        let body = BASE64_STANDARD.decode(body.trim()).unwrap();
        let respond = |status: &str| {
            let head = format!("HTTP/1.1 {status}\r\ncontent-encoding: {encoding}\r\nconnection: close\r\n\r\n");
            Script::head(&head).send(&body)
        };
        let mut server = Server::start([respond("200 OK"), respond("400 Bad Request"), respond("200 OK")]).await;
        let agent = agent(config(&server));

        // This body is valid as a chunk, as an error, and as a model list.
        assert_eq!(ask(&agent).await, ("Hello".to_owned(), Ok(stop())), "{encoding}");
        let error = ask(&agent).await.1.unwrap_err();
        assert!(error.message.ends_with("The server says: too bad"), "{encoding}: {error}");
        assert_eq!(agent.probe().await, Ok(2), "{encoding}");
        assert!(server.request().await.contains("\r\naccept-encoding: identity\r\n"), "{encoding}");
    }
}

#[tokio::test]
async fn remembers_a_model_that_omits_the_opening_tag() {
    let answer = |text: &str| server::stream([&*chunk(text), &finish("stop"), DONE].concat());
    let server = Server::start([
        answer("Hm\n</think>\n\nYes"),
        answer("Well\n</think>\n\nNo"),
        answer("No tag"),
        answer("Plain"),
    ])
    .await;
    let agent = agent(config(&server));

    let mut answers = Vec::new();
    for _ in 0..4 {
        let (updates, outcome) = ask_for_updates(&agent).await;
        outcome.unwrap();
        let is_retracted = updates.iter().any(|update| matches!(update, Update::Retract));
        answers.push((text_of(&updates), is_retracted));
    }

    let expected = [("Yes", true), ("No", false), ("No tag", false), ("Plain", false)];
    assert_eq!(answers, expected.map(|(text, is_retracted)| (text.to_owned(), is_retracted)));
}
