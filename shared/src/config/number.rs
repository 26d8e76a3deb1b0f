//! Parses environment variables that contain numbers and other simple values.

use std::{fmt::Display, str::FromStr};

use super::ConfigError;

/// Parses a value; returns the default if the variable is unset.
pub(super) fn parse<T: FromStr>(
    variable: &'static str,
    value: Option<String>,
    default: &str,
    expected: &str,
) -> Result<T, ConfigError> {
    let value = value.unwrap_or_else(|| default.to_owned());
    value.parse().map_err(|_| ConfigError::new(variable, &value, expected))
}

/// Parses a number from `min` to `max`; returns the default if the variable is unset.
pub(super) fn in_range<T: Copy + FromStr + PartialOrd + Display>(
    variable: &'static str,
    value: Option<String>,
    default: T,
    min: T,
    max: T,
) -> Result<T, ConfigError> {
    let Some(value) = value else { return Ok(default) };
    match value.parse() {
        Ok(number) if number >= min && number <= max => Ok(number),
        _ => Err(ConfigError::new(variable, &value, &format!("a whole number from {min} to {max}"))),
    }
}

/// Parses a number from 1 to a million; returns `None` if the variable is unset.
pub(super) fn count(variable: &'static str, value: Option<String>) -> Result<Option<usize>, ConfigError> {
    value.map(|value| in_range(variable, Some(value), 1, 1, 1_000_000)).transpose()
}
