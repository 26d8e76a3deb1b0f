//! The `Idempotency-Key` header: a client's name for a request, so that sending it again does nothing new.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use banter_shared::store::IdempotencyKey;
use serde::Serialize;

use crate::{error::ApiError, state::AppState};

/// The header's name.
const NAME: &str = "Idempotency-Key";
/// Longest key, in bytes.
const MAX_BYTES: usize = 200;

/// The key of a request, if it has one, with the operation that it is for.
#[derive(Clone, Debug)]
pub struct IdempotencyHeader {
    key: Option<String>,
    operation: String,
}

impl IdempotencyHeader {
    /// The key together with what is asked. `body` is the parsed one: white space and order make no difference.
    ///
    /// # Errors
    /// Never in practice: our bodies can be written as JSON.
    pub fn with_body(self, body: &impl Serialize) -> Result<Option<IdempotencyKey>, ApiError> {
        let Some(key) = self.key else { return Ok(None) };
        let request = serde_json::to_vec(body).map_err(ApiError::internal)?;
        Ok(Some(IdempotencyKey::new(key, self.operation, &request)))
    }
}

fn parse(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let bytes = value.as_bytes();
    if values.next().is_some() || !(1..=MAX_BYTES).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(ApiError::invalid(NAME, format!("must be one key of 1 to {MAX_BYTES} visible ASCII characters")));
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
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
    fn a_key_is_1_to_200_visible_ascii_characters() {
        assert_eq!(parse(&headers(&[])).unwrap(), None);
        assert_eq!(parse(&headers(&["a-1"])).unwrap().as_deref(), Some("a-1"));
        assert!(parse(&headers(&[&"k".repeat(200)])).unwrap().is_some());
        for bad in [vec![""], vec![&"k".repeat(201) as &str], vec!["a b"], vec!["é"], vec!["a", "a"]] {
            assert!(parse(&headers(&bad)).is_err(), "{bad:?}");
        }
    }
}
