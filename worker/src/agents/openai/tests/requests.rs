//! Requests that the driver sends to the server.

use serde_json::json;

use super::{
    server::{response, stream},
    *,
};

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
const MODELS: &str = "{\"object\":\"list\",\"data\":[{\"id\":\"first\"},{\"id\":\"second\"}]}";

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn sends_the_key_and_the_conversation() {
    let mut server = Server::start([stream(ANSWER)]).await;

    ask(&agent(config(&server))).await.1.unwrap();

    let request = server.request().await;
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: Bearer sk-test\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
    assert_eq!(body_of(&request)["messages"], json!([{"role": "user", "content": "Hi"}]));
}

#[tokio::test]
async fn sends_no_authorization_without_a_key() {
    let mut server = Server::start([response("401 Unauthorized", "", "")]).await;
    let agent = OpenaiAgent::new(config(&server), None, Arc::new(SystemClock)).unwrap();

    let error = ask(&agent).await.1.unwrap_err();

    assert!(!server.request().await.to_lowercase().contains("authorization"));
    assert_eq!(error.message, "The agent's server denied access, and no API key is configured (HTTP 401).");
}

#[tokio::test]
async fn fits_the_history_into_the_budget() {
    let mut server = Server::start([stream(ANSWER)]).await;
    let agent = agent(OpenaiConfig { history_bytes: 10, system_prompt: Some("Be brief.".into()), ..config(&server) });
    let message =
        |role, content: &str| HistoryMessage { turn: 1, role, content: content.into(), attachments: Vec::new() };
    let history = vec![message(Role::User, "too old"), message(Role::User, "failed"), message(Role::User, "last")];
    let (updates, _received) = mpsc::channel(4);

    agent.answer(Turn { history, ..turn("") }, updates, CancellationToken::new()).await.unwrap();

    let expected = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "failed"},
        {"role": "user", "content": "last"},
    ]);
    assert_eq!(body_of(&server.request().await)["messages"], expected);
}

#[tokio::test]
async fn fetches_the_servers_first_model_once() {
    let list = response("200 OK", "content-type: application/json\r\n", MODELS);
    let mut server = Server::start([list, stream(ANSWER), stream(ANSWER)]).await;
    let agent = agent(OpenaiConfig { model: None, ..config(&server) });

    ask(&agent).await.1.unwrap();
    ask(&agent).await.1.unwrap();

    assert!(server.request().await.starts_with("GET /v1/models HTTP/1.1\r\n"));
    for _ in 0..2 {
        assert_eq!(body_of(&server.request().await)["model"], "first");
    }
}

#[tokio::test]
async fn fetches_the_model_again_after_not_found() {
    let list = response("200 OK", "", MODELS);
    let other = response("200 OK", "", "{\"data\":[{\"id\":\"new\"}]}");
    let mut server = Server::start([list, response("404 Not Found", "", "{}"), other, stream(ANSWER)]).await;
    let agent = agent(OpenaiConfig { model: None, ..config(&server) });

    assert_eq!(ask(&agent).await.1.unwrap_err().code, ErrorCode::AgentUnavailable);
    ask(&agent).await.1.unwrap();

    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(server.request().await);
    }
    assert_eq!(body_of(&requests[3])["model"], "new");
}

#[tokio::test]
async fn retries_a_failed_model_list_request() {
    let scripts = [
        response("200 OK", "", "{\"data\":[]}"),
        response("200 OK", "", "<html>"),
        response("503 Service Unavailable", "retry-after: 3\r\n", "busy"),
        response("200 OK", "", MODELS),
        stream(ANSWER),
    ];
    let server = Server::start(scripts).await;
    let agent = agent(OpenaiConfig { model: None, ..config(&server) });

    for expected in [ErrorCode::AgentUnavailable, ErrorCode::AgentUnavailable, ErrorCode::AgentOverloaded] {
        assert_eq!(ask(&agent).await.1.unwrap_err().code, expected);
    }
    ask(&agent).await.1.unwrap();
}

#[tokio::test]
async fn finds_the_model_in_lists_of_any_shape() {
    for list in
        ["[{\"id\":\"m\"}]", "{\"models\":[{\"name\":\"m\"}]}", "{\"data\":[{\"object\":\"model\"},{\"id\":\"m\"}]}"]
    {
        let mut server = Server::start([response("200 OK", "", list), stream(ANSWER)]).await;
        let agent = agent(OpenaiConfig { model: None, ..config(&server) });

        ask(&agent).await.1.unwrap();

        server.request().await;
        assert_eq!(body_of(&server.request().await)["model"], "m", "{list}");
    }
}

#[tokio::test]
async fn quotes_what_is_sent_instead_of_a_model_list() {
    for (list, said) in [
        (
            "\u{feff}{\"error\":{\"message\":\"no list here\"}}",
            "The agent's server reported an error. The server says: no list here",
        ),
        ("{\"message\":\"no list here\"}", "or set `model`. The server says: no list here"),
        ("<title>no list here</title>", "or set `model`. The server says: no list here"),
        ("{\"object\":\"list\",\"data\":[]}", "or set `model`."),
    ] {
        let server = Server::start([response("200 OK", "", list)]).await;
        let agent = agent(OpenaiConfig { model: None, ..config(&server) });

        let error = ask(&agent).await.1.unwrap_err();

        assert!(error.message.ends_with(said), "{list}: {error}");
    }
}

#[tokio::test]
async fn accepts_many_header_fields() {
    let fields = "x-field: a\r\n".repeat(150);
    let server = Server::start([response("200 OK", &fields, ANSWER)]).await;

    ask(&agent(config(&server))).await.1.unwrap();
}

#[tokio::test]
async fn remembers_which_fields_were_rejected() {
    let no_options = response("400 Bad Request", "", "{\"error\":{\"message\":\"Unknown field: stream_options\"}}");
    let no_max_tokens =
        response("400 Bad Request", "", "{\"error\":{\"message\":\"Use 'max_completion_tokens' instead.\"}}");
    let mut server = Server::start([no_options, no_max_tokens, stream(ANSWER), stream(ANSWER)]).await;
    let agent = agent(OpenaiConfig { max_tokens: Some(5), ..config(&server) });

    ask(&agent).await.1.unwrap();
    ask(&agent).await.1.unwrap();

    let mut fields = Vec::new();
    for _ in 0..4 {
        let body = body_of(&server.request().await);
        let has = |field: &str| body.get(field).is_some();
        fields.push([has("stream_options"), has("max_tokens"), has("max_completion_tokens")]);
    }
    let plain = [false, false, true];
    assert_eq!(fields, [[true, true, false], [false, true, false], plain, plain]);
}

#[tokio::test]
async fn fails_if_a_field_is_still_rejected_after_the_change() {
    let refuse = || response("400 Bad Request", "", "{\"error\":{\"message\":\"stream_options\"}}");
    let mut server = Server::start([refuse(), refuse(), stream(ANSWER)]).await;

    let error = ask(&agent(config(&server))).await.1.unwrap_err();

    assert_eq!(error.code, ErrorCode::AgentRefused);
    assert_eq!(server.requests_left(), 2);
}
