//! Patterns for the error messages of many servers.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use crate::agents::pattern::{pattern, patterns};

/// Matches messages saying that the conversation exceeds the model's context window. For examples, see
/// `tests/limits.rs`.
pub(super) static OVERFLOW: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"context[ _-]*(?:length|size|window|limit|overflow)",
        r"overflows? the context|context the overflows|exceeds?[^.]{0,30}\bcontext\b",
        r"max(?:imum)?[ _](?:context|model[ _]len|prompt[ _]len|input[ _]len|sequence[ _]len|(?:number of )?input[ _]tokens)",
        r"\b(?:prompt|input|conversation|messages?)\b[^.]{0,60}\btoo (?:long|large|big)\b",
        r"\btoo many (?:input |prompt )?tokens\b",
        r"\b(?:prompt|input|request|conversation)\b[^.]{0,100}\b(?:exceed|is longer than)[^.]{0,60}(?:\btokens?\b|\blength\b|\blimit)",
        r"\btokens?\b[^.]{0,60}\bexceeds?\b[^.]{0,60}\b(?:limit|max|supported|length)",
        r"\bexceed\w*[^.]{0,40}\b(?:token limit|maximum number of (?:input )?tokens|max(?:imum)? (?:prompt |input )?length)",
        r"reduce (?:the length of|the size of|your) (?:the )?(?:messages?|prompt|input|conversation)",
        r"\btokens\b[^.]{0,30}\+ `?max_new_tokens|must have (?:less|fewer) than \d+ tokens|range of input length",
        r"request_too_large|request too large|(?:payload|entity|content) too large|string_above_max_length",
        r"only supports? up to \d+ (?:input )?tokens|tokens to keep from the initial prompt",
    ])
});
/// Matches messages saying that a limit on requests or tokens per unit of time was reached.
pub(super) static RATE: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"rate[ _-]?limit|too[ _]many[ _]requests|throttl",
        r"(?:usage|request|session|weekly|daily|hourly|monthly|\bhit your|hour)[ _-]limit|limit[ _](?:is |has been |was )?(?:reached|hit)",
        r"resource_exhausted|resource has been exhausted|quota",
        r"\bper (?:min|minute|hour|day|second)\b|\b(?:tpm|rpm|tpd|rpd)\b",
        r"(?:slow|calm) down",
    ])
});
/// Matches messages about a limit per unit of time. A single request rarely exceeds such a limit.
pub(super) static OVER_TIME: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[r"\bper[ _-]?(?:min|minute|hour|day|second)|\b(?:tpm|tpd|rpm|rpd)\b|rate[ _-]?limit|please wait before"])
});
/// Matches messages saying that credit or a quota is exhausted. Waiting does not help unless the message gives a time.
pub(super) static QUOTA: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"billing|payment[ _]required|exceeded[^.]{0,30}\bquota|quota (?:is |has been |was )?(?:exceeded|used up|exhausted)",
        r"(?:insufficient|not enough|no|out of|low|run out of|exhausted)[^.]{0,20}\b(?:credits?|balance|funds)\b",
        r"credit balance is too low|balance[^.]{0,20}(?:insufficient|too low)",
    ])
});
/// Matches the error codes for exhausted credit or quotas that waiting does not restore.
pub(super) static HARD_QUOTA: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[r"insufficient_quota|insufficient_(?:balance|credits?|funds)|billing_hard_limit|billing_not_active"])
});
/// Matches messages saying that the model is still loading.
pub(super) static LOADING: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"\bmodels?\b(?:[^.]|\.\S){0,120}\b(?:loading|starting up|warming|being loaded|initiali[sz]ing|not (?:yet )?ready|not yet loaded)\b",
        r"\bloading\b[^.]{0,40}\bmodels?\b",
        r"\bmodel[ _]is[ _]loading|model_loading|estimated_time",
        r"server is (?:still )?(?:loading|starting up|warming up)|warming up|cold start",
    ])
});
/// Matches messages saying that the model cannot be loaded.
pub(super) static NOT_LOADABLE: LazyLock<RegexSet> =
    LazyLock::new(|| patterns(&[r#"\b(?:error|fail\w*|unable|cannot|could ?n[o']t)\b[^.":]{0,20}\bload"#]));
/// Matches messages saying that the server is at capacity.
pub(super) static OVERLOADED: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"overloaded|at (?:full )?capacity|over capacity|capacity exceeded|service unavailable|server (?:is )?busy|no slots? available|queue is full",
    ])
});
/// Matches "Limit 10000, Requested 12345", the wording used by OpenAI and Groq.
pub(super) static REQUESTED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\blimit:?\s+(\d+)\b[^.]*?\brequested:?\s+(\d+)"));
