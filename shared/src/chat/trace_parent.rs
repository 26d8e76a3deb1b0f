//! The trace to which a turn belongs.

use std::{convert::Infallible, fmt, str::FromStr};

use crate::text_column::text_column;

/// The parent span of a turn, in the format of the `traceparent` header
/// (<https://www.w3.org/TR/trace-context/#traceparent-header>). It is stored with the task, so that the worker
/// continues the trace of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Wraps the value of a header without validating it. Readers ignore an invalid value.
    #[must_use]
    pub const fn new(header: String) -> Self {
        Self(header)
    }

    /// Returns the value of the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TraceParent {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

text_column!(TraceParent);
