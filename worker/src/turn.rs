//! Runs one attempt at a turn, from the claim to the outcome.
//!
//! An attempt ends with exactly one call to [`outcome::write_and_claim`], or with none if the store already records it
//! as ended. Text is published as it arrives, and stored in chunks that end at delta boundaries; steps and permission
//! requests are stored as they arrive. Anything not yet stored when the attempt ends is stored with the outcome. If
//! another attempt may follow, the rest of the text is stored before the outcome.

#[cfg(test)]
mod tests;
mod time_limit;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use banter_shared::{
    agents_file::DEFAULT_HISTORY_BYTES,
    attachments::Storage,
    chat::{
        AgentSession, AttemptMilestones, ErrorCode, PermissionDetail, StepDetail, StepStatus, TaskError, TaskStatus,
    },
    clock::SharedClock,
    config::AttachmentLimits,
    count::seconds,
    id::{PermissionId, WorkerId},
    relay::SharedRelay,
    shutdown::Shutdown,
    store::{AttemptEnd, AttemptReport, Claim, Conversation, DataFolder, StepState, Store, StoreError},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::time_limit::TimeLimit;
use crate::{
    agents::{
        Agent, AgentError, Answer, PermissionReply, PermissionRequest, Registry, StepUpdate, StoredFiles, Turn,
        UPDATE_BUFFER, Update,
    },
    answer_files::{FileWriter, RejectedFile},
    attempts::{AttemptGuard, RunningAttempts},
    outcome,
    permissions::Permissions,
    spans,
    steps::StepWriter,
    text::{TextWriter, WriterStatus, sleep_until_due},
    workplace::{Before, Workplace},
};

/// Time limit for an attempt if none is configured for its agent.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(15);
/// Pause after failing to read the conversation.
const READ_PAUSE: Duration = Duration::from_millis(200);

/// The key of the notice that the agent does not have the session's files. No driver uses a key that starts with this
/// character.
const FOLDER_NOTICE_KEY: &str = "\0folder";
/// The title of this notice.
const FOLDER_NOTICE: &str = "The agent continued without this chat's files";
/// The start of the keys of the notices about files that were not stored.
const FILE_NOTICE_KEY: &str = "\0file ";

/// How long storing the text may delay a hand-back, which has a deadline of its own. A write that takes longer
/// continues in the background.
const HAND_BACK_TEXT_LIMIT: Duration = Duration::from_secs(2);

/// How long storing the files may delay the end of an attempt that was stopped or timed out. An api ends a stopped
/// attempt itself after a little longer.
const STOPPED_FILES_LIMIT: Duration = Duration::from_millis(400);

/// Runs attempts.
#[derive(Clone)]
pub struct TurnRunner {
    /// The store.
    pub store: Store,
    /// The contents of attachments.
    pub storage: Storage,
    /// The limits for the files that agents return.
    pub attachment_limits: AttachmentLimits,
    /// The relay.
    pub relay: SharedRelay,
    /// The agents.
    pub agents: Arc<Registry>,
    /// The folders in which agents work; `None` if they only work in their sessions' own folders, without snapshots.
    pub workplace: Option<Arc<Workplace>>,
    /// The attempts running in this process.
    pub running: RunningAttempts,
    /// The ID of this worker.
    pub worker: WorkerId,
    /// The folder that contains this worker's work folders.
    pub data_folder: DataFolder,
    /// Maximum number of attempts that run at once.
    pub concurrency: usize,
    /// Signals when to hand back tasks.
    pub shutdown: Shutdown,
}

/// The reason why an attempt ended.
enum AttemptResult {
    Finished(Result<Answer, AgentError>),
    /// A stop was requested, or the store already records the attempt as ended.
    Stopped,
    /// The worker is shutting down, and the grace period has ended.
    HandedBack,
    TimedOut(Duration),
    /// A write failed because the store already records the attempt as ended.
    LeaseLost,
}

/// Stores the rest of the text if another attempt may follow, in case no later attempt produces any text.
async fn store_text(end: &AttemptResult, text: &mut TextWriter) -> WriterStatus {
    match end {
        AttemptResult::Finished(Err(_)) | AttemptResult::TimedOut(_) => text.store_rest().await,
        AttemptResult::HandedBack => {
            timeout(HAND_BACK_TEXT_LIMIT, text.store_rest()).await.unwrap_or(WriterStatus::Active)
        }
        AttemptResult::Finished(Ok(_)) | AttemptResult::Stopped | AttemptResult::LeaseLost => WriterStatus::Active,
    }
}

impl TurnRunner {
    /// Runs an attempt to completion. If `may_continue` is set, all slots are occupied, and the worker is not shutting
    /// down, also claims the next task when the outcome is written, and returns that claim.
    pub async fn run(&self, claim: Claim, may_continue: bool) -> Option<Claim> {
        let span = spans::attempt(&claim);
        let ended = self.run_attempt(&claim, may_continue).instrument(span.clone()).await;
        spans::end_attempt(&span, ended.as_ref().map(|(status, _)| *status));
        ended.and_then(|(_, next)| next)
    }

