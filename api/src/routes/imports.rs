//! `POST /v1/import`

use std::{convert::Infallible, io};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use banter_shared::{
    archive::{FailedImport, ImportError, ImportReport, Importer},
    chat::Principal,
    private,
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::{fs::File, io::AsyncWriteExt as _, sync::Semaphore, sync::mpsc, task::spawn_blocking};
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Code},
    extract::{WriteAccess, body_error},
    openapi::{AnyProblem, ImportProblem},
    state::AppState,
};

/// The number of lines that wait for a slow client. Progress that does not fit is omitted.
const WAITING_LINES: usize = 16;

/// One permit for each import that runs at once. The others wait, because an import may need much memory.
static IMPORTS: Semaphore = Semaphore::const_new(2);
/// One permit for each file whose format is being detected, which means reading its first conversation.
static RECOGNITIONS: Semaphore = Semaphore::const_new(2);

/// A line of the response.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ImportLine {
    /// How far the import is.
    Progress {
        /// The number of conversations that were read.
        done: usize,
        /// The number of conversations in the file; null if it is not known.
        #[schema(required)]
        total: Option<usize>,
    },
    /// The result, which is the last line.
    Result {
        /// The number of conversations that were imported.
        imported: usize,
        /// The number of conversations that were skipped: they had been imported before, or still exist.
        skipped: usize,
        /// The conversations that could not be imported.
        failed: Vec<ImportFailure>,
    },
}

/// A conversation that could not be imported. Nothing of it was stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportFailure {
    /// Where the conversation is.
    pub source: String,
    /// Why it could not be imported.
    pub reason: String,
}

impl From<FailedImport> for ImportFailure {
    fn from(FailedImport { source, reason }: FailedImport) -> Self {
        Self { source, reason }
    }
}

impl ImportLine {
    /// Returns the line with its line break.
    fn to_bytes(&self) -> Bytes {
        // Serialization fails only for maps whose keys are not strings.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line.into()
    }
}

/// Imports conversations.
#[utoipa::path(
    post,
    path = "/v1/import",
    operation_id = "importSessions",
    tag = "sessions",
    summary = "Import sessions",
    description = "The body is a file: an export of Banter (ZIP or JSON), ChatGPT, Claude (ZIP or `conversations.json`), Open \
                   WebUI, or LibreChat, or a session log of Claude Code or Codex (JSONL, or several in a ZIP). Its format is \
                   detected. The response consists of lines with JSON: the progress, and finally the result. Conversations \
                   that were imported before are skipped, so an interrupted import is continued by repeating it.",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (
            status = 200,
            description = "The progress and the result, as newline-delimited JSON.",
            body = ImportLine,
            content_type = "application/x-ndjson",
        ),
        AnyProblem,
        ImportProblem,
    ),
)]
pub async fn import(
    State(state): State<AppState>,
    principal: Principal,
    _: WriteAccess,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > state.imports.max_bytes) {
        return Err(too_large(&state));
    }
    let file = receive(&state, body).await?;
    {
        // The semaphore is never closed.
        let _permit = RECOGNITIONS.acquire().await.ok();
        Importer::recognize(file.path()).await.map_err(import_error)?;
    }
    let importer = Importer {
        store: state.store.clone(),
        storage: state.storage.clone(),
        limits: state.attachment_limits,
        user: principal.user,
        name: "file".into(),
    };
    let (lines, receiver) = mpsc::channel(WAITING_LINES);
    let work = state.clone();
    state.shutdown.tasks().spawn(async move {
        tokio::select! {
            () = run(&work, &importer, &file, &lines) => {}
            // The client has closed the connection.
            () = lines.closed() => {}
            () = work.shutdown.soft().cancelled() => {}
        }
    });
    let lines = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let mut response = Body::from_stream(lines.map(Ok::<Bytes, Infallible>)).into_response();
    let media_type = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

/// Runs an import, and sends the lines of the response. Without a last line, the import is incomplete.
async fn run(state: &AppState, importer: &Importer, file: &NamedTempFile, lines: &mpsc::Sender<Bytes>) {
    // The semaphore is never closed.
    let _permit = IMPORTS.acquire().await.ok();
    let announce = |hints| state.relay.announce(hints);
    let progress = |progress: banter_shared::archive::ImportProgress| {
        let line = ImportLine::Progress { done: progress.done, total: progress.total };
        let _ = lines.try_send(line.to_bytes());
    };
    match importer.import(file.path().to_owned(), announce, progress).await {
        Ok(ImportReport { imported, skipped, failed }) => {
            let failed = failed.into_iter().map(ImportFailure::from).collect();
            let line = ImportLine::Result { imported, skipped, failed };
            let _ = lines.send(line.to_bytes()).await;
        }
        Err(error) => tracing::warn!(%error, "import failed"),
    }
}

/// Receives the file.
async fn receive(state: &AppState, body: Body) -> Result<NamedTempFile, ApiError> {
    let folder = state.imports.folder.clone();
    let created = spawn_blocking(move || {
        private::create_folder(&folder)?;
        loop {
            let file = tempfile::Builder::new().prefix("import-").tempfile_in(&folder)?;
            // The operating system releases the lock if the process crashes, so that another one can remove the file.
            file.as_file().lock()?;
            // A process that starts may have removed the file before it was locked.
            if file.path().exists() {
                return Ok(file);
            }
        }
    });
    let file = created.await.map_err(ApiError::internal)?.map_err(disk_error)?;
    let _slot = state.uploads.acquire().await.map_err(ApiError::internal)?;
    let mut output = File::from_std(file.reopen().map_err(disk_error)?);
    let mut pieces = body.into_data_stream();
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| body_error(&error))?;
        length += piece.len() as u64;
        if length > state.imports.max_bytes {
            return Err(too_large(state));
        }
        output.write_all(&piece).await.map_err(disk_error)?;
    }
    output.flush().await.map_err(disk_error)?;
    Ok(file)
}

fn too_large(state: &AppState) -> ApiError {
    let limit = state.imports.max_bytes;
    ApiError::new(Code::PayloadTooLarge, format!("The file is larger than {limit} bytes."))
}

fn import_error(error: ImportError) -> ApiError {
    match error {
        ImportError::Unrecognized => ApiError::new(Code::UnknownFormat, error.sentence()),
        ImportError::Read(source)
            if matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            ApiError::new(Code::UnknownFormat, format!("The file cannot be imported: {source}."))
        }
        ImportError::Read(source) => disk_error(source),
    }
}

fn disk_error(error: io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ApiError::new(Code::StoreUnavailable, "The server has no disk space left.")
        }
        _ => ApiError::internal(error),
    }
}
