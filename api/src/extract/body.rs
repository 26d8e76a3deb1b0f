//! Reads request bodies. A body must be a JSON object, must not exceed 512 KiB, and must arrive within a time limit.

use std::error::Error;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use banter_shared::lenient_json;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, error::Category};

use super::field_error;
use crate::{
    error::{ApiError, Code},
    server::{BODY_TIMEOUT, BodyTimeoutError, UPLOAD_IDLE_TIMEOUT},
    state::AppState,
};

/// Maximum size of a body, in bytes.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// A JSON object, parsed into `T`. Must be a handler's last parameter.
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

/// A JSON object, parsed into `T`, or no body, which means the default. Must be a handler's last parameter.
#[derive(Clone, Debug)]
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<AppState> for OptionalBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json(&parts.headers) {
            return Err(not_json());
        }
        parse(&bytes).map(Self)
    }
}

/// No body, or an empty JSON object. Must be a handler's last parameter.
#[derive(Clone, Copy, Debug)]
pub struct NoBody;

/// The empty JSON object that an operation without a body accepts.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl FromRequest<AppState> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let OptionalBody(Nothing {}) = OptionalBody::from_request(request, state).await?;
        Ok(Self)
    }
}

fn not_json() -> ApiError {
    ApiError::new(Code::UnsupportedMediaType, "The body must be JSON, with `Content-Type: application/json`.")
}

/// Returns whether the content type is JSON, that is, `application/json` or `application/*+json` (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads a body. Fails as soon as the body exceeds the size limit, or when the deadline passes.
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
        let piece = piece.map_err(|error| incomplete(&error))?;
        if bytes.len() + piece.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Creates the error for a body that could not be read completely.
