//! `POST /v1/attachments`

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use banter_shared::{
    attachments::{ContentInfo, Inspector, Writing},
    chat::{Attachment, FileName, Principal},
    id::FileId,
    store::{NewAttachment, TOUCH_INTERVAL},
    upkeep,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use multer::{Constraints, SizeLimit};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::{file_error, file_name, storage_error};
use crate::{
    error::{ApiError, Code},
    extract::{IdempotencyHeader, QueryParams, WriteAccess, body_error},
    openapi::{AnyProblem, IdempotencyParam, UploadProblem},
    state::AppState,
};

/// The maximum number of bytes that a form adds to its file.
const FORM_BYTES: u64 = 16 * 1024;

/// The query parameters for uploading a file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CreateQuery {
    /// The name of the file, without a folder: 1 to 255 bytes of UTF-8. Takes precedence over the name in
    /// `Content-Disposition` or in the part.
    name: Option<String>,
}

/// A form with one file.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "used only for the document")]
pub struct UploadForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Uploads a file.
#[utoipa::path(
    post,
    path = "/v1/attachments",
    operation_id = "createAttachment",
    tag = "attachments",
    summary = "Upload a file",
    description = "The body is the file, or a form (`multipart/form-data`) with one part named `file`. The media type is \
                   detected from the content. The attachment can be sent with one message, and is deleted after 24 hours \
                   if it is not sent. If no data arrives for 30 seconds, the upload fails.",
    params(CreateQuery, IdempotencyParam),
    request_body(
        content(
            (Vec<u8> = "application/octet-stream"),
            (UploadForm = "multipart/form-data"),
        ),
    ),
    responses(
        (status = 201, description = "The attachment.", body = Attachment),
        AnyProblem,
        UploadProblem,
    ),
)]
pub async fn create(
    State(state): State<AppState>,
    principal: Principal,
    _: WriteAccess,
    QueryParams(query): QueryParams<CreateQuery>,
    key: IdempotencyHeader,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Attachment>), ApiError> {
    let name = file_name::from_request(query.name.as_deref(), &headers)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > state.attachment_limits.file_bytes.saturating_add(FORM_BYTES)) {
        return Err(too_large(&state));
    }
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let _slot = state.uploads.acquire().await.map_err(ApiError::internal)?;
    let mut upload = Upload::begin(&state, &principal).await?;
    let received = if let Ok(boundary) = multer::parse_boundary(declared) {
        receive_form(&mut upload, body, boundary).await
    } else {
        let file = body.into_data_stream().map(|piece| piece.map_err(|error| body_error(&error)));
        upload.receive(file).await.map(|()| Part { name: None, media_type: Some(declared.to_owned()) })
    };
    let stored = match received {
        Ok(part) => upload.store(name, part, key.into_key()).await,
        Err(error) => Err(upload.discard(error).await),
    };

    stored.map(|attachment| (StatusCode::CREATED, Json(attachment)))
}

/// What a request says about a file.
struct Part {
    name: Option<FileName>,
    media_type: Option<String>,
}

/// A file that is being received.
struct Upload<'a> {
    state: &'a AppState,
    principal: &'a Principal,
    file_id: FileId,
    writing: Writing,
    inspector: Inspector,
    touched_at: Instant,
}

impl<'a> Upload<'a> {
    async fn begin(state: &'a AppState, principal: &'a Principal) -> Result<Self, ApiError> {
        let file_id = state.store.begin_file(&principal.user.workspace_id).await?;
        let writing = match state.storage.write(file_id).await {
            Ok(writing) => writing,
            Err(error) => {
                upkeep::discard_file(&state.store, &state.storage, file_id).await;
                return Err(storage_error(error));
            }
        };
        Ok(Self { state, principal, file_id, writing, inspector: Inspector::default(), touched_at: Instant::now() })
    }

