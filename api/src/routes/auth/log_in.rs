//! `POST /v1/auth/session`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, Uri},
};
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use utoipa::ToSchema;

use super::me::Me;
use crate::{
    error::{ApiError, Code},
    extract::{JsonBody, LoginCookie},
    middleware::origin::{self, RequestOrigin},
    openapi::{AnyProblem, BodyProblem},
    state::AppState,
};

/// The credentials for signing in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The API key (`bnt_…`).
    api_key: String,
}

/// Signs a browser in.
#[utoipa::path(
    post,
    path = "/v1/auth/session",
    operation_id = "logIn",
    tag = "auth",
    summary = "Sign in",
    description = "Exchanges an API key for a cookie (HttpOnly, SameSite=Strict) that expires after 30 days. \
                   It becomes invalid earlier if the user signs out, or if the key expires or is revoked.",
    request_body = LogIn,
    security(()),
    responses((status = 200, description = "The user is signed in.", body = Me), AnyProblem, BodyProblem),
)]
pub async fn log_in(
    State(state): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LogIn>,
) -> Result<(CookieJar, Json<Me>), ApiError> {
    // Prevents login CSRF: a page from another origin must not sign this browser in to another account.
    origin::check_own_page(&RequestOrigin::of(&method, &uri, &headers))?;
    let (principal, login) = state
        .store
        .log_in(&body.api_key)
        .await?
        .ok_or_else(|| ApiError::new(Code::Unauthorized, "The API key is invalid, expired, or revoked."))?;

    Ok((LoginCookie::set(&headers, login.token), Json(principal.into())))
}