pub fn incomplete(error: &(dyn Error + 'static)) -> ApiError {
    let mut causes = std::iter::successors(Some(error), |error| Error::source(*error));
    if let Some(BodyTimeoutError { is_upload }) = causes.find_map(<dyn Error>::downcast_ref) {
        let detail = if *is_upload {
            format!("No data arrived for {} seconds.", UPLOAD_IDLE_TIMEOUT.as_secs())
        } else {
            format!("The body did not arrive within {} seconds.", BODY_TIMEOUT.as_secs())
        };
        return ApiError::new(Code::RequestTimeout, detail);
    }
    ApiError::new(Code::InvalidRequest, "The connection was closed before the entire body arrived.")
}

/// Parses a JSON object. If a field is invalid, the error names the field. Ignores a byte order mark, and replaces
/// escaped lone surrogates with U+FFFD.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = decode(bytes)?;
    let text = lenient_json::replace_lone_surrogates(text);
    let not_json = |error: &serde_json::Error| {
        ApiError::new(Code::InvalidRequest, format!("The body is not valid JSON: {error}."))
    };
    // serde would also accept an array in place of a struct.
    if !text.trim_start().starts_with('{') {
        serde_json::from_str::<Value>(&text).map_err(|error| not_json(&error))?;
        return Err(ApiError::new(Code::InvalidRequest, "The body must be a JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_str(&text);
    let body = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match error.classify() {
            Category::Data => field_error::field_error(path, &error.to_string()),
            // For enums, serde_json reports some values of the wrong type as syntax errors.
            Category::Syntax if serde_json::from_str::<IgnoredAny>(&text).is_ok() => {
                let message = field_error::enum_message::<T>(&text, &path);
                field_error::field_error(path, &message)
            }
            Category::Syntax | Category::Eof | Category::Io => not_json(&error),
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(body)
}

/// Decodes UTF-8, with or without a byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, ApiError> {
    let invalid = |detail: String| ApiError::new(Code::InvalidRequest, detail);
    // A JSON object begins with two ASCII characters, so a zero byte among the first two indicates UTF-16 or UTF-32.
    let is_wide = bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || bytes.iter().take(2).any(|byte| *byte == 0);
    if is_wide {
        return Err(invalid("The body is encoded as UTF-16 or UTF-32. Encode it as UTF-8.".into()));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map_err(|error| invalid(format!("The body contains invalid UTF-8 at byte {}.", error.valid_up_to())))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use banter_shared::chat::SessionStatus;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        content: String,
        #[expect(dead_code, reason = "parsed but never read")]
        pinned: Option<bool>,
        #[expect(dead_code, reason = "parsed but never read")]
        status: Option<SessionStatus>,
        #[expect(dead_code, reason = "parsed but never read")]
        seq: Option<i64>,
    }

    fn fields(body: &str) -> Vec<String> {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err().problem(String::new());
        problem.errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn an_error_names_the_invalid_field() {
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

    fn message(body: &str) -> String {
        parse::<Sample>(body.as_bytes()).unwrap_err().problem(String::new()).detail
    }

    #[test]
    fn an_error_explains_why_a_field_is_invalid() {
        for (body, expected) in [
            ("{}", "`content` is required."),
            (r#"{"content": 5}"#, "`content` must be a string, not the integer `5`."),
            (r#"{"content": null}"#, "`content` must be a string, not null."),
            (r#"{"content": "x", "pinned": "yes"}"#, "`pinned` must be a boolean, not the string \"yes\"."),
            (
                r#"{"content": "x", "status": "gone"}"#,
                "`status` has an invalid value; expected `active` or `archived`.",
            ),
            (r#"{"content": "x", "status": 5}"#, "`status` has an invalid value; expected `active` or `archived`."),
            (
                r#"{"content": "x", "no_such": 1}"#,
                "`no_such` is not a known field; expected one of `content`, `pinned`, `status`, `seq`.",
            ),
            (r#"{"content": "x", "seq": 1.5}"#, "`seq` must be a whole number, not the number `1.5`."),
            (
                r#"{"content": "x", "seq": 9999999999999999999}"#,
                "`seq` must be a whole number from -9223372036854775808 to 9223372036854775807, not `9999999999999999999`.",
            ),
            (r#"{"content": "x", "content": "y"}"#, "`content` appears more than once."),
        ] {
            assert_eq!(message(body), expected, "{body}");
        }
    }

    #[test]
    fn accepts_a_byte_order_mark_and_lone_surrogates() {
        for (body, expected) in [
            ("{\"content\":\"x\"}", "x"),
            ("\u{feff}{\"content\":\"x\"}", "x"),
            (r#"{"content":"\ud83d"}"#, "\u{fffd}"),
            (r#"{"content":"a\udf89b"}"#, "a\u{fffd}b"),
            (r#"{"content":"\ud83c\udf89"}"#, "🎉"),
            (r#"{"content":"\\ud83d"}"#, r"\ud83d"),
        ] {
            assert_eq!(parse::<Sample>(body.as_bytes()).unwrap().content, expected, "{body}");
        }
    }

    #[test]
    fn rejects_encodings_other_than_utf_8() {
        let utf_16 = |to_bytes: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
            format!("{mark}{{\"content\":\"x\"}}").encode_utf16().flat_map(to_bytes).collect()
        };
        let wide = [utf_16(u16::to_le_bytes, ""), utf_16(u16::to_be_bytes, ""), utf_16(u16::to_le_bytes, "\u{feff}")];
        let detail = |body: &[u8]| parse::<Sample>(body).unwrap_err().problem(String::new()).detail;

        for body in wide {
            assert!(detail(&body).contains("UTF-16"), "{body:?}");
        }
        assert_eq!(detail(b"{\"content\":\"\xff\"}"), "The body contains invalid UTF-8 at byte 12.");
    }

    #[test]
    fn rejects_anything_but_a_json_object() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "null", "[]", r#"["x"]"#, "{} {}", "5", &deep] {
            let error = parse::<Sample>(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::InvalidRequest, "{body:.20}");
        }
        assert_eq!(parse::<Sample>(b"{\"content\":\"\xff\"}").unwrap_err().code(), Code::InvalidRequest);
    }

    #[test]
    fn recognizes_json_content_types() {
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