    /// Receives the content piece by piece.
    async fn receive(
        &mut self,
        mut pieces: impl Stream<Item = Result<Bytes, ApiError>> + Unpin,
    ) -> Result<(), ApiError> {
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            self.inspector.read(&piece);
            if self.inspector.size() > self.state.attachment_limits.file_bytes {
                return Err(too_large(self.state));
            }
            self.writing.add(piece).await.map_err(storage_error)?;
            self.touch().await?;
        }
        // After this, a file that another process considers abandoned would leave its object behind.
        self.touch().await
    }

    /// Records that the file is still being written, if it is time to do so.
    async fn touch(&mut self) -> Result<(), ApiError> {
        if self.touched_at.elapsed() >= TOUCH_INTERVAL {
            self.state.store.touch_file(self.file_id).await?;
            self.touched_at = Instant::now();
        }
        Ok(())
    }

    /// Completes the file and stores the attachment.
    async fn store(self, name: Option<FileName>, part: Part, key: Option<String>) -> Result<Attachment, ApiError> {
        let Self { state, principal, file_id, writing, inspector, .. } = self;
        let name = name.or(part.name);
        let guess = name.as_ref().and_then(|name| mime_guess::from_path(name.as_str()).first_raw());
        let declared = part.media_type.as_deref().map(essence);
        let hints: Vec<&str> = declared.into_iter().chain(guess).collect();
        let content: ContentInfo = inspector.finish(&hints);
        let name = name.unwrap_or_else(|| FileName::for_media_type(&content.media_type));
        let user_limit = state.attachment_limits.user_bytes;
        let stored = async {
            writing.finish().await.map_err(storage_error)?;
            let workspace = &principal.user.workspace_id;
            let lost = upkeep::find_lost(&state.store, &state.storage, workspace, &content.sha256);
            let lost = lost.await.map_err(file_error)?;
            let new = NewAttachment { file_id, name, content, key, user_limit, lost };
            Ok::<_, ApiError>(state.store.store_attachment(&principal.user, &new).await?)
        };
        match stored.await {
            Ok(stored) => {
                if let Some(unneeded) = stored.unneeded {
                    upkeep::delete_file_or_leave(&state.store, &state.storage, unneeded).await;
                }
                Ok(stored.attachment)
            }
            Err(error) => {
                upkeep::discard_file(&state.store, &state.storage, file_id).await;
                Err(error)
            }
        }
    }

    /// Discards what has been received because of this error.
    async fn discard(self, error: ApiError) -> ApiError {
        self.writing.abort().await;
        upkeep::discard_file(&self.state.store, &self.state.storage, self.file_id).await;
        error
    }
}

/// Receives a form with one file.
async fn receive_form(upload: &mut Upload<'_>, body: Body, boundary: String) -> Result<Part, ApiError> {
    let limit = SizeLimit::new().whole_stream(upload.state.attachment_limits.file_bytes.saturating_add(FORM_BYTES));
    let limits = Constraints::new().size_limit(limit);
    let mut form = multer::Multipart::with_constraints(body.into_data_stream(), boundary, limits);
    let state = upload.state;
    let form_error = |error| form_error(error, state);
    let not_one = || ApiError::invalid("file", "must be the only part of the form");
    let mut field = form.next_field().await.map_err(form_error)?.ok_or_else(not_one)?;
    if field.name() != Some("file") {
        return Err(not_one());
    }
    let name = field.file_name().map(|name| file_name::parse("file", name)).transpose()?;
    let media_type = field.content_type().map(|media_type| media_type.essence_str().to_owned());
    let pieces = futures::stream::poll_fn(|context| field.poll_next_unpin(context));
    upload.receive(pieces.map(|piece| piece.map_err(form_error))).await?;
    drop(field);
    if form.next_field().await.map_err(form_error)?.is_some() {
        return Err(not_one());
    }
    Ok(Part { name, media_type })
}

/// Creates the error for a form that could not be read.
fn form_error(error: multer::Error, state: &AppState) -> ApiError {
    match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(state),
        multer::Error::StreamReadFailed(source) => body_error(&*source),
        other => ApiError::new(Code::InvalidRequest, format!("The body is not a valid form: {other}.")),
    }
}

/// Returns a media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn too_large(state: &AppState) -> ApiError {
    let limit = state.attachment_limits.file_bytes;
    ApiError::new(Code::PayloadTooLarge, format!("A file must be at most {limit} bytes."))
}