    /// Runs an attempt, as [`run`](Self::run) does. Returns the task's new status and the next claim, if any, or `None`
    /// if the lease was lost.
    async fn run_attempt(&self, claim: &Claim, may_continue: bool) -> Option<(TaskStatus, Option<Claim>)> {
        let guard = self.running.add(claim);
        let _follow = self.relay.follow_work();
        tracing::info!(task_id = %claim.task_id, attempt = claim.attempt, agent = claim.agent_key, "attempt started");
        let Some(agent) = self.agents.find(&claim.agent_key) else {
            let message = format!("The agent “{}” is not configured on this worker.", claim.agent_key);
            let error = TaskError::new(ErrorCode::AgentUnavailable, message);
            let failed = AttemptEnd::Failed { text: String::new(), error, retry_after: None };
            return self.write_outcome(claim, &AttemptReport::of(claim, failed), None).await;
        };
        let folder = match self.find_folder(claim).await {
            Ok(folder) => folder,
            Err(AgentError { code, message, retry_after }) => {
                let error = TaskError::new(code, message);
                let failed = AttemptEnd::Failed { text: String::new(), error, retry_after };
                return self.write_outcome(claim, &AttemptReport::of(claim, failed), None).await;
            }
        };
        let history_bytes = self.agents.history_bytes(&claim.agent_key).unwrap_or(DEFAULT_HISTORY_BYTES);
        let Some(turn) =
            self.read_turn(claim, history_bytes, folder, guard.stop()).instrument(spans::conversation()).await
        else {
            let handed_back = AttemptEnd::HandedBack { text: String::new() };
            return self.write_outcome(claim, &AttemptReport::of(claim, handed_back), None).await;
        };
        let folder = turn.folder.clone();
        let before = self.take_snapshot(claim, folder.as_deref(), guard.stop()).await;
        let limit = self.agents.timeout(&claim.agent_key).unwrap_or(DEFAULT_TIMEOUT);
        let mut output = AttemptOutput::new(self, claim, &guard);
        if let Some(host) = self.host_left(claim) {
            output.add_folder_notice(host);
        }
        let started_at = Some(Instant::now());
        let end = self.drive(agent, turn, guard.stop(), limit, &mut output).instrument(spans::agent()).await;
        if store_text(&end, &mut output.text).await == WriterStatus::LeaseLost {
            return None;
        }
        if matches!(end, AttemptResult::Stopped | AttemptResult::TimedOut(_)) {
            let _ = timeout(STOPPED_FILES_LIMIT, output.store_files()).await;
        }
        if let Some(before) = before {
            self.record_changes(claim, before, &end).await;
        }
        if let Some(folder) = &folder {
            self.record_git_state(claim, folder).await;
        }
        let first_text_at = output.first_text_at;
        let (text, resume, steps) = output.into_parts();
        let end = match end {
            AttemptResult::LeaseLost => return None,
            AttemptResult::Finished(Ok(Answer { finish_reason, usage })) => {
                AttemptEnd::Answered { text, finish_reason, usage, resume }
            }
            AttemptResult::Finished(Err(AgentError { code, message, retry_after })) => {
                AttemptEnd::Failed { text, error: TaskError::new(code, message), retry_after }
            }
            AttemptResult::Stopped => AttemptEnd::Stopped { text, resume },
            AttemptResult::HandedBack => AttemptEnd::HandedBack { text },
            AttemptResult::TimedOut(limit) => {
                let message = format!("The agent did not finish within {}.", seconds(limit));
                AttemptEnd::Failed { text, error: TaskError::new(ErrorCode::Timeout, message), retry_after: None }
            }
        };
        let milestones = AttemptMilestones { claimed_at: claim.claimed_at, started_at, first_text_at };
        let report = AttemptReport { end, steps, milestones };
        let claims = may_continue && !self.shutdown.soft().is_cancelled() && self.running.count() >= self.concurrency;
        let worker = claims.then_some(&self.worker);
        self.write_outcome(claim, &report, worker).await
    }

