//! Reconciliation, which adds missing jobs to the queue.

use super::{Change, Store, StoreError, jobs::schedule_head};
use crate::{event::Hints, id::SessionId};

impl Store {
    /// Pushes a job for every session that has queued tasks but neither a running task nor a pending job. Returns the
    /// number of these sessions. Logs each of them, because a missing job indicates a damaged task or a bug.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn reconcile(&self) -> Result<Change<usize>, StoreError> {
        const STRANDED: &str = "SELECT DISTINCT t.chat_session_id FROM agent_task t WHERE t.status = 'queued' \
             AND NOT EXISTS (SELECT 1 FROM agent_task r \
                 WHERE r.chat_session_id = t.chat_session_id AND r.status = 'running') \
             AND NOT EXISTS (SELECT 1 FROM agent_task l JOIN Jobs j ON j.id = l.job_id \
                 WHERE l.chat_session_id = t.chat_session_id AND l.job_id IS NOT NULL AND j.status = 'Pending')";
        if self.read(async |tx| Ok(sqlx::query(STRANDED).fetch_optional(tx).await?)).await?.is_none() {
            return Ok(Change::nothing(0));
        }
        self.write(async |tx| {
            let stranded: Vec<SessionId> = sqlx::query_scalar(STRANDED).fetch_all(&mut *tx).await?;
            for &session_id in &stranded {
                tracing::error!(%session_id, "queued task had no job; added one");
                sqlx::query("UPDATE agent_task SET job_id = NULL WHERE chat_session_id = $1 AND status = 'queued'")
                    .bind(session_id)
                    .execute(&mut *tx)
                    .await?;
                schedule_head(tx, session_id, self.inner.clock.now()).await?;
            }
            Ok(Change::new(stranded.len(), Hints { wake_workers: !stranded.is_empty(), ..Hints::default() }))
        })
        .await
    }
}
