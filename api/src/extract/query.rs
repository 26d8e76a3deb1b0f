//! Query parameters. Known parameters are validated, others are ignored; the first value of a repeated one counts.

use std::{convert::Infallible, fmt::Display, ops::RangeInclusive, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};

use crate::{error::ApiError, state::AppState};

/// The query of a request, decoded.
#[derive(Clone, Debug, Default)]
pub struct QueryParams(Vec<(String, String)>);

impl QueryParams {
    fn of(uri: &Uri) -> Self {
        // Decoding never fails: invalid UTF-8 becomes replacement characters.
        Self(Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// Returns a parameter, if present.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns a whole number in a range.
    ///
    /// # Errors
    /// When it is present and anything else.
    pub fn number<T>(&self, name: &str, range: RangeInclusive<T>) -> Result<Option<T>, ApiError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) && is_plain_number(text) => Ok(Some(number)),
            _ => {
                let (from, to) = range.into_inner();
                Err(ApiError::invalid(name, format!("must be a whole number from {from} to {to}")))
            }
        }
    }

    /// Returns one of several values.
    ///
    /// # Errors
    /// When it is present and anything else.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        let words = || choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        chosen.map(Some).ok_or_else(|| ApiError::invalid(name, format!("must be one of {}", words())))
    }
}

/// Returns whether the text is an optional minus and digits. Rust also accepts a plus.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromRequestParts<AppState> for QueryParams {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> QueryParams {
        QueryParams::of(&format!("/v1/chat?{text}").parse().unwrap())
    }

    #[test]
    fn returns_a_number_in_range_or_none_if_it_is_missing() {
        assert_eq!(query("limit=7").number("limit", 1..=100).unwrap(), Some(7));
        assert_eq!(query("limit=7&limit=x").number("limit", 1..=100).unwrap(), Some(7));
        assert_eq!(query("other=7").number("limit", 1..=100).unwrap(), None::<u32>);
        assert_eq!(query("").number("limit", 1..=100).unwrap(), None::<u32>);
    }

    #[test]
    fn rejects_an_invalid_number_by_name() {
        for text in ["0", "101", "-1", "x", "", "1.5", "%2B5", "+5", " 5", "99999999999999999999", "%00", "٣"] {
            let error = query(&format!("limit={text}").replace(' ', "%20")).number("limit", 1..=100_u32).unwrap_err();
            assert_eq!(error.problem(String::new()).errors[0].field, "limit", "{text:?}");
        }
    }

    #[test]
    fn accepts_only_the_values_of_a_choice() {
        let choices = [("yes", true), ("no", false)];

        assert_eq!(query("sure=no").choice("sure", &choices).unwrap(), Some(false));
        assert_eq!(query("").choice("sure", &choices).unwrap(), None);
        assert!(query("sure=NO").choice("sure", &choices).is_err());
        assert!(query("sure=").choice("sure", &choices).is_err());
    }

    #[test]
    fn decodes_any_text() {
        assert_eq!(query("q=a+b%20c%C3%A9").text("q"), Some("a b cé"));
        assert_eq!(query("q=%FF&also[]=%00").text("q"), Some("\u{fffd}"));
    }
}
