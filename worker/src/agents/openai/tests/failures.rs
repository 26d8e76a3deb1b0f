//! Errors that users see when there is no complete answer.

use serde_json::json;
use tokio::net::TcpListener;

use super::{
    server::{Script, Step},
    *,
};

const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

async fn code_of(script: Script) -> ErrorCode {
    let server = Server::start([script]).await;
    ask(&agent(config(&server))).await.1.unwrap_err().code
}

#[tokio::test]
async fn maps_a_status_to_a_code_and_a_wait() {
    for (status, headers, code, retry_after) in [
        ("429 Too Many Requests", "retry-after: 7\r\n", ErrorCode::AgentRateLimited, Some(7)),
        ("503 Service Unavailable", "retry-after: 2\r\n", ErrorCode::AgentOverloaded, Some(2)),
        ("503 Service Unavailable", "", ErrorCode::AgentOverloaded, None),
        ("500 Oops", "", ErrorCode::AgentError, None),
        ("401 Unauthorized", "retry-after: 7\r\n", ErrorCode::AgentAuth, None),
        ("404 Not Found", "", ErrorCode::AgentUnavailable, None),
        ("418 I'm a teapot", "", ErrorCode::AgentRefused, None),
    ] {
        let server = Server::start([server::response(status, headers, "{\"error\":{\"message\":\"no\"}}")]).await;

        let (text, outcome) = ask(&agent(config(&server))).await;

        let error = outcome.unwrap_err();
        assert_eq!((text.as_str(), error.code), ("", code), "{status}");
        assert_eq!(error.retry_after, retry_after.map(Duration::from_secs), "{status}");
    }
}

#[tokio::test]
async fn keeps_the_text_before_an_error_in_the_stream() {
    for error in [
        format!("data: {}\n\n", json!({"error": {"message": "too busy for sk-test", "code": 503}})),
        "event: error\ndata: too busy for sk-test\n\n".to_owned(),
    ] {
        let (text, outcome) = ask_stream([TEXT, &error, TEXT].concat()).await;

        assert_eq!(text, "a");
        let error = outcome.unwrap_err();
        assert!(error.code.is_retryable(), "{error}");
        assert!(error.message.ends_with(" The server says: too busy for ***"), "{error}");
    }
}

#[tokio::test]
async fn recognizes_an_error_with_a_success_status() {
    let script = server::response("200 OK", "", "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\"}}");

    assert_eq!(code_of(script).await, ErrorCode::AgentRefused);
}

#[tokio::test]
async fn does_not_retry_a_body_that_is_not_a_completion() {
    for (what, script) in [
        ("a web page", server::response("200 OK", "content-type: text/html\r\n", "<!doctype html><p>Hi")),
        ("text", server::stream("Hello there\n")),
        ("other JSON", server::response("200 OK", "", "{\"hello\":1}")),
        ("a list", server::response("200 OK", "", "[1]")),
        ("other events", server::stream("data: {\"hello\":1}\n\n")),
    ] {
        assert_eq!(code_of(script).await, ErrorCode::AgentProtocol, "{what}");
    }
}

#[tokio::test]
async fn reports_a_broken_connection_as_a_network_error() {
    for (what, script) in [
        ("closed before the answer", Script::default()),
        ("closed in the head", Script::head("HTTP/1.1 200 O")),
        ("closed before the body", server::stream("")),
        ("only comments", server::stream(": hi\n\n")),
        ("reset before the answer", Script::default().then(Step::Reset)),
        ("cut JSON", Script::head("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"choices\":[{\"mess")),
        ("cut chunk", Script::head(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n{TEXT}"))),
    ] {
        assert_eq!(code_of(script).await, ErrorCode::AgentNetwork, "{what}");
    }

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let config = OpenaiConfig { model: Some("m".into()), ..OpenaiConfig::at(format!("http://{free}/v1")) };
    let error = ask(&agent(config)).await.1.unwrap_err();
    assert_eq!(
        error,
        AgentError::new(ErrorCode::AgentNetwork, "The agent's server is unreachable: connection refused.")
    );
}

#[tokio::test]
async fn times_out_on_silence() {
    let quick = |server: &Server| OpenaiConfig { first_byte_timeout: TIMEOUT, idle_timeout: TIMEOUT, ..config(server) };
    for (what, script, expected) in [
        ("no head", Script::default(), ""),
        ("no body", server::stream(""), ""),
        ("in mid-answer", server::stream(TEXT), "a"),
    ] {
        let mut server = Server::start([script.then(Step::Silence)]).await;

        let (text, outcome) = ask(&agent(quick(&server))).await;

        assert_eq!((text.as_str(), outcome.unwrap_err().code), (expected, ErrorCode::Timeout), "{what}");
        server.hang_up().await;
    }
}

#[tokio::test]
async fn does_not_follow_redirects() {
    let mut target = Server::start([server::stream(TEXT)]).await;
    let location = format!("location: {}/chat/completions\r\n", target.base_url());
    let server = Server::start([server::response("307 Temporary Redirect", &location, "")]).await;

    let error = ask(&agent(config(&server))).await.1.unwrap_err();

    assert_eq!(error.code, ErrorCode::AgentUnavailable);
    assert!(error.message.contains("redirected"), "{error}");
    assert_eq!(target.requests_left(), 0);
}

#[tokio::test]
async fn closes_the_connection_when_stopped() {
    let mut server = Server::start([server::stream(TEXT).then(Step::Silence)]).await;
    let agent = agent(config(&server));
    let (updates, mut received) = mpsc::channel(4);
    let stop = CancellationToken::new();

    let answer = agent.answer(turn("Hi"), updates, stop.clone());
    let stop_after_text = async {
        assert!(matches!(received.recv().await, Some(Update::Text(text)) if text == "a"));
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(answer, stop_after_text);

    assert_eq!(outcome, Err(AgentError::stopped()));
    server.hang_up().await;
}

#[tokio::test]
async fn closes_the_connection_when_dropped() {
    let mut server = Server::start([server::stream(TEXT).then(Step::Silence)]).await;
    let agent = agent(config(&server));
    let (updates, mut received) = mpsc::channel(4);

    let mut answer = agent.answer(turn("Hi"), updates, CancellationToken::new());
    tokio::select! {
        _ = &mut answer => panic!("the server is silent"),
        update = received.recv() => assert!(matches!(update, Some(Update::Text(text)) if text == "a")),
    }
    drop(answer);

    server.hang_up().await;
}

#[tokio::test]
async fn stops_when_updates_are_no_longer_received() {
    let server = Server::start([server::stream(TEXT).then(Step::Silence)]).await;
    let (updates, received) = mpsc::channel(4);
    drop(received);

    let outcome = agent(config(&server)).answer(turn("Hi"), updates, CancellationToken::new()).await;

    assert_eq!(outcome, Err(AgentError::stopped()));
}
