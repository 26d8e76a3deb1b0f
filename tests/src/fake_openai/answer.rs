//! What the fake model server may do with a request, from a good answer to garbage.

use std::{future::pending, io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};

use super::{Streaming, gate::Steps};

/// How long a connection lives on before a cut: an error right after a piece would swallow the piece.
const FLUSH: Duration = Duration::from_millis(100);

/// One piece of a response body, or the end of the connection.
type Piece = io::Result<Bytes>;

/// Tokens that an answer reports.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Tokens read.
    pub prompt: u32,
    /// Tokens written.
    pub completion: u32,
}

/// What a request gets.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These words, a pause before each, then a proper end.
    Words {
        /// The words.
        words: Vec<String>,
        /// The pause.
        pause: Duration,
        /// OpenAI's `finish_reason`.
        finish_reason: &'static str,
        /// What the usage chunk says, if there is one.
        usage: Option<Usage>,
    },
    /// What the test sends, when it sends it.
    Gated(Steps),
    /// These words, then the connection breaks.
    CutAfter(Vec<String>),
    /// No answer at all: not even a status line.
    SilentFromTheStart,
    /// These words, then silence on an open connection.
    SilentAfter(Vec<String>),
    /// These words, then these bytes as they are, then a proper end of the connection.
    BytesAfter(Vec<String>, Vec<u8>),
    /// A status with a body.
    Status {
        /// The status code.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u32>,
        /// The content type.
        content_type: &'static str,
        /// The body.
        body: String,
    },
}

impl Answer {
    /// One word, at once.
    pub fn text(text: &str) -> Self {
        Self::words([text], Duration::ZERO)
    }

    /// Words with a pause before each.
    pub fn words<'a>(words: impl IntoIterator<Item = &'a str>, pause: Duration) -> Self {
        let words = words.into_iter().map(str::to_owned).collect();
        Self::Words { words, pause, finish_reason: "stop", usage: None }
    }

    /// Text that ends for another reason than `stop`.
    pub fn finished(text: &str, finish_reason: &'static str) -> Self {
        Self::Words { words: vec![text.to_owned()], pause: Duration::ZERO, finish_reason, usage: None }
    }

    /// Text with a usage chunk.
    pub fn counted(text: &str, usage: Usage) -> Self {
        let words = vec![text.to_owned()];
        Self::Words { words, pause: Duration::ZERO, finish_reason: "stop", usage: Some(usage) }
    }

    /// A proper answer without a word.
    pub fn empty() -> Self {
        Self::Words { words: Vec::new(), pause: Duration::ZERO, finish_reason: "stop", usage: None }
    }

    /// Text, then a broken connection.
    pub fn cut_after(text: &str) -> Self {
        Self::CutAfter(vec![text.to_owned()])
    }

    /// Text, then these bytes.
    pub fn bytes_after(text: &str, bytes: &[u8]) -> Self {
        Self::BytesAfter(vec![text.to_owned()], bytes.to_vec())
    }

    /// An error as OpenAI words it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": code, "code": code}}).to_string();
        Self::Status { status, retry_after: None, content_type: "application/json", body }
    }

    /// 429 with `Retry-After`.
    pub fn rate_limited(retry_after: u32) -> Self {
        let body = json!({"error": {"message": "slow down", "type": "rate_limit_exceeded"}}).to_string();
        Self::Status { status: 429, retry_after: Some(retry_after), content_type: "application/json", body }
    }

    /// 200 with a body that is no event stream.
    pub fn instead(content_type: &'static str, body: &str) -> Self {
        Self::Status { status: 200, retry_after: None, content_type, body: body.to_owned() }
    }

    pub(super) async fn respond(self, streaming: Streaming) -> Response {
        match self {
            Self::Words { words, pause, finish_reason, usage } => {
                let words = stream::iter(words).then(move |word| async move {
                    tokio::time::sleep(pause).await;
                    Ok(content_chunk(&word))
                });
                event_stream(words.chain(stream::iter(ending(finish_reason, usage)).map(Ok)), streaming)
            }
            Self::Gated(steps) => event_stream(steps.into_pieces(), streaming),
            Self::CutAfter(words) => event_stream(content(words).chain(cut()), streaming),
            Self::SilentFromTheStart => pending().await,
            Self::SilentAfter(words) => event_stream(content(words).chain(stream::pending()), streaming),
            Self::BytesAfter(words, bytes) => {
                event_stream(content(words).chain(stream::iter([Ok(Bytes::from(bytes))])), streaming)
            }
            Self::Status { status, retry_after, content_type, body } => {
                let status = StatusCode::from_u16(status).unwrap();
                let mut response = (status, [(header::CONTENT_TYPE, content_type)], body).into_response();
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }
}

/// A 200 of type `text/event-stream`; an `Err` among the pieces breaks the connection.
fn event_stream(pieces: impl Stream<Item = Piece> + Send + 'static, streaming: Streaming) -> Response {
    let counted = pieces.inspect(move |_| {
        let _ = &streaming;
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(counted)).into_response()
}

fn content(words: Vec<String>) -> impl Stream<Item = Piece> {
    stream::iter(words.into_iter().map(|word| Ok(content_chunk(&word))))
}

/// Breaks the connection, after a moment in which what was sent before goes out.
pub(super) fn cut() -> impl Stream<Item = Piece> {
    stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut by the test"))
    })
}

pub(super) fn content_chunk(text: &str) -> Bytes {
    chunk(&json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]), &Value::Null)
}

pub(super) fn thought_chunk(text: &str) -> Bytes {
    chunk(&json!([{"index": 0, "delta": {"reasoning_content": text}, "finish_reason": null}]), &Value::Null)
}

pub(super) fn ending(finish_reason: &str, usage: Option<Usage>) -> Vec<Bytes> {
    let mut pieces = vec![chunk(&json!([{"index": 0, "delta": {}, "finish_reason": finish_reason}]), &Value::Null)];
    if let Some(Usage { prompt, completion }) = usage {
        let usage =
            json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
        pieces.push(chunk(&json!([]), &usage));
    }
    pieces.push(Bytes::from_static(b"data: [DONE]\n\n"));
    pieces
}

fn chunk(choices: &Value, usage: &Value) -> Bytes {
    let mut chunk = json!({"id": "c1", "object": "chat.completion.chunk", "model": "scripted", "choices": choices});
    if !usage.is_null() {
        chunk["usage"] = usage.clone();
    }
    Bytes::from(format!("data: {chunk}\n\n"))
}