    async fn write_outcome(
        &self,
        claim: &Claim,
        report: &AttemptReport,
        worker: Option<&WorkerId>,
    ) -> Option<(TaskStatus, Option<Claim>)> {
        let claiming = worker.map(|worker| (worker, self.running.begin_claim()));
        let write = outcome::write_and_claim(&self.store, &self.relay, claim, report, claiming);
        write.instrument(spans::outcome()).await
    }

    /// Runs the agent, stores its updates, and watches for anything that ends the attempt early.
    async fn drive(
        &self,
        agent: Arc<dyn Agent>,
        turn: Turn,
        stop: &CancellationToken,
        limit: Duration,
        output: &mut AttemptOutput,
    ) -> AttemptResult {
        let mut time_limit = TimeLimit::new(limit);
        let mut requests = output.permissions.open();
        let (updates, mut received) = mpsc::channel(UPDATE_BUFFER);
        let agent_stop = CancellationToken::new();
        // This stops the agent no matter how this function returns.
        let _stop_agent = agent_stop.clone().drop_guard();
        let mut answer = agent.answer(turn, updates, agent_stop);
        // Set once the agent has finished. From then on, only its files are stored.
        let mut finished = None;
        loop {
            if let Some(result) = finished.take_if(|_| !output.files.has_work()) {
                return AttemptResult::Finished(result);
            }
            // The agent is waiting for the user, who may take hours to answer.
            time_limit.set_paused(*requests.borrow_and_update() > 0);
            tokio::select! {
                biased;
                () = stop.cancelled() => return AttemptResult::Stopped,
                () = self.shutdown.hard().cancelled() => {
                    return finished.map_or(AttemptResult::HandedBack, AttemptResult::Finished);
                }
                () = sleep_until_due(time_limit.deadline()), if finished.is_none() => return AttemptResult::TimedOut(limit),
                Ok(()) = requests.changed() => {}
                status = output.text.advance(), if output.text.has_work() => {
                    if status == WriterStatus::LeaseLost {
                        return AttemptResult::LeaseLost;
                    }
                }
                status = output.steps.advance(), if output.steps.has_work() => {
                    if status == WriterStatus::LeaseLost {
                        return AttemptResult::LeaseLost;
                    }
                }
                () = output.files.advance(), if output.files.has_work() => output.report_rejected_files(),
                Some(update) = received.recv(), if output.files.has_room() => output.accept(update),
                result = &mut answer, if finished.is_none() => {
                    while let Ok(update) = received.try_recv() {
                        output.accept(update);
                    }
                    finished = Some(result);
                }
            }
        }
    }

    /// Returns the folder in which the session's agent works; `None` for the session's work folder.
    async fn find_folder(&self, claim: &Claim) -> Result<Option<PathBuf>, AgentError> {
        match &self.workplace {
            Some(workplace) => Box::pin(workplace.find_folder(claim)).await,
            None => Ok(None),
        }
    }

