//! Authentication by key or login, and the role check.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use banter_shared::chat::{Principal, UserRef, UserRole};

use super::LoginCookie;
use crate::{
    access::Keyless,
    error::{ApiError, Code},
    middleware::origin::{self, RequestOrigin},
    state::AppState,
};

impl FromRequestParts<AppState> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let principal = if parts.extensions.get::<Keyless>().is_some() {
            Self { user: UserRef::local(), role: UserRole::Admin, key_id: None, login_id: None }
        } else if parts.headers.contains_key(header::AUTHORIZATION) {
            by_key(parts, state).await?
        } else if let Some(token) = LoginCookie::of(&parts.headers) {
            by_login(&token, parts, state).await?
        } else {
            return Err(key_needed());
        };
        parts.extensions.insert(principal.clone());
        Ok(principal)
    }
}

fn key_needed() -> ApiError {
    ApiError::new(Code::Unauthorized, "An API key is required. Send it as `Authorization: Bearer bnt_…`.")
}

async fn by_key(parts: &Parts, state: &AppState) -> Result<Principal, ApiError> {
    let key = bearer(&parts.headers).ok_or_else(key_needed)?;
    let found = state.store.authenticate(key).await?;
    found.ok_or_else(|| ApiError::new(Code::Unauthorized, "The API key is invalid, expired, or revoked."))
}

/// Authenticates with the login cookie. Browsers also send the cookie with requests from pages on other origins of the
/// same site. Changes that such pages request are rejected.
async fn by_login(token: &str, parts: &Parts, state: &AppState) -> Result<Principal, ApiError> {
    let found = state.store.authenticate_login(token).await?;
    let principal = found
        .ok_or_else(|| ApiError::new(Code::Unauthorized, "Your sign-in has expired or been revoked. Sign in again."))?;
    if !parts.method.is_safe() {
        origin::check_own_page(&RequestOrigin::of(&parts.method, &parts.uri, &parts.headers))?;
    }
    Ok(principal)
}

/// Returns the key from an `Authorization: Bearer …` header (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// An extractor that requires a principal who may change conversations.
#[derive(Clone, Copy, Debug)]
pub struct WriteAccess;

impl FromRequestParts<AppState> for WriteAccess {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if Principal::from_request_parts(parts, state).await?.role.can_write() {
            Ok(Self)
        } else {
            Err(ApiError::new(Code::Forbidden, "Your API key is read-only."))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn accepts_exactly_one_bearer_header_with_a_key() {
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
