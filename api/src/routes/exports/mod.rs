//! Exports of chats.

pub mod all;
pub mod session;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use super::attachments::file_name::disposition;
use crate::error::ApiError;

/// A document contains text of users and agents. If a browser shows it, it runs nothing and loads nothing.
const CONTENT_SECURITY_POLICY: HeaderValue =
    HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:");

/// Returns a response that browsers save as a file.
fn download(body: Body, media_type: &'static str, name: &str) -> Result<Response, ApiError> {
    let mut response = body.into_response();
    let disposition = HeaderValue::try_from(disposition("attachment", name)).map_err(ApiError::internal)?;
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CONTENT_DISPOSITION, disposition),
    ] {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
