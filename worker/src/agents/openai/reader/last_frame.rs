//! The last frame of a body, which may be truncated.

/// The kind of the last frame in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastFrame {
    /// The end of the stream.
    Done,
    /// A complete frame, or one that does not matter.
    Complete,
    /// The truncated start of more output.
    CutOutput,
}

/// Returns whether the start of an object belongs to more output.
pub(super) fn mentions_output(text: &str) -> bool {
    ["\"delta\"", "\"content\"", "\"text\"", "\"message\"", "\"error\""].iter().any(|field| text.contains(field))
}
