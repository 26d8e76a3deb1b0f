//! Removes the work folders of deleted sessions; every worker removes the ones it has.
//!
//! Guarantees: a folder is removed only after the store reports the session as deleted and no agent process uses the
//! folder any more, even if this worker was down when the session was deleted.

use std::{sync::Arc, time::Duration};

use banter_shared::{id::SessionId, store::Store};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::agents::{Registry, process::Folders};

/// Poll interval for deleted sessions.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a folder may reappear because of a turn that has not yet seen the deletion of its session.
const LINGER: Duration = Duration::from_mins(1);
/// Number of deleted sessions that are read at once.
const PAGE: i64 = 1000;

/// A deleted session, and until when its folder may reappear.
#[derive(Clone, Copy, Debug)]
struct Gone {
    session: SessionId,
    until: Instant,
}

/// Removes folders until `end`.
pub async fn follow(store: Store, agents: Arc<Registry>, folders: Arc<Folders>, end: CancellationToken) {
    let mut position = 0;
    let mut gone: Vec<Gone> = Vec::new();
    // Sessions deleted before this worker started have no turns here that could recreate a folder.
    let mut linger = Duration::ZERO;
    loop {
        match store.list_deleted_sessions(position, PAGE).await {
            Ok(page) if page.is_empty() => linger = LINGER,
            Ok(page) => {
                position = page.last().map_or(position, |(number, _)| *number);
                let until = Instant::now() + linger;
                gone.extend(page.iter().map(|(_, session)| Gone { session: *session, until }));
                gone = remove(gone, &agents, &folders).await;
                // There may be more.
                continue;
            }
            Err(error) => tracing::warn!(%error, "failed to list the deleted sessions; retrying"),
        }
        gone = remove(gone, &agents, &folders).await;
        if end.run_until_cancelled(sleep(LOOK_INTERVAL)).await.is_none() {
            return;
        }
    }
}

/// Removes the folders that can be removed. Returns the sessions to check again.
async fn remove(gone: Vec<Gone>, agents: &Registry, folders: &Arc<Folders>) -> Vec<Gone> {
    if gone.is_empty() {
        return gone;
    }
    for Gone { session, .. } in &gone {
        agents.forget(*session);
    }
    let folders = Arc::clone(folders);
    let removed = spawn_blocking(move || {
        let now = Instant::now();
        let is_left = |Gone { session, until }: &Gone| match folders.remove_work(*session) {
            Ok(is_removed) => !is_removed || *until > now,
            Err(error) => {
                tracing::warn!(session_id = %session, %error, "failed to remove the work folder of a deleted session");
                false
            }
        };
        gone.into_iter().filter(is_left).collect()
    });
    removed.await.unwrap_or_default()
}
