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

/// Returns the error for this message in every place where servers put it: in a response with a status, in a stream,
/// and as plain text.
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
fn recognizes_context_overflow_errors_from_every_server() {
    for words in [
        // OpenAI, Azure OpenAI, OpenRouter, DeepSeek, vLLM
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages.",
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "This endpoint's maximum context length is 131072 tokens. However, you requested about 200000 tokens (190000 of text input, 10000 in the output).",
        "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (66000 in the messages, 4000 in the completion).",
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.",
        "context_length_exceeded",
        // Anthropic-compatible, Bedrock
        "prompt is too long: 215000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 195000 + 8192 > 200000, decrease input length or `max_tokens` and try again",
        "Input is too long for requested model.",
        "request_too_large: Request exceeds the maximum size",
        // Gemini-compatible, Vertex
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Unable to submit request because the input token count is 300000 but the model only supports up to 131072 tokens.",
        // Mistral
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        // Groq
        "Please reduce the length of the messages or completion.",
        // llama.cpp
        "the request exceeds the available context size (4096 tokens), try increasing it",
        "exceed_context_size_error",
        "input is too large to process. increase the physical batch size",
        // Ollama, LM Studio
        "prompt too long; exceeded max context length by 3 tokens",
        "input length exceeds maximum context length",
        "Trying to keep the first 4000 tokens when context the overflows. However, the model is loaded with context length of only 2048 tokens.",
        // TGI, Together
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`",
        "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
        // Cohere
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try using a shorter prompt, or enable prompt truncating.",
        // xAI, Moonshot, DashScope, Copilot, SGLang, MiniMax, Z.ai
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "Invalid request: Your request exceeded model token limit: 8192",
        "Range of input length should be [1, 30720]",
        "prompt token count of 128001 exceeds the limit of 128000",
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        "Requested token count exceeds the model's maximum context length of 4096 tokens.",
        "invalid params, context window exceeds limit",
        "Prompt exceeds max length",
    ] {
        for number in [400, 413, 422, 500] {
            for error in everywhere(number, words) {
                assert_eq!(error.code, ErrorCode::ContextOverflow, "{number} {words}: {error}");
            }
        }
    }
}

#[test]
fn distinguishes_rate_limits_from_a_context_overflow() {
    let limited = [
        "Rate limit reached for gpt-4 in organization org-1 on tokens per min (TPM): Limit 30000, Used 29500, Requested 900. Please try again in 800ms.",
        "Rate limit reached for model `llama` on tokens per day (TPD): Limit 100000, Used 99000, Requested 2000. Please try again in 14m24s.",
        "Number of request tokens has exceeded your per-minute rate limit",
        "Too many tokens per minute. Please reduce your prompt and slow down.",
    ];
    for words in limited {
        for error in everywhere(429, words) {
            assert_eq!(error.code, ErrorCode::AgentRateLimited, "{words}: {error}");
        }
    }
    let too_large = [
        "Request too large for gpt-4 in organization org-1 on tokens per min (TPM): Limit 10000, Requested 12345. The input or output tokens must be reduced in order to run successfully.",
        "Request too large for model `llama` on tokens per minute (TPM): Limit 6000, Requested 12000, please reduce your message size and try again.",
    ];
    for words in too_large {
        for error in everywhere(413, words).into_iter().chain(everywhere(429, words)) {
            assert_eq!(error.code, ErrorCode::ContextOverflow, "{words}: {error}");
        }
    }
}

#[test]
fn does_not_mistake_other_errors_for_a_context_overflow() {
    for words in [
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
        "temperature must be at most 2",
        "The image is larger than 5 MB.",
    ] {
        assert_eq!(status(400, words).code, ErrorCode::AgentRefused, "{words}");
    }
    let echo = json!({"detail": [{"msg": "bad", "input": {"content": "My context length is exceeded."}}]});
    assert_eq!(status(422, &echo.to_string()).code, ErrorCode::AgentRefused);
}

#[test]
fn reports_when_a_rate_limit_ends() {
    let cases = [
        (429, &[("retry-after", "3600")][..], "{}", 3600.0),
        (429, &[("retry-after", "2.5")], "{}", 2.5),
        (429, &[("retry-after-ms", "1500"), ("retry-after", "2")], "{}", 1.5),
        (429, &[("retry-after", "Sat, 31 Jan 2026 12:01:30 GMT")], "{}", 90.0),
        (429, &[("retry-after", "Sat, 31 Jan 2026 11:00:00 GMT")], "{}", 0.0),
        (429, &[], "{\"error\":{\"message\":\"Please try again in 6m0s.\"}}", 360.0),
        (429, &[], "{\"error\":\"usage limit reached, try again in 3h12m\"}", 11_520.0),
        (429, &[("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s")], "{}", 1.0),
        (
            429,
            &[
                ("x-ratelimit-reset-requests", "1s"),
                ("x-ratelimit-reset-tokens", "6m0s"),
                ("x-ratelimit-remaining-tokens", "0"),
            ],
            "{}",
            360.0,
        ),
        (429, &[("x-ratelimit-reset", "1769861400")], "{}", 600.0),
        (429, &[("anthropic-ratelimit-requests-reset", "2026-01-31T12:00:20Z")], "{}", 20.0),
        (
            429,
            &[],
            "[{\"error\":{\"message\":\"You exceeded your current quota\",\"details\":[{\"retryDelay\":\"34s\"}]}}]",
            34.0,
        ),
        (500, &[], "usage limit reached, resets at 15:00 UTC", 10_800.0),
        (403, &[], "{\"message\":\"Rate limit exceeded. Retry after 60 seconds.\"}", 60.0),
    ];
    for (number, headers, body, seconds) in cases {
        let error = response(number, headers, body);
        assert_eq!(error.code, ErrorCode::AgentRateLimited, "{headers:?} {body}: {error}");
        assert_eq!(error.retry_after, Some(Duration::from_secs_f64(seconds)), "{headers:?} {body}");
    }
    for value in ["-1", "soon", ""] {
        assert_eq!(response(429, &[("retry-after", value)], "{}").retry_after, None, "{value}");
    }
    let message = |seconds: &str| response(429, &[("retry-after", seconds)], "{\"error\":\"slow down\"}").message;
    assert_eq!(
        message("20"),
        "The agent's server is rate-limiting requests until 12:00:20 UTC (HTTP 429). The server says: slow down"
    );
    assert_eq!(
        message("3600"),
        "The agent's server is rate-limiting requests until 13:00 UTC (HTTP 429). The server says: slow down"
    );
    assert_eq!(
        message("86400"),
        "The agent's server is rate-limiting requests until 2026-02-01 12:00 UTC (HTTP 429). The server says: slow down"
    );
}

#[test]
fn does_not_retry_an_exhausted_quota() {
    for (number, body) in [
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        ),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#),
        (400, r#"{"error":{"message":"Your credit balance is too low to access the API."}}"#),
        (403, r#"{"error":{"message":"Insufficient credits. Add more to continue.","code":402}}"#),
        (429, r#"{"error":{"message":"Quota exceeded. Upgrade your plan."}}"#),
    ] {
        let error = status(number, body);
        assert_eq!(
            (error.code, error.retry_after),
            (if number == 403 { ErrorCode::AgentAuth } else { ErrorCode::AgentRefused }, None),
            "{body}"
        );
        assert!(!error.code.is_retryable());
    }
    let message = status(402, r#"{"error":{"message":"Insufficient Balance"}}"#).message;
    assert_eq!(
        message,
        "The agent's server reports that the account's quota or credit is exhausted (HTTP 402). The server says: Insufficient Balance"
    );
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
    assert_eq!(page.message, "The agent's server failed (HTTP 502).");

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
        "The agent's server failed (HTTP 502). The server says: api.example | 502: Bad gateway"
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
        assert_eq!(error.message, "The agent's server failed (HTTP 500). The server says: slot lost", "{body}");
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
