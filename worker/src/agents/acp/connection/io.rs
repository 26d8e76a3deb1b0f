//! Reads from an agent's stdout and writes to its stdin.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::mpsc,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::router::Router;
use crate::agents::acp::{
    lines::{Line, LineReader, MAX_LINE_BYTES},
    message::{self, RpcMessage},
    peer::Peer,
};

/// Time limit for writing the remaining messages when the connection closes.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// The signals that close a connection from the worker's side.
pub(super) struct CloseSignal {
    /// Cancelled when the connection is dropped.
    pub close: CancellationToken,
    /// Cancelled when the worker is about to exit.
    pub shutting_down: CancellationToken,
}

impl CloseSignal {
    async fn reached(&self) {
        tokio::select! { () = self.close.cancelled() => {}, () = self.shutting_down.cancelled() => {} }
    }
}

/// Reads and dispatches messages until the end of the agent's output or a read error.
pub(super) async fn read(stdout: impl AsyncRead + Unpin, peer: &Arc<Peer>, router: &Router) {
    let mut lines = LineReader::new(BufReader::with_capacity(64 * 1024, stdout), MAX_LINE_BYTES);
    loop {
        let (messages, bytes) = match lines.next().await {
            Ok(Some(line)) => {
                let messages = message::parse(&line);
                if let (Line::Complete(line), [RpcMessage::Unknown]) = (&line, messages.as_slice()) {
                    router.keep_printed(line);
                }
                (messages, line.bytes())
            }
            Ok(None) => return,
            Err(error) => return tracing::debug!(%error, "cannot read an agent's stdout"),
        };
        for message in messages {
            router.dispatch(message, bytes, peer).await;
        }
    }
}

/// Writes outgoing messages until the connection closes. After that, writing the remaining messages may take at most
/// [`CLOSE_LIMIT`], so that an agent that does not read its stdin cannot keep the connection open.
pub(super) async fn write(mut stdin: impl AsyncWrite + Unpin, mut outgoing: mpsc::Receiver<String>, end: &CloseSignal) {
    let forward = async {
        while let Some(mut line) = outgoing.recv().await {
            line.push('\n');
            let written = async {
                stdin.write_all(line.as_bytes()).await?;
                stdin.flush().await
            };
            if let Err(error) = written.await {
                tracing::debug!(%error, "cannot write to an agent's stdin");
                // Keep running, because the agent's output is still being read.
                return std::future::pending().await;
            }
        }
    };
    let ended = async {
        end.reached().await;
        sleep(CLOSE_LIMIT).await;
    };
    tokio::select! { () = forward => {}, () = ended => {} }
}
