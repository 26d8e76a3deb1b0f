//! Runs an agent's turns: prepares the process and the session, sends the prompt, and cleans up afterward.

use std::{path::Path, sync::Arc};

use banter_shared::{agents_file::AcpConfig, chat::AgentSession, id::SessionId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    connection::Connection,
    pool::{Pool, SlotGuard},
    prompt_blocks, session,
    settle::SettlePolicy,
    turn::{self, Prompt, Reuse, TurnResult},
};
use crate::agents::{
    AgentError, Answer, Turn, Update,
    process::{AgentProcess, Launch, ProcessHost, Program, StartError},
    prompt,
};

/// The state shared by an agent's turns.
pub(super) struct Runner {
    pub config: AcpConfig,
    pub launch: Launch,
    pub host: ProcessHost,
    pub pool: Arc<Pool>,
    pub settle_policy: Arc<SettlePolicy>,
}

impl Runner {
    /// Runs a turn, sends the result to `reply`, and then cleans up.
    pub async fn run(
        &self,
        turn: Turn,
        updates: &mpsc::Sender<Update>,
        stop: &CancellationToken,
        reply: oneshot::Sender<Result<Answer, AgentError>>,
    ) {
        let Some(mut slot) = stop.run_until_cancelled(self.pool.acquire(turn.session_id)).await else { return };
        let (result, cleanup) = self.answer(turn, &mut slot, updates, stop).await;
        let _ = reply.send(result);
        // The conversation's next turn waits for the cleanup, so that late output from this turn is not mistaken for
        // output from the next turn.
        if let Some(cleanup) = cleanup
            && let Some(warm) = slot.warm.as_ref()
            && !cleanup.run(&warm.connection, &self.settle_policy).await
        {
            slot.discard();
        }
    }

    /// Runs a turn and returns its result. If the prompt was sent, also returns the cleanup to run before the next
    /// turn.
    async fn answer(
        &self,
        turn: Turn,
        slot: &mut SlotGuard,
        updates: &mpsc::Sender<Update>,
        stop: &CancellationToken,
    ) -> (Result<Answer, AgentError>, Option<turn::Cleanup>) {
        let stopped = || (Err(AgentError::stopped()), None);
        let Some(ready) = stop.run_until_cancelled(self.prepare(&turn, slot)).await else {
            // The process may be only partly set up.
            slot.discard();
            return stopped();
        };
        if let Err(error) = ready {
            slot.discard();
            return (Err(error), None);
        }
        let Some(warm) = slot.warm.as_mut() else { return stopped() };
        let Some(session) = warm.session.take() else { return stopped() };
        let agent_session = AgentSession { id: session.id.clone(), provider: self.provider(&warm.connection) };
        if updates.send(Update::Resume(agent_session)).await.is_err() {
            return stopped();
        }
        let blocks = prompt::blocks(turn.history, session.last_turn, self.config.history_bytes);
        let (folder, agent) = (warm.connection.handle().work_folder(), &warm.connection.agent_info);
        let created = prompt_blocks::create(blocks, &*turn.files, folder, agent);
        let blocks = match stop.run_until_cancelled(created).await {
            Some(Ok(blocks)) => blocks,
            Some(Err(error)) => {
                warm.session = Some(session);
                return (Err(error), None);
            }
            None => {
                warm.session = Some(session);
                return stopped();
            }
        };
        let TurnResult { result, reuse, cleanup } = Prompt {
            connection: &warm.connection,
            config: &self.config,
            session_id: &session.id,
            blocks,
            updates,
            stop,
            shutting_down: self.host.shutting_down(),
            settle_policy: &self.settle_policy,
        }
        .run()
        .await;
        match reuse {
            Reuse::Session => {
                warm.session = Some(session::OpenSession {
                    id: session.id,
                    last_turn: Some(turn.turn),
                    path_revision: turn.path_revision,
                });
            }
            Reuse::Process => {}
            Reuse::Nothing => slot.discard(),
        }
        (result, Some(cleanup))
    }

    /// Ensures that there is a process with a session to send the prompt to.
    async fn prepare(&self, turn: &Turn, slot: &mut SlotGuard) -> Result<(), AgentError> {
        // A session that already contains this turn or later ones cannot be resumed.
        let mut resume = turn.resume.as_ref().filter(|resume| resume.turn < turn.turn);
        if let Some(warm) = slot.warm.as_mut() {
            if !warm.connection.is_open() {
                slot.discard();
            } else if let Some(session) = &warm.session {
                let is_behind = resume
                    .is_some_and(|resume| resume.session.id != session.id && Some(resume.turn) > session.last_turn);
                let is_on_path = session.path_revision == turn.path_revision;
                if session.last_turn < Some(turn.turn) && !is_behind && is_on_path {
                    return Ok(());
                }
                warm.session = None;
            }
        }
        loop {
            if slot.warm.is_none() {
                let permit = slot.acquire_permit().await;
                let process = self.start(turn.session_id, turn.folder.as_deref()).await?;
                let permit = slot.attach_permit(permit, &process.handle);
                slot.put(Connection::open(process, &self.host, &self.settle_policy).await?, permit);
            }
            let Some(warm) = slot.warm.as_mut() else { return Err(AgentError::stopped()) };
            // A different program could not use the session ID, or would use it for a different session.
            let provider = self.provider(&warm.connection);
            resume = resume.filter(|resume| resume.session.provider == provider);
            let after_replay = self.settle_policy.after_replay();
            match session::open(&warm.connection, &self.config, resume, turn.path_revision, after_replay).await {
                Ok(session) => {
                    warm.session = Some(session);
                    return Ok(());
                }
                // An agent that crashes while restoring its session gets a new session.
                Err(error) if resume.is_some() && !warm.connection.is_open() => {
                    tracing::warn!(%error, "agent crashed while restoring its session; starting a new one");
                    resume = None;
                    slot.discard();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the name of the program to which the agent's sessions belong: the name reported by the agent or, if the
    /// agent reported none, the name of the program that was started.
    fn provider(&self, connection: &Connection) -> String {
        let started = match &self.launch.program {
            Program::Named(name) => name.as_str(),
            Program::Own => "",
        };
        connection.agent_info.name.as_deref().unwrap_or(started).to_owned()
    }

    /// Starts an agent process in this folder, or in its session's work folder.
    pub async fn start(&self, session: SessionId, folder: Option<&Path>) -> Result<AgentProcess, StartError> {
        self.host.start(&self.launch, session, folder).await
    }
}
