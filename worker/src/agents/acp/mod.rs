//! The `acp` driver, for any program that implements the Agent Client Protocol over stdin and stdout.
//!
//! Each conversation has its own process, which is kept for a while after each turn (`pool`). A new process resumes the
//! agent's earlier session if possible; otherwise, it is sent the conversation (`session`). A turn is one prompt
//! (`turn`). Each turn runs in a separate tokio task (`runner`), so that cancellation completes even if the worker has
//! already dropped the future that is waiting for the answer.

mod agent_info;
mod bounded_json;
mod connection;
mod content;
mod diff;
mod driver;
mod errors;
mod lines;
mod mapper;
mod message;
mod peer;
mod permission;
mod pool;
mod probe;
mod prompt_blocks;
mod prompt_result;
mod runner;
mod session;
mod settle;
mod terminal;
mod tool;
mod turn;
mod update;

use std::sync::Arc;

use async_trait::async_trait;
use banter_shared::{agents_file::AcpConfig, id::SessionId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::{
    pool::{Pool, PoolLimits},
    runner::Runner,
};
use super::{
    Agent, AgentError, Answer, Turn, Update,
    process::{Launch, ProcessHost},
};

pub(super) use self::{errors::from_exit, settle::SettlePolicy};

/// An agent that implements the Agent Client Protocol.
#[derive(Clone)]
pub struct AcpAgent {
    runner: Arc<Runner>,
}

impl AcpAgent {
    /// Creates the agent without starting a process.
    #[must_use]
    pub(super) fn new(config: AcpConfig, launch: Launch, host: ProcessHost, settle_policy: SettlePolicy) -> Self {
        let limits = PoolLimits {
            keep_warm: config.keep_warm,
            processes: config.max_processes,
            memory_bytes: config.max_memory_mb.saturating_mul(1024 * 1024),
        };
        let pool = Pool::new(limits, &host);
        Self { runner: Arc::new(Runner { config, launch, host, pool, settle_policy: Arc::new(settle_policy) }) }
    }
}

#[async_trait]
impl Agent for AcpAgent {
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError> {
        let stop = stop.child_token();
        // Also stops the turn if this future is dropped.
        let _stop_turn = stop.clone().drop_guard();
        let (reply, answer) = oneshot::channel();
        let runner = Arc::clone(&self.runner);
        self.runner.host.tasks().spawn(async move { runner.run(turn, &updates, &stop, reply).await });
        answer.await.unwrap_or_else(|_| Err(AgentError::stopped()))
    }

    fn forget(&self, session: SessionId) {
        self.runner.pool.forget(session);
    }
}
