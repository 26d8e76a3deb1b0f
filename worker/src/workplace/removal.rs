//! Removes the folders of deleted sessions. Each worker removes the folders on its own disk.
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

use super::Workplace;
use crate::agents::Registry;

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

/// Removes what belongs to deleted sessions on this worker's disk.
pub struct Removal {
    /// The agents, which may keep processes for the sessions.
    pub agents: Arc<Registry>,
    /// The folders.
    pub workplace: Arc<Workplace>,
}

impl Removal {
    /// Removes folders until `end` is cancelled.
    pub async fn run(self, store: Store, end: CancellationToken) {
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
                    deleted = self.remove(deleted).await;
                    // There may be more deleted sessions.
                    continue;
                }
                Err(error) => tracing::warn!(%error, "failed to list the deleted sessions; retrying"),
            }
            deleted = self.remove(deleted).await;
            if end.run_until_cancelled(sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    /// Removes the folders that can be removed. Returns the sessions to check again.
    async fn remove(&self, deleted: Vec<DeletedSession>) -> Vec<DeletedSession> {
        if deleted.is_empty() {
            return deleted;
        }
        for DeletedSession { session, .. } in &deleted {
            self.agents.forget(*session);
        }
        let sessions: Vec<SessionId> = deleted.iter().map(|deleted| deleted.session).collect();
        let folders = Arc::clone(&self.workplace.own);
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
        let pending: Vec<DeletedSession> = removed.await.unwrap_or_default();
        for session in sessions {
            // An agent that is still running may change its folder, of which a snapshot is then taken.
            if !self.workplace.own.has_work(session) {
                self.workplace.snapshots.remove(session).await;
                self.workplace.worktrees.remove(session).await;
            }
        }
        pending
    }
}
