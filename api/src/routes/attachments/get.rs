//! `GET /v1/attachments/{id}`

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use banter_shared::{
    attachments::{MAX_THUMBNAIL_PX, StorageError, ThumbnailError},
    chat::Attachment,
    id::FileId,
};
use http_range_header::parse_range_header;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{file_name, storage_error};
use crate::{
    error::{ApiError, Code},
    extract::{OwnedAttachment, QueryParams, WholeNumber},
    openapi::{AnyProblem, AttachmentPath, DownloadProblem, InvalidProblem, NotFoundProblem},
    state::AppState,
};

/// Browsers run no scripts and load no resources if they show the file.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");
/// The content of an attachment never changes.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// The maximum width and height of a thumbnail, in pixels.
type ThumbnailSide = WholeNumber<u32, 16, { MAX_THUMBNAIL_PX as i64 }>;

/// The query parameters for downloading a file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GetQuery {
    /// Return an image that is scaled down so that its width and height are at most this many pixels.
    #[param(inline)]
    thumbnail: Option<ThumbnailSide>,
}

/// Downloads a file.
#[utoipa::path(
    get,
    path = "/v1/attachments/{id}",
    operation_id = "getAttachment",
    tag = "attachments",
    summary = "Download a file",
    description = "Supports `Range` and `If-None-Match`. Browsers show PNG, JPEG, GIF, WebP, and AVIF images; other files \
                   are downloaded.",
    params(AttachmentPath, GetQuery),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "*/*"),
        (status = 206, description = "The requested range of the file.", body = Vec<u8>, content_type = "*/*"),
        (status = 304, description = "The file is the one in `If-None-Match`."),
        AnyProblem,
        InvalidProblem,
        NotFoundProblem,
        DownloadProblem,
    ),
)]
pub async fn get(
    State(state): State<AppState>,
    OwnedAttachment { attachment, file_id }: OwnedAttachment,
    QueryParams(query): QueryParams<GetQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let tag = match &query.thumbnail {
        Some(WholeNumber(side)) => format!("\"{}-{side}\"", attachment.sha256),
        None => format!("\"{}\"", attachment.sha256),
    };
    let mut response = if is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if let Some(WholeNumber(side)) = query.thumbnail {
        thumbnail(&state, &attachment, file_id, side).await?
    } else {
        file(&state, &attachment, file_id, &headers, &tag).await?
    };
    for (name, value) in [
        (header::ETAG, HeaderValue::try_from(tag).map_err(ApiError::internal)?),
        (header::CACHE_CONTROL, CACHE_CONTROL),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    ] {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// Returns whether the client already has the response with this entity tag.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

/// Returns the file, or a range of it.
async fn file(
    state: &AppState,
    attachment: &Attachment,
    file_id: FileId,
    headers: &HeaderMap,
    tag: &str,
) -> Result<Response, ApiError> {
    let size = u64::try_from(attachment.size).unwrap_or_default();
    let requested = requested_range(headers, size, tag)?;
    let range = requested.clone().unwrap_or(0..size);
    let length = range.end - range.start;
    let content = state.storage.read(file_id, range.clone()).await.map_err(|error| unreadable(error, file_id))?;
    let kind = if attachment.is_image() { "inline" } else { "attachment" };
    let mut response = Body::from_stream(content).into_response();
    let fields = [
        (header::CONTENT_TYPE, content_type(attachment)),
        (header::CONTENT_DISPOSITION, file_name::disposition(kind, &attachment.name)),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    for (name, value) in fields {
        response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(ApiError::internal)?);
    }
    if requested.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let position = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        let position = HeaderValue::try_from(position).map_err(ApiError::internal)?;
        response.headers_mut().insert(header::CONTENT_RANGE, position);
    }
    Ok(response)
}

/// Returns the media type with the encoding of text. Scripts are plain text, because the content security policy of the
/// page allows scripts from its own origin.
fn content_type(attachment: &Attachment) -> String {
    let media_type = if is_script(&attachment.media_type) { "text/plain" } else { &attachment.media_type };
    let charset = if media_type.starts_with("text/") { "; charset=utf-8" } else { "" };
    format!("{media_type}{charset}")
}

/// Returns whether browsers run files of a type as scripts (<https://mimesniff.spec.whatwg.org/#javascript-mime-type>).
fn is_script(media_type: &str) -> bool {
    ["javascript", "ecmascript", "jscript", "livescript"].iter().any(|name| media_type.contains(name))
}

/// Returns the range that the client requested. A header with an invalid syntax, several ranges, or for another version
/// of the file is ignored (RFC 9110, section 14.2).
fn requested_range(headers: &HeaderMap, size: u64, tag: &str) -> Result<Option<std::ops::Range<u64>>, ApiError> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(range) = header(header::RANGE) else { return Ok(None) };
    if header(header::IF_RANGE).is_some_and(|version| version != tag) {
        return Ok(None);
    }
    let Ok(parsed) = parse_range_header(range) else { return Ok(None) };
    match parsed.validate(size) {
        Ok(ranges) => match ranges.as_slice() {
            [only] => Ok(Some(*only.start()..*only.end() + 1)),
            _ => Ok(None),
        },
        Err(_) => Err(ApiError::range_not_satisfiable(size)),
    }
}

