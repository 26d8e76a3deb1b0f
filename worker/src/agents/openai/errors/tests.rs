//! Tests for the conversion of server errors.

mod limits;

use reqwest::header::HeaderName;
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

fn context() -> Context<'static> {
    Context { key: Some("sk-1"), now: now() }
}

fn status(number: u16, body: &str) -> AgentError {
    response(number, &[], body)
}

fn response(number: u16, headers: &[(&str, &str)], body: &str) -> AgentError {
    let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    let headers: HeaderMap = headers.iter().map(pair).collect();
    from_status(StatusCode::from_u16(number).unwrap(), &headers, body.as_bytes(), context()).error
}

/// Returns the errors that result from this message in each place where servers put it: in a response with a status, in
/// a stream, and as plain text.
fn everywhere(status_number: u16, words: &str) -> Vec<AgentError> {
    let object = json!({"error": {"message": words, "type": "x"}});
    vec![
        status(status_number, &object.to_string()),
        status(status_number, &json!({"detail": words}).to_string()),
        status(status_number, words),
        from_object(&object, context()).error,
        from_words(words, context()).error,
        from_words(&object.to_string(), context()).error,
    ]
}

#[test]
fn maps_each_status_to_a_code() {
    let cases = [
        (301, ErrorCode::AgentUnavailable),
        (400, ErrorCode::AgentRefused),
        (401, ErrorCode::AgentAuth),
        (402, ErrorCode::AgentRefused),
        (403, ErrorCode::AgentAuth),
        (404, ErrorCode::AgentUnavailable),
        (408, ErrorCode::Timeout),
        (413, ErrorCode::ContextOverflow),
        (422, ErrorCode::AgentRefused),
        (429, ErrorCode::AgentRateLimited),
        (500, ErrorCode::AgentError),
        (502, ErrorCode::AgentError),
        (503, ErrorCode::AgentOverloaded),
        (529, ErrorCode::AgentOverloaded),
    ];
    for (number, code) in cases {
        assert_eq!(status(number, "{}").code, code, "{number}");
    }
}

