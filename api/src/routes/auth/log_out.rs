//! `DELETE /v1/auth/session`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use axum_extra::extract::CookieJar;
use banter_shared::chat::Principal;

use crate::{
    error::ApiError,
    extract::{LoginCookie, NoBody},
    openapi::{AnyProblem, BodyProblem},
    state::AppState,
};

/// Signs the browser out.
#[utoipa::path(
    delete,
    path = "/v1/auth/session",
    operation_id = "logOut",
    tag = "auth",
    summary = "Sign out",
    description = "Revokes the browser's cookie and its tickets, and closes its streams. Does nothing if the request uses a key.",
    responses((status = 204, description = "The user is signed out."), AnyProblem, BodyProblem),
)]
pub async fn log_out(
    State(state): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    _: NoBody,
) -> Result<(CookieJar, StatusCode), ApiError> {
    if let Some(login) = principal.login_id {
        state.store.log_out(login).await?;
    }

    Ok((LoginCookie::clear(&headers), StatusCode::NO_CONTENT))
}
