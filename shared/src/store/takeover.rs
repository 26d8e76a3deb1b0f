//! Takeover, which ends the attempts of a dead worker, so that its tasks can be retried.

use super::{
    AttemptEnd, Beat, Change, Store, StoreError,
    attempts::end_attempt,
    workers::{find_beat, forget_worker},
};
use crate::{event::Hints, id::TaskId};

impl Store {
    /// Ends the running attempts of a dead worker and removes the worker, unless it has since sent a heartbeat. Returns
    /// the number of attempts.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn reap(&self, dead: &Beat) -> Result<Change<usize>, StoreError> {
        self.write(async |tx| {
            let now = self.inner.clock.now();
            if find_beat(tx, &dead.worker_id).await? != dead.beat {
                return Ok(Change::nothing(0));
            }
            let running: Vec<(TaskId, i64)> =
                sqlx::query_as("SELECT id, attempt FROM agent_task WHERE worker_id = $1 AND status = 'running'")
                    .bind(&dead.worker_id)
                    .fetch_all(&mut *tx)
                    .await?;
            let mut hints = Hints::default();
            for &(task_id, attempt) in &running {
                let ended = end_attempt(tx, (task_id, attempt), AttemptEnd::WorkerLost, now).await?;
                hints.merge(ended.hints);
            }
            forget_worker(tx, &dead.worker_id).await?;
            Ok(Change::new(running.len(), hints))
        })
        .await
    }
}
