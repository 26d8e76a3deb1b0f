//! Removes deleted sessions' work folders. Each worker removes the folders on its own disk.
//!
//! A folder is removed only after the store reports its session as deleted and no agent process is using the folder
//! anymore. Folders are also removed for sessions that were deleted while this worker was down.

use std::{sync::Arc, time::Duration};

use banter_shared::{id::SessionId, store::Store};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::agents::{Registry, process::AgentFolders};

/// Interval at which the store is polled for deleted sessions.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long after a deletion a folder may still reappear, because a turn may not have noticed yet that its session was
/// deleted.
const REAPPEAR_LIMIT: Duration = Duration::from_mins(1);
/// Maximum number of deleted sessions that are read at once.
const PAGE: i64 = 1000;

/// A deleted session, and when its folder can no longer reappear.
#[derive(Clone, Copy, Debug)]
struct DeletedSession {
    session: SessionId,
    until: Instant,
}

/// Removes folders until `end` is cancelled.
pub async fn run(store: Store, agents: Arc<Registry>, folders: Arc<AgentFolders>, end: CancellationToken) {
    let mut position = 0;
    let mut deleted: Vec<DeletedSession> = Vec::new();
    // Sessions that were deleted before this worker started have no turns here, so their folders cannot reappear.
    let mut reappear_limit = Duration::ZERO;
    loop {
        match store.list_deleted_sessions(position, PAGE).await {
            Ok(page) if page.is_empty() => reappear_limit = REAPPEAR_LIMIT,
            Ok(page) => {
                position = page.last().map_or(position, |(number, _)| *number);
                let until = Instant::now() + reappear_limit;
                deleted.extend(page.iter().map(|(_, session)| DeletedSession { session: *session, until }));
                deleted = remove(deleted, &agents, &folders).await;
                // There may be more deleted sessions.
                continue;
            }
            Err(error) => tracing::warn!(%error, "failed to list the deleted sessions; retrying"),
        }
        deleted = remove(deleted, &agents, &folders).await;
        if end.run_until_cancelled(sleep(POLL_INTERVAL)).await.is_none() {
            return;
        }
    }
}

/// Removes the folders that can be removed. Returns the sessions to check again.
async fn remove(deleted: Vec<DeletedSession>, agents: &Registry, folders: &Arc<AgentFolders>) -> Vec<DeletedSession> {
    if deleted.is_empty() {
        return deleted;
    }
    for DeletedSession { session, .. } in &deleted {
        agents.forget(*session);
    }
    let folders = Arc::clone(folders);
    let removed = spawn_blocking(move || {
        let now = Instant::now();
        let is_pending = |DeletedSession { session, until }: &DeletedSession| match folders.remove_work(*session) {
            Ok(is_removed) => !is_removed || *until > now,
            Err(error) => {
                tracing::warn!(session_id = %session, %error, "failed to remove the work folder of a deleted session");
                false
            }
        };
        deleted.into_iter().filter(is_pending).collect()
    });
    removed.await.unwrap_or_default()
}
