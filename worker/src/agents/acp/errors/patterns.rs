//! Classifies failures by an agent's error message.
//!
//! Agents use one error code for nearly everything, so failures are classified by the message text.

use std::sync::LazyLock;

use banter_shared::chat::ErrorCode;
use regex::Regex;

use crate::agents::pattern::pattern;

/// Matches messages saying that the conversation exceeds the model's context.
static OVERFLOW: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)context[ _-]?(?:length|window|size|limit)?[ _-]?(?:was |is |has been |been )?(?:exceed|overflow|too (?:long|large)|is full)",
        r"|(?:exceed\w*|over|beyond|larger than|longer than|greater than|maximum|out of)\b[^.]{0,60}\bcontext\b",
        r"|context (?:length|window|size|limit)\b[^.]{0,80}\b(?:exceed|reached|full|limit|maximum|smaller)",
        r"|(?:prompt|input|conversation|request|messages?)(?: is| are|'s)? too (?:long|large)\b",
        r"|(?:input|prompt|request)[ _](?:tokens?|token count|length)\b[^.]{0,60}\bexceed",
        r"|too many (?:input |prompt |total )?tokens\b",
        r"|max(?:imum)? (?:number of )?(?:input |prompt )?tokens? (?:allowed|exceeded)",
        r"|request_too_large",
    ))
});
/// Matches messages saying that a quota for requests, tokens, or costs is currently exhausted.
static LIMITED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\brate[ _-]?limit|too many requests|\b429\b|quota|resource[ _]exhausted|throttl",
        r"|usage[ _-]?limit|(?:5[ -]?hour|hourly|daily|weekly|monthly|session|request|message|spending|plan|opus|sonnet)s? limit",
        r"|(?:hit|reached|exceeded) (?:your|the|my|our|its) (?:[\w-]+ ){0,3}limit\b",
        r"|limit (?:reached|exceeded|hit)\b|(?:tokens?|requests?) per (?:min|minute|hour|day)\b",
        r"|out of (?:credits?|extra usage|usage)|credits? (?:are |is )?(?:exhausted|used up)",
    ))
});
/// Matches messages about a rate limit or a quota per unit of time. Such messages may mention tokens, but are not about
/// the context.
static PER_TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\bper (?:min|minute|hour|day)\b|\brate[ _-]?limit|\b429\b"));
/// Matches messages saying that the provider is temporarily unable to serve requests.
static OVERLOADED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\boverloaded|\b(?:503|529)\b|service (?:is )?(?:temporarily )?unavailable|at capacity")
});
/// Matches messages saying that authentication is required or has failed.
static SIGN_IN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)authentication (?:is )?(?:required|failed)|authentication_error|not (?:logged|signed) in|unauthori[sz]ed",
        r"|(?:invalid|missing|incorrect|expired) (?:x-)?api[ _-]?key|api key (?:is )?(?:invalid|missing|not valid)",
        r"|(?:please )?(?:run|use) /login|(?:sign|log) in (?:first|again|to)|(?:oauth |access |auth )token (?:has |is )?expired",
    ))
});

/// Matches text that reports an error rather than merely mentioning one.
static REPORT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^\W*(?:(?:(?:api|http|internal|server|model|provider|request|stream|connection|network|agent|fatal|unexpected)[ _-]+)*",
        r"(?:error|failure|exception)\b\s*(?:[:(]|\d{3}\b)",
        r"|(?:prompt|input|conversation|request) (?:is )?too long\b",
        r"|[^.!?]{0,20}usage limit reached|rate limit (?:reached|exceeded)|you(?:'ve| have) (?:hit|reached|exceeded) your",
        r"|(?:invalid|missing|expired) api key\b|overloaded\b)",
    ))
});
/// Maximum length of an error report, in bytes.
const MAX_REPORT_BYTES: usize = 400;

/// Returns whether an answer appears to consist only of an error report. Some agents send errors as answer text.
pub(in super::super) fn is_report(text: &str) -> bool {
    text.len() <= MAX_REPORT_BYTES && REPORT.is_match(text)
}

/// Returns the error code that the message suggests, if any.
pub(super) fn kind_of(words: &str) -> Option<ErrorCode> {
    if OVERFLOW.is_match(words) && !PER_TIME.is_match(words) {
        Some(ErrorCode::ContextOverflow)
    } else if LIMITED.is_match(words) {
        Some(ErrorCode::AgentRateLimited)
    } else if OVERLOADED.is_match(words) {
        Some(ErrorCode::AgentOverloaded)
    } else if SIGN_IN.is_match(words) {
        Some(ErrorCode::AgentAuth)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_messages() {
        let table = [
            (ErrorCode::ContextOverflow, "the request exceeds the available context size, try increasing it"),
            (ErrorCode::ContextOverflow, "This model's maximum context length is 8192 tokens."),
            (ErrorCode::ContextOverflow, "prompt is too long: 210000 tokens > 200000 maximum"),
            (ErrorCode::ContextOverflow, "Input is too long for requested model."),
            (
                ErrorCode::ContextOverflow,
                "The input token count (1200000) exceeds the maximum number of tokens allowed",
            ),
            (ErrorCode::ContextOverflow, "context_length_exceeded"),
            (ErrorCode::ContextOverflow, "Context window exceeded. Start a new conversation."),
            (ErrorCode::ContextOverflow, "Your conversation ran out of context"),
            (ErrorCode::ContextOverflow, "Conversation too long"),
            (ErrorCode::ContextOverflow, "context limit reached"),
            (ErrorCode::AgentRateLimited, "usage limit reached, resets 3pm"),
            (ErrorCode::AgentRateLimited, "You've hit your limit · resets 9pm (UTC)"),
            (ErrorCode::AgentRateLimited, "5-hour limit reached ∙ resets 11am"),
            (ErrorCode::AgentRateLimited, "Rate limit exceeded"),
            (ErrorCode::AgentRateLimited, "rate_limit_error"),
            (ErrorCode::AgentRateLimited, "HTTP 429"),
            (ErrorCode::AgentRateLimited, "Request too large for gpt on tokens per min (TPM): Limit 30000"),
            (ErrorCode::AgentRateLimited, "You have exceeded your current quota"),
            (ErrorCode::AgentRateLimited, "You've reached your weekly usage limit"),
            (ErrorCode::AgentRateLimited, "RESOURCE_EXHAUSTED"),
            (ErrorCode::AgentOverloaded, "Overloaded"),
            (ErrorCode::AgentOverloaded, "529 overloaded_error"),
            (ErrorCode::AgentAuth, "Invalid API key · Please run /login"),
            (ErrorCode::AgentAuth, "Authentication required"),
        ];
        for (expected, words) in table {
            assert_eq!(kind_of(words), Some(expected), "{words}");
        }
        for report in [
            "API Error: 500 overloaded",
            "Error: connection refused",
            "HTTP error 503",
            "prompt is too long",
            "Claude AI usage limit reached|1764300000",
            "Invalid API key · Please run /login",
        ] {
            assert!(is_report(report), "{report}");
        }
        for answer in [
            "Paris is the capital of France.",
            "GitHub says: rate limit reached, try again in 3 hours.",
            "If the token has expired, please run /login again.",
            "Errors are values in Rust.",
            "Error handling: an introduction",
        ] {
            assert!(!is_report(answer), "{answer}");
        }
        for words in ["It went wrong", "no such file: context.rs", "the tool exited with 1", "index 4290 out of range"]
        {
            assert_eq!(kind_of(words), None, "{words}");
        }
    }
}
