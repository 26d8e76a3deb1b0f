//! Sends users' messages. Each message becomes the next turn of its session.

use std::sync::LazyLock;

use sqlx::types::Json;

use super::{
    Change, IdempotencyKey, Store, StoreError,
    attachments::take_unsent,
    database_driver::Connection,
    events::{COUNT_EVENT, LOG_USER_MESSAGE},
    idempotency::{self, INSERT_KEY},
    jobs::{AgentJob, ENTER_ROUND, NewJob, PUSH_JOB},
    rows,
    script::Script,
    sqlite,
    stops::REQUEST_STOP,
};
use crate::{
    chat::{
        AcceptedFiles, Attachment, Content, Message, MessageBranch, OnBusy, Role, SessionStatus, StopReason, Task,
        TaskStatus, Title, TraceParent, UserRef,
    },
    clock::Timestamp,
    event::Hints,
    id::{AttachmentId, MessageId, SessionId, TaskId},
};

/// The maximum number of queued tasks per session.
const MAX_QUEUED: i64 = 1000;

/// A message to send.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The text.
    pub content: Content,
    /// The attachments, in their order.
    pub attachments: Vec<AttachmentId>,
    /// Which attachments the session's agent accepts.
    pub accepted: AcceptedFiles,
    /// What to do if the agent is busy.
    pub on_busy: OnBusy,
    /// The maximum number of attempts for the message's task.
    pub max_attempts: i64,
    /// The client's idempotency key, if any.
    pub key: Option<IdempotencyKey>,
    /// The trace of the request, if that trace is recorded.
    pub trace_parent: Option<TraceParent>,
}

impl NewMessage {
    /// Creates a message without attachments that is queued if the agent is busy.
    #[must_use]
    pub const fn new(content: Content, max_attempts: i64) -> Self {
        Self {
            content,
            attachments: Vec::new(),
            accepted: AcceptedFiles::NONE,
            on_busy: OnBusy::Queue,
            max_attempts,
            key: None,
            trace_parent: None,
        }
    }
}

/// A message that was sent by this request or by an earlier one with the same key.
#[derive(Clone, Debug)]
pub struct SentMessage {
    /// The message.
    pub message: Message,
    /// The current state of the message's task.
    pub task: Task,
}

/// Selects the state that a send depends on, for session `$1` of the user with workspace ID `$2` and user ID `$3`. `$4`
/// (operation) and `$5` (key) identify the user's idempotency key. Keys that were created at or before `$6` have
/// expired.
const READ_SEND_STATE: &str = "SELECT s.status, s.last_turn, s.last_seq, \
     s.title = '' AND s.title_is_manual = 0 AS is_untitled, \
     (SELECT r.id FROM agent_task r WHERE r.chat_session_id = s.id AND r.status = 'running') AS running_task_id, \
     (SELECT COUNT(*) FROM agent_task q WHERE q.chat_session_id = s.id AND q.status = 'queued') AS queued_count, \
     k.request_hash AS sent_hash, k.message_id AS sent_message_id \
     FROM chat_session s LEFT JOIN idempotency_key k \
     ON k.workspace_id = $2 AND k.user_id = $3 AND k.operation = $4 AND k.key = $5 AND k.created_at > $6 \
     WHERE s.id = $1 AND s.workspace_id = $2 AND s.creator_id = $3";

/// The state that a send depends on.
#[derive(sqlx::FromRow)]
pub(super) struct SendState {
    status: SessionStatus,
    pub(super) last_turn: i64,
    last_seq: i64,
    is_untitled: bool,
    running_task_id: Option<TaskId>,
    queued_count: i64,
    /// The hash of the request that previously used the key.
    sent_hash: Option<String>,
    sent_message_id: Option<MessageId>,
}

impl SendState {
    /// Reads the state. Fails if the session does not exist or belongs to another user.
    pub(super) async fn read(
        tx: &mut Connection,
        user: &UserRef,
        session_id: SessionId,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let state: Option<Self> = sqlx::query_as(READ_SEND_STATE)
            .bind(session_id)
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .bind(key.map(|key| &key.operation))
            .bind(key.map(|key| &key.key))
            .bind(now.minus(idempotency::KEPT))
            .fetch_optional(tx)
            .await?;
        state.ok_or(StoreError::NotFound)
    }

    /// Returns the message that was sent by an earlier request with the same key, if any. Fails if that request was
    /// different.
    pub(super) fn find_sent(&self, key: Option<&IdempotencyKey>) -> Result<Option<MessageId>, StoreError> {
        let Some((key, hash)) = key.zip(self.sent_hash.as_ref()) else { return Ok(None) };
        if *hash != key.request_hash {
            return Err(StoreError::IdempotencyMismatch);
        }
        self.sent_message_id.ok_or(StoreError::IdempotencyMismatch).map(Some)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.running_task_id.is_some() || self.queued_count > 0
    }