async fn thumbnail(
    state: &AppState,
    attachment: &Attachment,
    file_id: FileId,
    side: u32,
) -> Result<Response, ApiError> {
    if !attachment.is_image() {
        return Err(ApiError::new(Code::NoThumbnail, "The file is not an image."));
    }
    let slot = state.thumbnails.reserve().await.map_err(ApiError::internal)?;
    let content = state.storage.read_all(file_id).await.map_err(|error| unreadable(error, file_id))?;
    match slot.create(content, side).await {
        Ok((image, media_type)) => Ok(([(header::CONTENT_TYPE, media_type)], image).into_response()),
        Err(error @ ThumbnailError::TooLarge) => {
            Err(ApiError::new(Code::NoThumbnail, "The image is too large to be scaled.").caused_by(error))
        }
        Err(error) => {
            Err(ApiError::new(Code::NoThumbnail, "The image cannot be decoded, so it cannot be scaled.")
                .caused_by(error))
        }
    }
}

/// Maps an error of the storage. The object of an attachment exists, unless the attachment was deleted just now, or the
/// storage was lost or replaced.
fn unreadable(error: StorageError, file_id: FileId) -> ApiError {
    match error {
        StorageError::NotFound => {
            tracing::warn!(%file_id, "a file is missing from ATTACHMENTS_URL, or was deleted during the download");
            ApiError::new(Code::NotFound, "The content of the file no longer exists.")
        }
        other => storage_error(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(value: &'static str, if_range: Option<&'static str>) -> Result<Option<std::ops::Range<u64>>, Code> {
        let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(value))]);
        if let Some(version) = if_range {
            headers.insert(header::IF_RANGE, HeaderValue::from_static(version));
        }
        requested_range(&headers, 10, "\"x\"").map_err(|error| error.code())
    }

    #[test]
    fn understands_a_single_range() {
        assert_eq!(range("bytes=2-4", None), Ok(Some(2..5)));
        assert_eq!(range("bytes=2-", None), Ok(Some(2..10)));
        assert_eq!(range("bytes=-3", None), Ok(Some(7..10)));
        assert_eq!(range("bytes=0-99", None), Ok(Some(0..10)));
        assert_eq!(range("bytes=2-4", Some("\"x\"")), Ok(Some(2..5)));
    }

    #[test]
    fn ignores_other_ranges() {
        for (value, version) in
            [("bytes=0-1,4-5", None), ("bytes=x", None), ("lines=1-2", None), ("", None), ("bytes=2-4", Some("\"y\""))]
        {
            assert_eq!(range(value, version), Ok(None), "{value}");
        }
        assert_eq!(range("bytes=10-", None), Err(Code::RangeNotSatisfiable));
    }
}
