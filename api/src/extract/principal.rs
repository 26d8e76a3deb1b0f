//! Who makes a request, and whether their role lets them change anything.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use banter_shared::chat::{Principal, UserRef, UserRole};

use crate::{
    error::{ApiError, Code},
    state::AppState,
};

/// Marks a request that needs no key: put there by [`crate::middleware::keyless`].
#[derive(Clone, Copy, Debug)]
pub struct Keyless;

impl FromRequestParts<AppState> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let principal = if parts.extensions.get::<Keyless>().is_some() {
            Self { user: UserRef::local(), role: UserRole::Admin, key_id: None }
        } else {
            let key = bearer(&parts.headers).ok_or_else(|| {
                ApiError::new(Code::Unauthorized, "An API key is needed: `Authorization: Bearer bnt_…`.")
            })?;
            state
                .store
                .authenticate(key)
                .await?
                .ok_or_else(|| ApiError::new(Code::Unauthorized, "This API key does not work (any more)."))?
        };
        parts.extensions.insert(principal.clone());
        Ok(principal)
    }
}

/// The key of an `Authorization: Bearer …` header (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// A principal who may change conversations.
#[derive(Clone, Copy, Debug)]
pub struct Writer;

impl FromRequestParts<AppState> for Writer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if Principal::from_request_parts(parts, state).await?.role.can_write() {
            Ok(Self)
        } else {
            Err(ApiError::new(Code::Forbidden, "This key may read, and not change anything."))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_one_bearer_header_with_a_key_counts() {
        for (value, expected) in [
            ("Bearer bnt_x", Some("bnt_x")),
            ("bearer bnt_x", Some("bnt_x")),
            ("Basic bnt_x", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("bnt_x", None),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(bearer(&headers), expected, "{value:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&twice), None);
    }
}