    pub(super) fn check(&self, on_busy: OnBusy) -> Result<(), StoreError> {
        if self.status == SessionStatus::Archived {
            return Err(StoreError::SessionArchived);
        }
        if self.is_busy() && on_busy == OnBusy::Reject {
            return Err(StoreError::AgentBusy);
        }
        if self.queued_count >= MAX_QUEUED {
            return Err(StoreError::QueueFull);
        }
        Ok(())
    }
}

/// Makes the attachments with the IDs in the JSON array `$1` part of message `$2`.
const ADD_ATTACHMENTS: &str = concat!(
    "WITH listed (id) AS ",
    sqlite::listed!(),
    " UPDATE attachment SET message_id = $2 WHERE id IN (SELECT id FROM listed)"
);

/// Stores a message, its task, and its event. If given, also stores a job for the task, a stop request for the running
/// task, and the idempotency key.
static SEND: LazyLock<Script> = LazyLock::new(|| {
    Script::with_conditions(
        &[
            "session_id",
            "workspace_id",
            "user_id",
            "stripe",
            "now",
            "turn",
            "seq",
            "title",
            "title_folded",
            "user_message_id",
            "content",
            "attachments",
            "task_id",
            "answer_message_id",
            "max_attempts",
            "trace_parent",
            "revision_of",
            "job_id",
            "job_payload",
            "job_run_at",
            "stopped_task_id",
            "stop_reason",
            "operation",
            "idempotency_key",
            "request_hash",
        ],
        &[
            (
                None,
                "UPDATE chat_session SET last_turn = $turn, last_seq = $seq, updated_at = $now, last_activity_at = $now, \
                 title = COALESCE($title, title), title_folded = COALESCE($title_folded, title_folded) \
                 WHERE id = $session_id",
            ),
            (
                None,
                "INSERT INTO chat_message (id, chat_session_id, role, content, attachments, task_id, created_at, turn, seq) \
                 VALUES ($user_message_id, $session_id, 'user', $content, $attachments, $task_id, $now, $turn, $seq)",
            ),
            (
                None,
                "INSERT INTO agent_task \
                 (id, chat_session_id, turn, user_message_id, answer_message_id, max_attempts, created_at, job_id, \
                 trace_parent, revision_of, parent_turn) \
                 VALUES ($task_id, $session_id, $turn, $user_message_id, $answer_message_id, $max_attempts, $now, $job_id, \
                 $trace_parent, $revision_of, \
                 (SELECT MAX(p.turn) FROM chat_message p WHERE p.chat_session_id = $session_id AND p.turn < $turn))",
            ),
            (Some("job_id"), ENTER_ROUND),
            (Some("job_id"), PUSH_JOB),
            (Some("stopped_task_id"), REQUEST_STOP),
            (None, COUNT_EVENT),
            (None, LOG_USER_MESSAGE),
            (Some("idempotency_key"), INSERT_KEY),
        ],
    )
});

impl Store {
    /// Stores a message with its task and its event. Pushes a job unless another task of the session is queued or
    /// running. If the idempotency key was already used for the same request, returns the message that was sent then.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], [`StoreError::SessionArchived`], [`StoreError::AgentBusy`] (with
    /// `OnBusy::Reject`), [`StoreError::QueueFull`], [`StoreError::IdempotencyMismatch`],
    /// [`StoreError::MessageGone`], [`StoreError::UnknownAttachment`], or [`StoreError::AttachmentUnsupported`].
    pub async fn post_message(
        &self,
        user: &UserRef,
        session_id: SessionId,
        post: &NewMessage,
    ) -> Result<Change<SentMessage>, StoreError> {
        let key = post.key.as_ref();
        self.read_and_write_for(user, async |tx| {
            let state = SendState::read(tx, user, session_id, key, self.inner.clock.now()).await?;
            let now = self.inner.clock.now();
            if let Some(id) = state.find_sent(key)? {
                let message = rows::find_any_message(tx, id).await?.ok_or(StoreError::MessageGone)?;
                return Ok(Change::nothing(sent(message)?));
            }
            state.check(post.on_busy)?;
            let attachments = take_unsent(tx, user, &post.attachments, post.accepted).await?;
            let message = Outgoing {
                content: post.content.as_str().to_owned(),
                attachments,
                revised: None,
                on_busy: post.on_busy,
                max_attempts: post.max_attempts,
                key,
                trace_parent: post.trace_parent.as_ref(),
            };
            message.store(tx, user, session_id, &state, now).await
        })
        .await
    }
}

/// The place of a revision among the versions of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct RevisedTurn {
    /// The first version.
    pub(super) first_version: i64,
    /// The number of versions, including the new one.
    pub(super) versions: i64,
}

