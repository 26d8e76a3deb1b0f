//! Parts of the standard request that a server rejects, as learned from its error messages.
//!
//! When the server returns such an error, the request is changed and resent. The agent remembers the form that the
//! server accepted.

use std::sync::LazyLock;

use regex::Regex;

use crate::agents::pattern::pattern;

/// How requests to a server must differ from the standard request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent peculiarities, in any combination")]
pub(super) struct Dialect {
    /// Omits `stream_options`, so that `usage` is not requested.
    pub no_stream_options: bool,
    /// Uses `max_completion_tokens` instead of `max_tokens`.
    pub completion_tokens: bool,
    /// Joins consecutive messages with the same role, and omits answers before the first user message.
    pub alternate_roles: bool,
    /// Prepends the system prompt to the first user message.
    pub no_system_role: bool,
    /// Omits messages that are blank.
    pub no_empty_messages: bool,
}

/// Matches errors saying that roles must alternate, or that the conversation must start or end with a user message.
static ROLES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\balternat|consecutive\b[^.]{0,40}\b(?:user|role|message)|multiple [^.]{0,20}\buser\b[^.]{0,20}\broles? in a row|",
        r"expected last role|unexpected role|successive\b[^.]{0,40}\b(?:user|role|message)|(?:first|last)\b[^.]{0,40}\bmessage\b[^.]{0,60}\buser\b|",
        r"(?:start|begin)s? with[^.]{0,30}\buser\b|same role|roles?\b[^.]{0,30}\b(?:in a row|repeated)",
    ))
});
/// Matches errors saying that the system role is not supported.
static SYSTEM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(?:system|developer)\b[^.]{0,50}\b(?:not supported|unsupported|not allowed|not permitted|not enabled|not accepted|invalid|unknown|unexpected)|",
        r"(?:not support|unsupported|invalid|unknown|unexpected|not accept|not allow|only)\w*\b[^.]{0,60}\b(?:system|developer)\b|",
        r"\broles?\b[^.]{0,40}\b(?:must be|should be|only|one of)\b[^.]{0,40}\buser\b[^.]{0,20}\bassistant\b",
    ))
});
/// Matches errors saying that messages must not be empty.
static EMPTY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(?:content|messages?|text|input)\b[^.]{0,60}\b(?:non-?empty|(?:not|n't|cannot|can't) be (?:empty|blank|null)|is empty|is required)|",
        r"\bempty (?:content|messages?|text)|either content or|at least 1 character",
    ))
});
/// Matches errors saying that a chat template failed.
static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)jinja|chat[ _]template|template ?error|raise_exception|apply[ _]template|applying[^.]{0,20}template")
});
/// Matches errors about the messages in the conversation.
static MESSAGES: LazyLock<Regex> = LazyLock::new(|| {
    // These patterns must not match the field name "message", which most error objects contain.
    pattern(concat!(
        r"(?i)\b(?:messages|roles?|turns?|conversations?|chats?|history|dialog(?:ue)?s?|assistant)\b|",
        r"\bmessage (?:order|sequence|list|array|format|structure|history)\b",
    ))
});

/// A part of the request that a server may reject. If an error names several of them, the first one in this order is
/// changed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feature {
    StreamOptions,
    MaxTokens,
    SystemRole,
    EmptyMessages,
    RepeatedRoles,
}

impl Feature {
    const ALL: [Self; 5] =
        [Self::StreamOptions, Self::MaxTokens, Self::SystemRole, Self::EmptyMessages, Self::RepeatedRoles];

    fn is_named_in(self, message: &str) -> bool {
        match self {
            Self::StreamOptions => message.contains("stream_options") || message.contains("include_usage"),
            Self::MaxTokens => message.contains("max_completion_tokens"),
            Self::SystemRole => SYSTEM.is_match(message),
            Self::EmptyMessages => EMPTY.is_match(message),
            Self::RepeatedRoles => ROLES.is_match(message),
        }
    }

    /// Returns whether this part may cause a chat template error that does not name the part.
    fn may_fail_template(self) -> bool {
        matches!(self, Self::SystemRole | Self::RepeatedRoles)
    }
}

