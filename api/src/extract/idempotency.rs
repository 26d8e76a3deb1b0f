//! The `Idempotency-Key` header, which makes it safe to repeat a request.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use banter_shared::store::IdempotencyKey;
use serde::Serialize;

use crate::{error::ApiError, state::AppState};

/// The name of the header.
const NAME: &str = "Idempotency-Key";
/// Maximum length of a key, in bytes.
const MAX_BYTES: usize = 200;

/// A request's operation and, if present, its idempotency key.
#[derive(Clone, Debug)]
pub struct IdempotencyHeader {
    key: Option<String>,
    operation: String,
}

impl IdempotencyHeader {
    /// Combines the key, if present, with the operation and the parsed body. The formatting and field order of the
    /// original body do not matter.
    ///
    /// # Errors
    /// Never fails in practice, because every body can be serialized as JSON.
    pub fn with_body(self, body: &impl Serialize) -> Result<Option<IdempotencyKey>, ApiError> {
        let Some(key) = self.key else { return Ok(None) };
        let request = serde_json::to_vec(body).map_err(ApiError::internal)?;
        Ok(Some(IdempotencyKey::new(key, self.operation, &request)))
    }

    /// Returns the key, if present, for an operation whose body is not JSON.
    #[must_use]
    pub fn into_key(self) -> Option<String> {
        self.key
    }
}

fn parse(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let invalid = |message: String| ApiError::invalid(NAME, message);
    if values.next().is_some() {
        return Err(invalid("must not be sent more than once".into()));
    }
    let key = std::str::from_utf8(value.as_bytes()).map_err(|_| invalid("must be valid UTF-8".into()))?.trim_ascii();
    if !(1..=MAX_BYTES).contains(&key.len()) {
        return Err(invalid(format!("must be 1 to {MAX_BYTES} bytes long, not {}", key.len())));
    }
    if key.chars().any(char::is_control) {
        return Err(invalid("must not contain control characters".into()));
    }
    Ok(Some(key.to_owned()))
}

impl FromRequestParts<AppState> for IdempotencyHeader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let operation = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self { key: parse(&parts.headers)?, operation })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn accepts_a_key_of_1_to_200_bytes_without_control_characters() {
        assert_eq!(parse(&headers(&[])).unwrap(), None);
        for (sent, key) in [("a-1", "a-1"), ("a b", "a b"), ("  a  b ", "a  b"), ("\"a b\"", "\"a b\""), ("é", "é")] {
            assert_eq!(parse(&headers(&[sent])).unwrap().as_deref(), Some(key), "{sent:?}");
        }
        assert!(parse(&headers(&[&"k".repeat(200)])).unwrap().is_some());
        let long = ["k".repeat(201), "é".repeat(101)];
        for bad in [&[""] as &[&str], &["  "], &[&long[0]], &[&long[1]], &["a\tb"], &["a", "a"]] {
            assert!(parse(&headers(bad)).is_err(), "{bad:?}");
        }
        let latin_1 = HeaderMap::from_iter([(NAME.parse().unwrap(), HeaderValue::from_bytes(b"caf\xe9").unwrap())]);
        assert!(parse(&latin_1).is_err(), "keys must be valid UTF-8");
    }
}
