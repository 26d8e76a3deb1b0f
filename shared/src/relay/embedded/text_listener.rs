//! Receives live text from the workers on this machine.

use std::{io, sync::Arc, time::Duration};

use futures::StreamExt as _;
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::{Instant, interval, sleep},
};
use tokio_util::codec::FramedRead;

use super::{
    followed_users::FollowedUsers,
    socket_folder::{SocketFile, SocketFolder},
    text_channel::{Seal, UserText, framing},
};
use crate::relay::{Signal, rejections::Rejections, signals::SignalSender};

/// Interval between checks of whether the socket still exists.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Pause after a failed accept, which usually means that too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Maximum number of connections.
const MAX_CONNECTIONS: usize = 256;

/// The receiving side; see the module documentation. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct TextListener {
    pub(super) folder: SocketFolder,
    pub(super) seal: Seal,
    pub(super) signals: SignalSender,
    pub(super) followed: Arc<FollowedUsers>,
    pub(super) rejections: Arc<Rejections>,
}

impl TextListener {
    /// Creates the socket.
    ///
    /// # Errors
    /// Returns an error if the folder is unusable, or the file system does not support sockets.
    pub(super) fn bind(&self) -> io::Result<(UnixListener, SocketFile)> {
        self.folder.open()?.listen()
    }

    /// Receives text until the future is dropped. Creates the socket if `bound` is `None`, and recreates it whenever it
    /// is removed.
    pub(super) async fn run(self, mut bound: Option<(UnixListener, SocketFile)>) {
        loop {
            if let Some(bound) = bound.take() {
                self.accept_until_removed(bound).await;
                tracing::warn!("the socket for live text was removed; recreating it");
            } else {
                sleep(CHECK_INTERVAL).await;
            }
            bound = self
                .bind()
                .inspect_err(|error| tracing::debug!(%error, "cannot create the socket for live text; retrying"))
                .ok();
        }
    }

    async fn accept_until_removed(&self, (listener, file): (UnixListener, SocketFile)) {
        let mut connections = JoinSet::new();
        let mut checks = interval(CHECK_INTERVAL);
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(self.clone().receive(stream));
                    }
                    Err(error) => {
                        tracing::debug!(%error, "accept failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                _ = checks.tick() => if !file.exists() {
                    return;
                },
            }
        }
    }

    /// Forwards the text from one process.
    async fn receive(self, stream: UnixStream) {
        let mut messages = FramedRead::new(stream, framing());
        while let Some(Ok(sealed)) = messages.next().await {
            match self.seal.open(&sealed) {
                Some(Ok(UserText { user, text })) if self.followed.contains(&user) => {
                    self.signals.send(Signal::Text(user, Arc::new(text)));
                }
                Some(Ok(_)) => {}
                // The message is signed but has an unknown format: it was sent by a newer version.
                Some(Err(error)) => tracing::debug!(%error, "cannot decode a message"),
                None => return self.rejections.count(&self.seal.channel, Instant::now()),
            }
        }
    }
}
