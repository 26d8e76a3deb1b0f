//! Tests of context overflow errors, rate limits, and exhausted quotas.

use super::*;

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
