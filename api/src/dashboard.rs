//! The dashboard's built files, compiled into the binary.
//!
//! Handles requests for paths without a route. If there is a file at the path, returns the file. Otherwise, if a
//! browser navigates to the path, returns the page, because routing happens on the client. Under `/v1`, the response is
//! always 404.
//!
//! The build places compressed versions of files next to the originals. A compressed version is sent if the client
//! accepts its encoding. The page is always sent uncompressed.

use axum::{
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{
    error::{ApiError, Code},
    middleware::origin,
};

/// The file name of the page.
const INDEX: &str = "index.html";
/// The folder for files whose names contain a content hash, so a file with a given name never changes.
const HASHED: &str = "assets/";

/// The encodings of compressed files, in order of preference. Each entry is an HTTP name and a file name suffix.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

#[derive(RustEmbed)]
#[folder = "../dashboard/dist"]
#[allow_missing = true]
struct Files;

/// The page that is served if the binary was built without the dashboard.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Banter</title>\
     <h1>This build does not include the dashboard</h1>\
     <p>The API is running. To add the dashboard, run <code>make dashboard</code> (requires Node) and rebuild.</p></html>";

/// Serves a file or the page.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if origin::is_api(uri.path()) {
        return ApiError::new(Code::NotFound, "Not found.").into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        let refused = ApiError::new(Code::MethodNotAllowed, "Method not allowed. Use GET or HEAD.");
        return (allow, refused).into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Files::get(path) {
        Some(found) if path != INDEX => file(path, found, &headers),
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

fn file(path: &str, plain: EmbeddedFile, headers: &HeaderMap) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let compressed = ENCODINGS
        .into_iter()
        .filter(|(encoding, _)| accepts_encoding(headers, encoding))
        .find_map(|(encoding, ending)| Some((encoding, Files::get(&format!("{path}{ending}"))?.data)));
    let (encoding, data) = compressed.map_or((None, plain.data), |(encoding, data)| (Some(encoding), data));
    let mut response = ([(header::CONTENT_TYPE, kind.as_ref())], data).into_response();
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let is_hashed = path.starts_with(HASHED);
    with_cache_control(response, if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" })
}

/// Returns whether the client accepts an encoding (RFC 9110, section 12.5.3). Ignores `*`, which browsers never send.
fn accepts_encoding(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let is_refused = weight
            .trim()
            .strip_prefix("q=")
            .and_then(|weight| weight.trim().parse::<f32>().ok())
            .is_some_and(|weight| weight <= 0.0);
        name.trim().eq_ignore_ascii_case(encoding) && !is_refused
    })
}

fn with_cache_control(mut response: Response, value: &'static str) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    response
}

/// Returns whether the client accepts an HTML page. Browsers request images and scripts without accepting HTML.
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
    async fn serves_the_page_for_any_path_that_a_browser_navigates_to() {
        for (path, accept) in [("/", None), ("/chat/1", Some("text/html,*/*")), ("/index.html", None)] {
            let response = get(Method::GET, path, accept).await;
            if path == "/index.html" && Files::get(INDEX).is_none() {
                continue;
            }
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        }
    }

    #[test]
    fn uses_an_encoding_only_if_the_client_accepts_it() {
        let offers = |value| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);

        for value in ["br", "gzip, deflate, br", "gzip;q=0.5, BR;q=0.8", "br;q=0.001"] {
            assert!(accepts_encoding(&offers(value), "br"), "{value}");
        }
        for value in ["", "gzip", "br;q=0", "brotli", "br; q=0.0"] {
            assert!(!accepts_encoding(&offers(value), "br"), "{value}");
        }
        assert!(!accepts_encoding(&HeaderMap::new(), "br"));
    }

    #[tokio::test]
    async fn serves_a_compressed_script_if_the_client_accepts_the_encoding() {
        let Some(script) = Files::iter().find(|path| path.ends_with(".js") && path.starts_with(HASHED)) else {
            return; // Built without the dashboard.
        };
        let path: Uri = format!("/{script}").parse().unwrap();
        for (offer, encoding) in [("gzip, br", Some("br")), ("gzip", Some("gzip")), ("identity", None)] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(offer))]);

            let response = serve(Method::GET, path.clone(), headers).await;

            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript");
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
            let chosen = response.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap());
            assert_eq!(chosen, encoding, "{offer}");
        }
    }

    #[tokio::test]
    async fn rejects_unknown_paths_and_methods() {
        assert_eq!(get(Method::GET, "/v1/nothing", Some("text/html")).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get(Method::GET, "/assets/none.js", Some("*/*")).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get(Method::POST, "/", None).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