/// A message to store as the session's next turn, after the last turn of the transcript.
pub(super) struct Outgoing<'a> {
    pub(super) content: String,
    /// Attachments that are not yet part of another message.
    pub(super) attachments: Vec<Attachment>,
    /// The turn of which the message is a new version, if any.
    pub(super) revised: Option<RevisedTurn>,
    pub(super) on_busy: OnBusy,
    pub(super) max_attempts: i64,
    pub(super) key: Option<&'a IdempotencyKey>,
    pub(super) trace_parent: Option<&'a TraceParent>,
}

impl Outgoing<'_> {
    /// Stores the message with its task and its event.
    pub(super) async fn store(
        self,
        tx: &mut Connection,
        user: &UserRef,
        session_id: SessionId,
        state: &SendState,
        now: Timestamp,
    ) -> Result<Change<SentMessage>, StoreError> {
        let key = self.key;
        let message = new_message(session_id, &self, state, now);
        let task_id = message.task_id;
        let title = state.is_untitled.then(|| first_title(&message));
        let job = if state.is_busy() {
            None
        } else {
            Some(NewJob::new(AgentJob { task_id, chat_session_id: session_id }, None, now)?)
        };
        let interrupted = state.running_task_id.filter(|_| self.on_busy == OnBusy::Interrupt);
        let mut send = SEND
            .call()
            .bind("session_id", session_id)
            .bind("workspace_id", &user.workspace_id)
            .bind("user_id", &user.user_id)
            .bind("stripe", tx.stripe_of(user).number())
            .bind("now", now)
            .bind("turn", message.turn)
            .bind("seq", message.seq)
            .bind("title", title.as_ref().map(Title::as_str))
            .bind("title_folded", title.as_ref().map(Title::folded))
            .bind("user_message_id", message.id)
            .bind("content", &message.content)
            .bind("attachments", (!message.attachments.is_empty()).then_some(Json(&message.attachments)))
            .bind("task_id", task_id)
            .bind("answer_message_id", MessageId::generate())
            .bind("max_attempts", self.max_attempts)
            .bind("trace_parent", self.trace_parent)
            .bind("revision_of", self.revised.map(|revised| revised.first_version))
            .bind("job_id", job.as_ref().map(|job| &job.id))
            .bind("job_payload", job.as_ref().map(|job| &job.payload))
            .bind("job_run_at", job.as_ref().map(|job| job.run_at))
            .bind("stopped_task_id", interrupted)
            .bind("stop_reason", StopReason::Interrupt)
            .bind("operation", key.map(|key| &key.operation))
            .bind("idempotency_key", key.map(|key| &key.key))
            .bind("request_hash", key.map(|key| &key.request_hash));
        let ids: Vec<AttachmentId> = message.attachments.iter().map(|attachment| attachment.id).collect();
        if !ids.is_empty() {
            send = send.then(sqlx::query(ADD_ATTACHMENTS).bind(Json(&ids)).bind(message.id));
        }
        send.execute(tx).await?;
        let hints = Hints {
            users: vec![user.clone()],
            wake_workers: job.is_some(),
            stops: interrupted.into_iter().collect(),
            ..Hints::default()
        };
        Ok(Change::new(sent(message)?, hints))
    }
}

/// Returns a stored message with its task.
pub(super) fn sent(message: Message) -> Result<SentMessage, StoreError> {
    let task =
        message.task.clone().ok_or_else(|| StoreError::Corrupt(format!("message {} has no task", message.id)))?;
    Ok(SentMessage { message, task })
}

/// Returns the title that a session gets from its first message: the beginning of the text or, without text, the name
/// of the first file.
fn first_title(message: &Message) -> Title {
    match message.attachments.first() {
        Some(attachment) if message.content.trim().is_empty() => Title::from_first_message(&attachment.name),
        _ => Title::from_first_message(&message.content),
    }
}

/// Creates the message for the session's next turn, with its task.
fn new_message(session_id: SessionId, outgoing: &Outgoing<'_>, state: &SendState, now: Timestamp) -> Message {
    let task = Task {
        id: TaskId::generate(),
        chat_session_id: session_id,
        status: TaskStatus::Queued,
        attempt: 0,
        failures: 0,
        max_attempts: outgoing.max_attempts,
        next_attempt_at: None,
        error: None,
        usage: None,
        created_at: now,
        started_at: None,
        finished_at: None,
        changes: None,
    };
    Message {
        id: MessageId::generate(),
        chat_session_id: session_id,
        turn: state.last_turn + 1,
        seq: state.last_seq + 1,
        role: Role::User,
        content: outgoing.content.clone(),
        agent_key: None,
        attachments: outgoing.attachments.clone(),
        task_id: task.id,
        task: Some(task),
        finish_reason: None,
        elapsed_ms: None,
        usage: None,
        created_at: now,
        edited_at: None,
        branch: outgoing.revised.map(|revised| MessageBranch { index: revised.versions, count: revised.versions }),
    }
}