    /// Takes a snapshot of the folder in which the agent works, before it works there.
    async fn take_snapshot(&self, claim: &Claim, folder: Option<&Path>, stop: &CancellationToken) -> Option<Before> {
        let workplace = self.workplace.as_ref()?;
        if folder.is_none() && !self.uses_work_folder(claim) {
            return None;
        }
        stop.run_until_cancelled(Box::pin(workplace.before(claim, folder))).await.flatten()
    }

    /// Stores what the agent has changed in its folder, unless the attempt has ended or another one follows.
    async fn record_changes(&self, claim: &Claim, before: Before, end: &AttemptResult) {
        let is_stopped = match end {
            AttemptResult::LeaseLost | AttemptResult::HandedBack => return,
            AttemptResult::Stopped => true,
            AttemptResult::Finished(_) | AttemptResult::TimedOut(_) => false,
        };
        let Some(workplace) = &self.workplace else { return };
        let Some(changes) = Box::pin(workplace.after(before, is_stopped)).await else { return };
        // An earlier attempt may have changed what this one has changed back.
        if changes.of_turn.is_empty() && claim.attempt == 1 {
            return;
        }
        match self.store.record_changes(claim, &changes).await {
            Ok(()) | Err(StoreError::LeaseLost) => {}
            Err(error) => tracing::warn!(%error, "failed to store what an agent has changed"),
        }
    }

    /// Stores the state of the git repository that contains a configured folder.
    async fn record_git_state(&self, claim: &Claim, folder: &Path) {
        let Some(workplace) = &self.workplace else { return };
        let Some(state) = Box::pin(workplace.git_state(claim.session_id, folder)).await else { return };
        match self.store.record_git_state(claim, &state).await {
            Ok(changed) => self.relay.announce(changed.hints),
            Err(error) => tracing::warn!(%error, "failed to store the state of a git repository"),
        }
    }

    /// Returns whether the agent of this claim works in the session's work folder.
    fn uses_work_folder(&self, claim: &Claim) -> bool {
        self.agents.config(&claim.agent_key).is_some_and(|config| config.driver.uses_work_folder())
    }

    /// Returns the host on which the session's files are left behind, if this worker does not have them.
    fn host_left<'a>(&self, claim: &'a Claim) -> Option<&'a str> {
        let folder = claim.work_folder.as_ref().filter(|_| self.uses_work_folder(claim))?;
        if claim.folder.is_some() && folder.data_folder.host == self.data_folder.host {
            // The workers on a host share the configured folders.
            return None;
        }
        folder.host_left(&self.data_folder, claim.turn)
    }

    /// Records where the session's work folder is, unless this is known, and reads the conversation.
    async fn prepare(&self, claim: &Claim, history_bytes: usize) -> Result<Conversation, StoreError> {
        let is_known = claim.work_folder.as_ref().is_some_and(|folder| folder.data_folder == self.data_folder);
        if !is_known && self.uses_work_folder(claim) {
            self.store.record_work_folder(&claim.user, claim.session_id, claim.turn, &self.data_folder).await?;
        }
        self.store.read_conversation(claim, history_bytes).await
    }

    /// Prepares the turn and reads the conversation, and retries if that fails. Returns `None` if the attempt should
    /// end before a read succeeds.
    async fn read_turn(
        &self,
        claim: &Claim,
        history_bytes: usize,
        folder: Option<PathBuf>,
        stop: &CancellationToken,
    ) -> Option<Turn> {
        loop {
            match self.prepare(claim, history_bytes).await {
                Ok(Conversation { history, resume, path_revision }) => {
                    return Some(Turn {
                        session_id: claim.session_id,
                        task_id: claim.task_id,
                        folder,
                        turn: claim.turn,
                        resume,
                        path_revision,
                        history,
                        files: Arc::new(StoredFiles {
                            store: self.store.clone(),
                            storage: self.storage.clone(),
                            user: claim.user.clone(),
                        }),
                    });
                }
                Err(error) => tracing::warn!(%error, "failed to prepare the turn; retrying"),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = self.shutdown.hard().cancelled() => return None,
                () = sleep(READ_PAUSE) => {}
            }
        }
    }
}