impl Dialect {
    /// Returns the dialects to try after an error, best first. `message` is the text of the error.
    pub fn alternatives(self, message: &str) -> Vec<Self> {
        let named = Feature::ALL.into_iter().filter(|part| part.is_named_in(message));
        let mut answers: Vec<Self> = named.map(|part| self.without(part)).collect();
        if TEMPLATE.is_match(message) {
            let guesses = Feature::ALL.into_iter().rev().filter(|part| part.may_fail_template());
            answers.extend(guesses.map(|part| self.without(part)));
        }
        answers.retain(|answer| *answer != self);
        answers
    }

    /// Returns the dialect to try after an unrecognized error about the messages, or `None` if the error is not about
    /// the messages. In this dialect, roles alternate, and no message is empty.
    pub fn conforming(self, message: &str) -> Option<Self> {
        MESSAGES.is_match(message).then(|| self.without(Feature::RepeatedRoles))
    }

    fn without(mut self, part: Feature) -> Self {
        match part {
            Feature::StreamOptions => self.no_stream_options = true,
            Feature::MaxTokens => self.completion_tokens = true,
            Feature::SystemRole => self.no_system_role = true,
            Feature::EmptyMessages => self.no_empty_messages = true,
            Feature::RepeatedRoles => (self.alternate_roles, self.no_empty_messages) = (true, true),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: Dialect = Dialect {
        alternate_roles: true,
        no_empty_messages: true,
        no_stream_options: false,
        completion_tokens: false,
        no_system_role: false,
    };

    fn first(message: &str) -> Option<Dialect> {
        Dialect::default().alternatives(message).first().copied()
    }

    #[test]
    fn recognizes_servers_that_require_alternating_roles() {
        for message in [
            "Conversation roles must alternate user/assistant/user/assistant/...",
            "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...",
            "After the (optional) system message(s), user and assistant roles should be alternating.",
            "After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s).",
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
            "messages: roles must alternate between \"user\" and \"assistant\", but found multiple \"user\" roles in a row",
            "Please ensure that multiturn requests alternate between user and model.",
            "Invalid input: consecutive messages must not have the same role",
            "Last message must have role `user`.",
            "The first message must be from the user.",
            "conversation must start with a user message",
            "Unexpected role 'user' after role 'user'",
            "deepseek-reasoner does not support successive user or assistant messages",
            "{\"error\":{\"code\":500,\"message\":\"Error: Jinja Exception: Conversation roles must alternate\"}}",
        ] {
            assert_eq!(first(message), Some(ROLES), "{message}");
        }
    }

    #[test]
    fn recognizes_servers_without_a_system_role() {
        for message in [
            "System role not supported",
            "This model does not support system messages.",
            "Developer instruction is not enabled for models/gemma-3-27b-it",
            "Unsupported role: system",
            "invalid role 'system'",
            "messages[0].role: unexpected value 'system'",
            "role must be one of user, assistant",
        ] {
            assert_eq!(first(message), Some(Dialect { no_system_role: true, ..Dialect::default() }), "{message}");
        }
    }

    #[test]
    fn recognizes_servers_that_reject_empty_messages() {
        for message in [
            "messages: text content blocks must be non-empty",
            "Assistant message must have either content or tool_calls, but not none.",
            "messages.1.content must not be empty",
            "all messages must have non-empty content except for the optional final assistant message",
        ] {
            assert_eq!(first(message), Some(Dialect { no_empty_messages: true, ..Dialect::default() }), "{message}");
        }
    }

    #[test]
    fn adapts_to_an_unexplained_template_error() {
        let answers = Dialect::default().alternatives("Jinja Exception: unknown error at row 7");

        assert_eq!(answers, [ROLES, Dialect { no_system_role: true, ..Dialect::default() }]);
    }

    #[test]
    fn alternates_roles_after_an_unknown_error_about_messages() {
        for message in
            ["Invalid message order", "bad turn structure", "Two turns of the user", "malformed conversation"]
        {
            assert_eq!(Dialect::default().conforming(message), Some(ROLES), "{message}");
        }
        for message in [
            "",
            "no",
            "Bad Request",
            r#"{"error":{"message":"no","type":"bad_request"}}"#,
            "temperature must be at most 1",
        ] {
            assert_eq!(Dialect::default().conforming(message), None, "{message}");
        }
    }

    #[test]
    fn ignores_other_errors() {
        for message in
            ["", "temperature must be at most 1", "The model is overloaded.", "invalid API key", "bad request"]
        {
            assert_eq!(Dialect::default().alternatives(message), [], "{message}");
        }
        assert_eq!(ROLES.alternatives("roles must alternate"), []);
    }
}
