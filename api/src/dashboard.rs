//! The dashboard: its built files, compiled into the binary.
//!
//! Whatever is not a route of the API ends here: a file, or for any path that a browser navigates to the page itself,
//! which finds its own way from there.

use axum::{
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{
    error::{ApiError, Code},
    middleware::origin,
};

/// The page.
const INDEX: &str = "index.html";
/// Files below here have a hash of their content in their name, so they never change.
const HASHED: &str = "assets/";

#[derive(RustEmbed)]
#[folder = "../dashboard/dist"]
#[allow_missing = true]
struct Files;

/// What is shown when the binary was built without the dashboard.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Banter</title>\
     <h1>The dashboard is not built in</h1>\
     <p>The API works. For the dashboard run <code>make dashboard</code>, with Node, and build again.</p></html>";

/// Serves a file or the page.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if origin::is_api(uri.path()) {
        return ApiError::new(Code::NotFound, "There is no such path.").into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        let refused = ApiError::new(Code::MethodNotAllowed, "Only GET and HEAD are served here.");
        return (allow, refused).into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Files::get(path) {
        Some(found) if path != INDEX => file(path, found),
        Some(_) => page(),
        None if path.is_empty() || accepts_html(&headers) => page(),
        None => ApiError::not_found().into_response(),
    }
}

fn page() -> Response {
    let page = match Files::get(INDEX) {
        Some(found) => Html(found.data).into_response(),
        None => Html(NOT_BUILT).into_response(),
    };
    with_cache_control(page, "no-cache")
}

fn file(path: &str, found: EmbeddedFile) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let response = ([(header::CONTENT_TYPE, kind.as_ref())], found.data).into_response();
    let is_hashed = path.starts_with(HASHED);
    with_cache_control(response, if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" })
}

fn with_cache_control(mut response: Response, value: &'static str) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    response
}

/// Whether a browser asks for a page, not for a picture or a script that is not there.
fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    async fn get(method: Method, path: &str, accept: Option<&'static str>) -> Response {
        let accept = accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept)));
        serve(method, path.parse().unwrap(), accept.into_iter().collect()).await
    }

    #[tokio::test]
    async fn a_path_that_a_browser_navigates_to_is_the_page() {
        for (path, accept) in [("/", None), ("/chat/1", Some("text/html,*/*")), ("/index.html", None)] {
            let response = get(Method::GET, path, accept).await;
            if path == "/index.html" && Files::get(INDEX).is_none() {
                continue;
            }
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        }
    }

    #[tokio::test]
    async fn anything_else_is_not_there() {
        assert_eq!(get(Method::GET, "/v1/nothing", Some("text/html")).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get(Method::GET, "/assets/none.js", Some("*/*")).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get(Method::POST, "/", None).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
