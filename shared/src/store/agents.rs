//! The health of agents, as reported by workers.

use super::{Store, StoreError, workers};
use crate::id::WorkerId;

/// Whether an agent can answer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AgentHealth {
    /// The agent's key.
    pub agent_key: String,
    /// Whether the agent can answer.
    #[sqlx(rename = "available")]
    pub is_available: bool,
    /// The reason, if the agent cannot answer.
    pub reason: Option<String>,
}

impl Store {
    /// Replaces a worker's report about its agents. Registers the worker if necessary.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn report_agents(&self, worker: &WorkerId, found: &[AgentHealth]) -> Result<(), StoreError> {
        self.write(async |tx| {
            let now = self.inner.clock.now();
            workers::register(tx, worker, now).await?;
            sqlx::query("DELETE FROM agent_health WHERE worker_id = $1").bind(worker).execute(&mut *tx).await?;
            for agent in found {
                sqlx::query(
                    "INSERT INTO agent_health (agent_key, worker_id, available, reason, checked_at) \
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(&agent.agent_key)
                .bind(worker)
                .bind(agent.is_available)
                .bind(&agent.reason)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            }
            Ok(())
        })
        .await
    }

    /// Returns the health of each agent. An agent is available if at least one worker reports it as available.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_agent_health(&self) -> Result<Vec<AgentHealth>, StoreError> {
        let query = sqlx::query_as(
            "SELECT agent_key, MAX(available) AS available, MAX(reason) AS reason FROM agent_health \
             GROUP BY agent_key ORDER BY agent_key",
        );
        let mut agents: Vec<AgentHealth> = self.read(async |tx| Ok(query.fetch_all(tx).await?)).await?;
        for agent in &mut agents {
            // One worker can run the agent even though another one cannot.
            agent.reason.take_if(|_| agent.is_available);
        }
        Ok(agents)
    }
}
