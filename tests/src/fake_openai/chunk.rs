//! The chunks of an answer, in OpenAI's format.

use std::{io, time::Duration};

use axum::body::Bytes;
use futures::{Stream, stream};
use serde_json::{Value, json};

/// How long the connection stays open before it is dropped. Without this pause, data that was sent earlier might be
/// lost.
const FLUSH: Duration = Duration::from_millis(100);

/// A piece of a response body, or an error that drops the connection.
pub(super) type Piece = io::Result<Bytes>;

/// The token counts that an answer reports.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Number of prompt tokens.
    pub prompt: u32,
    /// Number of completion tokens.
    pub completion: u32,
}

/// Drops the connection after a pause that allows earlier data to be sent.
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
