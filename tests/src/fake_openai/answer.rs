//! The fake model server's responses, from valid answers to garbage.

use std::{future::pending, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt as _, stream};
use serde_json::json;

use super::{
    Streaming,
    chunk::{Piece, Usage, content_chunk, cut, ending},
    gate::Steps,
};

/// A response to a completion request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These words, each after a pause, followed by a normal end.
    Words {
        /// The words.
        words: Vec<String>,
        /// The pause before each word.
        pause: Duration,
        /// The finish reason.
        finish_reason: &'static str,
        /// The contents of the usage chunk, if one is sent.
        usage: Option<Usage>,
    },
    /// The chunks that the test sends through a [`Gate`](super::Gate), each forwarded immediately.
    Gated(Steps),
    /// These words, followed by a dropped connection.
    CutAfter(Vec<String>),
    /// Silence on an open connection, without even a status line.
    SilentFromTheStart,
    /// These words, followed by silence on an open connection.
    SilentAfter(Vec<String>),
    /// These words, followed by these raw bytes and a normal end of the body.
    BytesAfter(Vec<String>, Vec<u8>),
    /// A response with this status and body.
    Status {
        /// The status code.
        status: u16,
        /// The value of `Retry-After`, in seconds.
        retry_after: Option<u32>,
        /// The content type.
        content_type: &'static str,
        /// The body.
        body: String,
    },
}

impl Answer {
    /// Answers immediately with this text, in one chunk.
    pub fn text(text: &str) -> Self {
        Self::words([text], Duration::ZERO)
    }

    /// Answers with words, each after a pause.
    pub fn words<'a>(words: impl IntoIterator<Item = &'a str>, pause: Duration) -> Self {
        let words = words.into_iter().map(str::to_owned).collect();
        Self::Words { words, pause, finish_reason: "stop", usage: None }
    }

    /// Answers with text and a finish reason other than `stop`.
    pub fn finished(text: &str, finish_reason: &'static str) -> Self {
        Self::Words { words: vec![text.to_owned()], pause: Duration::ZERO, finish_reason, usage: None }
    }

    /// Answers with text and a usage chunk.
    pub fn counted(text: &str, usage: Usage) -> Self {
        let words = vec![text.to_owned()];
        Self::Words { words, pause: Duration::ZERO, finish_reason: "stop", usage: Some(usage) }
    }

    /// Answers with no text and ends normally.
    pub fn empty() -> Self {
        Self::Words { words: Vec::new(), pause: Duration::ZERO, finish_reason: "stop", usage: None }
    }

    /// Answers with text, and then drops the connection.
    pub fn cut_after(text: &str) -> Self {
        Self::CutAfter(vec![text.to_owned()])
    }

    /// Answers with text, followed by these raw bytes.
    pub fn bytes_after(text: &str, bytes: &[u8]) -> Self {
        Self::BytesAfter(vec![text.to_owned()], bytes.to_vec())
    }

    /// Fails with an error in OpenAI's format.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": code, "code": code}}).to_string();
        Self::Status { status, retry_after: None, content_type: "application/json", body }
    }

    /// Fails with 429 and `Retry-After`.
    pub fn rate_limited(retry_after: u32) -> Self {
        let body = json!({"error": {"message": "slow down", "type": "rate_limit_exceeded"}}).to_string();
        Self::Status { status: 429, retry_after: Some(retry_after), content_type: "application/json", body }
    }

    /// Responds with 200, this content type, and this body instead of scripted words.
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

/// Returns a 200 response with the content type `text/event-stream`. An `Err` among the chunks drops the connection.
fn event_stream(pieces: impl Stream<Item = Piece> + Send + 'static, streaming: Streaming) -> Response {
    let counted = pieces.inspect(move |_| {
        let _ = &streaming;
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(counted)).into_response()
}

fn content(words: Vec<String>) -> impl Stream<Item = Piece> {
    stream::iter(words.into_iter().map(|word| Ok(content_chunk(&word))))
}
