//! Bodies: JSON objects of at most 512 KiB, with known fields only.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, error::Category};

use crate::{
    error::{ApiError, Code, FieldError},
    state::AppState,
};

/// Longest body that is read, in bytes.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// A JSON object, read into `T`. Comes last among a handler's parameters.
#[derive(Clone, Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(not_json());
        }
        parse(&read(&parts.headers, body).await?).map(Self)
    }
}

/// No body, or an empty JSON object. Comes last among a handler's parameters.
#[derive(Clone, Copy, Debug)]
pub struct NoBody;

/// What an operation without a body accepts in one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl FromRequest<AppState> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body).await?;
        if bytes.is_empty() {
            return Ok(Self);
        }
        if !is_json(&parts.headers) {
            return Err(not_json());
        }
        let Nothing {} = parse(&bytes)?;
        Ok(Self)
    }
}

fn not_json() -> ApiError {
    ApiError::new(Code::UnsupportedMediaType, "The body must be JSON, sent with `Content-Type: application/json`.")
}

/// Whether the body says that it is JSON: `application/json`, or a type that ends in `+json` (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads a body up to the limit, and refuses it as soon as it is known to be longer.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let too_large =
        || ApiError::new(Code::PayloadTooLarge, format!("The body must be at most {MAX_BODY_BYTES} bytes."));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| ApiError::new(Code::InvalidRequest, "The body broke off."))?;
        if bytes.len() + piece.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Parses a JSON object; an error names the field at fault.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| ApiError::new(Code::InvalidRequest, "The body is not valid UTF-8."))?;
    let not_json = |error: &serde_json::Error| {
        ApiError::new(Code::InvalidRequest, format!("The body is not valid JSON: {error}."))
    };
    // A struct would also be read from a list.
    if !text.trim_start().starts_with('{') {
        serde_json::from_str::<Value>(text).map_err(|error| not_json(&error))?;
        return Err(ApiError::new(Code::InvalidRequest, "The body must be a JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let body = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match error.classify() {
            Category::Data => wrong_field(path, &error.to_string()),
            // Where one of a few names is expected, serde_json takes any other kind of value for bad JSON.
            Category::Syntax if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
                wrong_field(path, "is none of the values that are known here")
            }
            Category::Syntax | Category::Eof | Category::Io => not_json(&error),
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(body)
}

/// The error of a field, named by serde's path to it or by serde's message.
fn wrong_field(path: String, message: &str) -> ApiError {
    let by_name = field_in(message).filter(|_| path == "." || message.starts_with("unknown field"));
    let field = by_name.map_or(path, str::to_owned);
    ApiError::new(Code::InvalidRequest, format!("The body is not as expected: {message}."))
        .with_errors(vec![FieldError { field, message: message.to_owned() }])
}

/// The field that serde's message is about where its path cannot point at it: it is missing, there twice, or nobody knows it.
fn field_in(message: &str) -> Option<&str> {
    let rest = ["missing", "unknown", "duplicate"]
        .iter()
        .find_map(|kind| message.strip_prefix(kind)?.strip_prefix(" field `"))?;
    rest.split_once('`').map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use banter_shared::chat::SessionStatus;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its parsing is looked at")]
        content: String,
        #[expect(dead_code, reason = "only its parsing is looked at")]
        pinned: Option<bool>,
        #[expect(dead_code, reason = "only its parsing is looked at")]
        status: Option<SessionStatus>,
    }

    fn fields(body: &str) -> Vec<String> {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err().problem(String::new());
        problem.errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn an_error_names_its_field() {
        assert_eq!(fields("{}"), ["content"]);
        assert_eq!(fields(r#"{"content": null}"#), ["content"]);
        assert_eq!(fields(r#"{"content": 5}"#), ["content"]);
        assert_eq!(fields(r#"{"content": "x", "pinned": "yes"}"#), ["pinned"]);
        assert_eq!(fields(r#"{"content": "x", "status": "gone"}"#), ["status"]);
        assert_eq!(fields(r#"{"content": "x", "status": 5}"#), ["status"]);
        assert_eq!(fields(r#"{"content": "x", "status": [true]}"#), ["status"]);
        assert_eq!(fields(r#"{"content": "x", "status": }"#), [""; 0]);
        assert_eq!(fields(r#"{"content": "x", "no_such": 1}"#), ["no_such"]);
        assert_eq!(fields(r#"{"content": "x", "content": "y"}"#), ["content"]);
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "null", "[]", r#"["x"]"#, "{} {}", "5", &deep] {
            let error = parse::<Sample>(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::InvalidRequest, "{body:.20}");
        }
        assert_eq!(parse::<Sample>(b"{\"content\":\"\xff\"}").unwrap_err().code(), Code::InvalidRequest);
    }

    #[test]
    fn json_goes_by_several_names() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
            ("text/json+json", false),
            ("nonsense", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
