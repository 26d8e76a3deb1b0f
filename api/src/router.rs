//! All routes, and the layers around them.

use std::any::Any;

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    dashboard,
    error::ApiError,
    middleware::{body_drain, disconnect, headers, keyless, request_id, request_metrics},
    openapi::Base,
    routes::{
        agents, attachments, auth, drafts, events, exports, folders, imports, messages, search, sessions, system, tasks,
    },
    state::AppState,
};

/// Returns the router for all operations, with the OpenAPI document.
fn operations() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Base::openapi())
        .routes(routes!(sessions::create::create, sessions::list::list))
        .routes(routes!(sessions::get::get, sessions::update::update, sessions::delete::delete))
        .routes(routes!(sessions::fork::fork))
        .routes(routes!(sessions::branch::branch))
        .routes(routes!(sessions::changes::changes))
        .routes(routes!(sessions::read::read))
        .routes(routes!(sessions::unread::unread))
        .routes(routes!(exports::all::all))
        .routes(routes!(exports::session::session))
        .routes(routes!(imports::import))
        .routes(routes!(drafts::get::get, drafts::put::put))
        .routes(routes!(messages::create::create, messages::list::list))
        .routes(routes!(messages::edit::edit, messages::unsend::unsend))
        .routes(routes!(messages::revise::revise))
        .routes(routes!(attachments::create::create))
        .routes(routes!(attachments::list::list))
        .routes(routes!(attachments::get::get, attachments::delete::delete))
        .routes(routes!(search::list::list))
        .routes(routes!(tasks::get::get))
        .routes(routes!(tasks::cancel::cancel))
        .routes(routes!(tasks::retry::retry))
        .routes(routes!(tasks::permission::answer))
        .routes(routes!(agents::list::list))
        .routes(routes!(folders::list::list))
        .routes(routes!(events::user::user))
        .routes(routes!(events::session::session))
        .routes(routes!(auth::me::me))
        .routes(routes!(auth::log_in::log_in, auth::log_out::log_out))
        .routes(routes!(auth::ticket::ticket))
        .routes(routes!(system::live::live))
        .routes(routes!(system::ready::ready))
        .routes(routes!(system::metrics::metrics))
        .routes(routes!(system::openapi::openapi))
}

/// Returns the OpenAPI document for all operations.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    operations().into_openapi()
}

/// Returns the API reference page. The online validator is disabled so that the page loads nothing from other sites.
fn reference() -> SwaggerUi {
    SwaggerUi::new("/docs").config(Config::from("/v1/openapi.json").validator_url("none"))
}

/// Returns the complete service. A request passes through the layers in reverse order: the layer added last runs first.
pub fn router(state: AppState) -> Router {
    let (router, _) = operations().split_for_parts();
    router
        .merge(reference())
        .fallback(dashboard::serve)
        .layer(CatchPanicLayer::custom(on_panic))
        .layer(middleware::from_fn_with_state(state.clone(), disconnect::layer))
        .layer(middleware::from_fn_with_state(state.clone(), keyless::layer))
        .layer(middleware::from_fn(body_drain::layer))
        .layer(middleware::from_fn(headers::layer))
        .layer(middleware::from_fn_with_state(state.clone(), request_metrics::layer))
        .layer(middleware::from_fn(request_id::layer))
        .with_state(state)
}

/// Maps a panic in a handler to an internal error.
#[expect(clippy::needless_pass_by_value, reason = "the layer requires this signature")]
fn on_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(format!("panicked: {}", text.unwrap_or("no message"))).into_response()
}
