//! Invalid values of environment variables.

/// An error for an invalid environment variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}{}: expected {expected}", value.as_ref().map(|value| format!("={value:?}")).unwrap_or_default())]
pub struct ConfigError {
    /// The name of the variable, or `.env` if that file is unreadable or invalid.
    pub variable: &'static str,
    /// The value of the variable; `None` if the value may contain a secret.
    pub value: Option<String>,
    /// A description of valid values.
    pub expected: String,
}

impl ConfigError {
    /// Creates an error that shows the invalid value.
    pub(super) fn new(variable: &'static str, value: &str, expected: &str) -> Self {
        Self { variable, value: Some(value.to_owned()), expected: expected.to_owned() }
    }
}
