//! A scripted model server, in its own process. It implements OpenAI's streaming chat completions.
//!
//! The last message in a request is the script ([`Script`]). An instant answer contains the time at which the request
//! arrived.

mod process;
mod script;

pub use process::Model;
pub use script::{ARRIVAL, Script};

use std::convert::Infallible;

use anyhow::Result;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::DefaultBodyLimit,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::monotonic;

/// The key of the agent that uses the model.
pub const AGENT_KEY: &str = "scripted";

/// Maximum number of chunks that wait for the connection to accept them.
const AHEAD: usize = 64;

/// Serves requests until the process is killed. The first line on stdout is the address.
///
/// # Errors
/// Fails if no port is free.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let models = || async { Json(json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]})) };
    let router = Router::new()
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(complete))
        .layer(DefaultBodyLimit::disable());
    axum::serve(listener, router).await?;
    Ok(())
}

async fn complete(request: Bytes) -> Response {
    let arrival = monotonic::now().unwrap_or_default();
    let body = match Script::of_request(&request) {
        Script::Instant(text) => {
            let answer = format!("{text}{ARRIVAL}{}", arrival.as_nanos());
            Body::from([content(&answer), ending()].concat())
        }
        Script::Deltas { count, bytes } => {
            let chunk = content(&"x".repeat(bytes));
            streamed(async move |chunks| {
                for _ in 0..count {
                    let _ = chunks.send(Ok(chunk.clone().into())).await;
                }
            })
        }
        Script::Paced { interval, count } => streamed(async move |chunks| {
            let mut ticks = tokio::time::interval(interval);
            for number in 0..count {
                ticks.tick().await;
                let text = Script::stamp(number, monotonic::now().unwrap_or_default());
                let _ = chunks.send(Ok(content(&text).into())).await;
            }
        }),
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// Returns a body whose chunks are produced by a task.
fn streamed<F>(produce: impl FnOnce(mpsc::Sender<Result<Bytes, Infallible>>) -> F + Send + 'static) -> Body
where
    F: Future<Output = ()> + Send + 'static,
{
    let (chunks, receiver) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        produce(chunks.clone()).await;
        let _ = chunks.send(Ok(ending().into())).await;
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

fn content(text: &str) -> String {
    chunk(&json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]))
}

fn ending() -> String {
    chunk(&json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])) + "data: [DONE]\n\n"
}

fn chunk(choices: &serde_json::Value) -> String {
    let chunk = json!({"id": "c1", "object": "chat.completion.chunk", "model": "scripted", "choices": choices});
    format!("data: {chunk}\n\n")
}