/// Handles the agent's output in one attempt.
struct AttemptOutput {
    text: TextWriter,
    files: FileWriter,
    steps: StepWriter,
    permissions: Permissions,
    resume: Option<AgentSession>,
    clock: SharedClock,
    /// When the agent sent the first text of its answer.
    first_text_at: Option<Instant>,
}

impl AttemptOutput {
    fn new(runner: &TurnRunner, claim: &Claim, guard: &AttemptGuard) -> Self {
        let TurnRunner { store, storage, attachment_limits, relay, shutdown, .. } = runner;
        let tasks = shutdown.tasks();
        Self {
            text: TextWriter::new(store, relay, tasks, claim.clone()),
            files: FileWriter::new(store, storage, *attachment_limits, tasks, claim.clone()),
            steps: StepWriter::new(store, relay, tasks, claim.clone()),
            permissions: Permissions::new(store, relay, tasks, &claim.user, guard.decided()),
            resume: None,
            clock: Arc::clone(store.clock()),
            first_text_at: None,
        }
    }

    fn accept(&mut self, update: Update) {
        match update {
            Update::Text(more) => {
                self.first_text_at.get_or_insert_with(Instant::now);
                self.text.push(&more);
            }
            Update::Retract => {
                self.text.retract();
                self.steps.retract_text();
            }
            Update::File(file) => {
                self.files.push(file);
                self.report_rejected_files();
            }
            Update::Step(step) => self.steps.push(*step, self.text.len()),
            Update::Permission(request) => self.request_permission(request),
            Update::Resume(session) => self.resume = Some(session),
        }
    }

    /// Adds a notice that the session's files are on a host whose workers are not running.
    fn add_folder_notice(&mut self, host: &str) {
        let text = format!("They are on {host}, where no worker is running.");
        let notice = StepUpdate {
            key: FOLDER_NOTICE_KEY.to_owned(),
            tool_call_id: None,
            parent_tool_call_id: None,
            title: FOLDER_NOTICE.to_owned(),
            status: StepStatus::Succeeded,
            detail: StepDetail::notice("warning", text),
        };
        self.steps.push(notice, self.text.len());
    }

    /// Stores all files that have arrived.
    async fn store_files(&mut self) {
        while self.files.has_work() {
            self.files.advance().await;
            self.report_rejected_files();
        }
    }

    /// Adds a notice for each file that was not stored.
    fn report_rejected_files(&mut self) {
        for RejectedFile { title, reason } in self.files.take_rejected() {
            let notice = StepUpdate {
                key: format!("{FILE_NOTICE_KEY}{title}"),
                tool_call_id: None,
                parent_tool_call_id: None,
                title,
                status: StepStatus::Succeeded,
                detail: StepDetail::notice("warning", reason),
            };
            self.steps.push(notice, self.text.len());
        }
    }

    /// Adds a permission request as a step, and starts waiting for its decision.
    fn request_permission(&mut self, request: PermissionRequest) {
        let PermissionRequest { tool_call_id, title, options, time_limit, reply } = request;
        let request_id = PermissionId::generate();
        let expires_at = time_limit.map(|limit| self.clock.now().plus(limit));
        let detail = PermissionDetail::pending(request_id, options, expires_at);
        if self.steps.push_permission(tool_call_id, title, detail, self.text.len()) {
            self.permissions.wait_for(request_id, time_limit, reply);
        } else {
            // The user cannot see the request, so it expires immediately. The receiver may already have been dropped.
            let _ = reply.send(PermissionReply::Expired);
        }
    }

    /// Returns the text, the agent's session, and the steps that have not been stored yet.
    fn into_parts(self) -> (String, Option<AgentSession>, Vec<StepState>) {
        (self.text.into_text(), self.resume, self.steps.into_unwritten())
    }
}
