//! The last frame of a body, which may be truncated.

/// The kind of the last frame in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastFrame {
    /// The end of the stream.
    Done,
    /// A complete frame, or a truncated one that appears to contain no output.
    Complete,
    /// The truncated start of more output.
    CutOutput,
}

/// Returns whether a truncated object appears to contain more output or an error.
pub(super) fn mentions_output(text: &str) -> bool {
    ["\"delta\"", "\"content\"", "\"text\"", "\"message\"", "\"error\""].iter().any(|field| text.contains(field))
}