#[test]
fn recognizes_a_model_that_is_loading() {
    let failure = |number: u16, body: &str| {
        from_status(StatusCode::from_u16(number).unwrap(), &HeaderMap::new(), body.as_bytes(), context())
    };
    for (number, body) in [
        (503, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#),
        (503, r#"{"error":"Model meta-llama/Llama-3.1-8B is currently loading","estimated_time":20.0}"#),
        (500, r#"{"error":"llm server loading model"}"#),
        (503, r#"{"detail":"The model is still loading, please wait."}"#),
        (503, r#"{"error":{"message":"The server is warming up"}}"#),
        (400, r#"{"error":"Model is loading."}"#),
    ] {
        let failure = failure(number, body);
        assert!(failure.is_loading, "{body}");
        assert_eq!(failure.error.code, ErrorCode::AgentOverloaded, "{body}");
    }
    for (number, body) in [
        (500, r#"{"error":"error loading model: out of memory"}"#),
        (500, r#"{"error":{"message":"Failed to load model"}}"#),
        (503, r#"{"error":{"message":"Overloaded"}}"#),
        (404, r#"{"error":{"message":"no such model"}}"#),
    ] {
        assert!(!failure(number, body).is_loading, "{body}");
    }
    assert!(
        from_words("{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}", context()).is_loading
    );
}

#[test]
fn quotes_the_servers_message_without_the_key() {
    let quoted = status(400, r#"{"error":{"message":"no\n\u0007 sk-1 here"}}"#);
    assert_eq!(quoted.message, "The agent's server rejected the request (HTTP 400). The server says: no *** here");

    let page = status(502, "<html>nginx</html>");
    assert_eq!(page.message, "The agent's server returned an error (HTTP 502).");

    let long = status(500, &format!("{} sk-1", "x".repeat(297)));
    assert!(long.message.ends_with("xx **…"), "{long}");
}

#[test]
fn quotes_the_title_of_a_page() {
    let page = |title: &str| format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");

    let large = status(413, &page("413 Request Entity Too Large"));
    assert_eq!(
        (large.code, large.message.as_str()),
        (
            ErrorCode::ContextOverflow,
            "The conversation is too large for the agent's server (HTTP 413). The server says: 413 Request Entity Too Large"
        )
    );
    let gateway = status(502, &page("api.example | 502: Bad gateway"));
    assert_eq!(
        gateway.message,
        "The agent's server returned an error (HTTP 502). The server says: api.example | 502: Bad gateway"
    );
}

#[test]
fn reports_a_wrong_key_only_if_the_server_does() {
    let object = |words: &str| json!({"error": {"message": words}}).to_string();
    let page = "<title>Attention Required! | Cloudflare</title><h1>Sorry, you have been blocked</h1>".to_owned();
    let denied = "The agent's server denied access";
    let wrong = "The agent's server rejected the API key";
    let none = "The agent's server denied access, and no API key is configured";
    for (number, body, with_key, without_key) in [
        (403, object("Country, region, or territory not supported"), denied, denied),
        (403, object("The model `x` requires terms acceptance"), denied, denied),
        (401, object("Organization has been disabled"), denied, none),
        (403, page, denied, denied),
        (403, String::new(), denied, denied),
        (401, String::new(), wrong, none),
        (401, object("Incorrect API key provided: sk-ab***yz."), wrong, none),
        (401, object("Access denied due to invalid subscription key or wrong API endpoint."), wrong, none),
        (403, object("API key expired. Please renew it."), wrong, denied),
        (401, object("User not found."), denied, none),
    ] {
        for (key, expected) in [(Some("sk-1"), with_key), (None, without_key)] {
            let context = Context { key, now: now() };
            let status = StatusCode::from_u16(number).unwrap();
            let error = from_status(status, &HeaderMap::new(), body.as_bytes(), context).error;
            assert_eq!(error.code, ErrorCode::AgentAuth);
            assert!(error.message.starts_with(&format!("{expected} (HTTP {number}).")), "{body}: {error}");
            assert_eq!(error.message.contains(" The server says: "), !body.is_empty(), "{error}");
            assert!(!error.message.contains("sk-"), "{error}");
        }
    }
}

#[test]
fn finds_the_servers_message_in_any_shape() {
    for body in [
        json!({"error": {"message": "slot lost"}}),
        json!({"error": "slot lost"}),
        json!({"detail": "slot lost"}),
        json!({"detail": [{"loc": ["body"], "msg": "slot lost", "type": "x"}]}),
        json!({"message": "slot lost"}),
        json!({"error": {"code": 500, "metadata": 1, "message": "slot lost"}, "message": "other"}),
        json!({"error_code": 1, "error_msg": "slot lost"}),
        json!({"base_resp": {"status_code": 1008, "status_msg": "slot lost"}}),
        json!([{"error": {"message": "slot lost"}}]),
        json!({"error": {"message": "{\"error\":{\"message\":\"slot lost\"}}"}}),
        json!({"error": {"message": "Provider returned error", "metadata": {"raw": "{\"error\":\"slot lost\"}"}}}),
        json!({"error": {"message": "Provider returned error", "metadata": {"raw": "slot lost"}}}),
        json!({"text": "slot lost", "error_code": 50001}),
        json!({"Error": {"Message": "slot lost"}}),
        json!({"exception": "slot lost"}),
        json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "x", "message": "slot lost"}}}),
        json!({"modelStreamErrorException": {"message": "slot lost", "originalStatusCode": 500}}),
        json!({"message": "\u{1b}[31mslot\u{1b}[0m lost"}),
        json!("slot lost"),
    ] {
        let error = status(500, &body.to_string());
        assert_eq!(
            error.message, "The agent's server returned an error (HTTP 500). The server says: slot lost",
            "{body}"
        );
    }
}

#[test]
fn maps_error_objects_to_codes() {
    let cases = [
        (r#""out of memory""#, ErrorCode::AgentError),
        (r#"{"message":"x","type":"server_error"}"#, ErrorCode::AgentError),
        (r#"{"message":"x","code":503}"#, ErrorCode::AgentOverloaded),
        (r#"{"message":"x","code":"429"}"#, ErrorCode::AgentRateLimited),
        (r#"{"message":"x","code":"rate_limit_exceeded"}"#, ErrorCode::AgentRateLimited),
        (r#"{"message":"x","type":"overloaded_error"}"#, ErrorCode::AgentOverloaded),
        (r#"{"message":"x","type":"authentication_error"}"#, ErrorCode::AgentAuth),
        (r#"{"message":"x","code":"model_not_found"}"#, ErrorCode::AgentUnavailable),
        (r#"{"message":"x","type":"invalid_request_error"}"#, ErrorCode::AgentRefused),
        (r#"{"message":"context window full"}"#, ErrorCode::ContextOverflow),
    ];
    for (object, code) in cases {
        let error = from_object(&serde_json::from_str(object).unwrap(), context()).error;
        assert_eq!(error.code, code, "{object}");
    }
}
