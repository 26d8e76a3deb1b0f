//! Determines whether a request was rejected because of the API key.

use std::sync::LazyLock;

use regex::RegexSet;

use super::cause::ErrorReport;
use crate::agents::pattern::patterns;

/// Why access was denied, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The configured key is wrong.
    WrongKey,
    /// No key is configured, which may be the reason.
    NoKey,
    /// The reason is unknown or unrelated to the key.
    OtherReason,
}

/// Matches messages saying that the key is invalid or missing.
static KEY: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"(?i)\b(?:invalid|incorrect|wrong|bad|expired|revoked|unknown|missing|disabled|malformed)\b[^.]{0,40}\b(?:keys?|tokens?|credentials?|authentication|bearer)\b",
        r"(?i)\b(?:key|token|credentials?)\b[^.]{0,60}\b(?:invalid|incorrect|wrong|expired|revoked|unknown|missing|disabled|malformed|not (?:valid|found|recognized))\b",
        r"(?i)(?:invalid|incorrect|expired|missing)_(?:api_)?(?:key|token)|authentication_error|authentication fails",
    ])
});

impl Access {
    pub(super) fn of(report: &ErrorReport<'_>, has_key: bool) -> Self {
        let is_unexplained = report.message.is_empty();
        let is_unauthorized = report.status != Some(403);
        if !has_key && is_unauthorized {
            return Self::NoKey;
        }
        // A 401 response with no message means invalid credentials (RFC 9110, section 15.5.2).
        let is_wrong =
            KEY.is_match(report.message) || (is_unexplained && (is_unauthorized || KEY.is_match(report.raw)));
        if has_key && is_wrong { Self::WrongKey } else { Self::OtherReason }
    }
}
