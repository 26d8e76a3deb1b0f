//! Stores imported conversations.

use std::collections::HashMap;

use sqlx::types::Json;

use super::{Change, Store, StoreError, database_driver::Connection, events};
use crate::{
    chat::{
        Attachment, FinishReason, ImportedConversation, ImportedMessage, ImportedStep, ImportedTask, ImportedTurn,
        Role, StepStatus, TaskStatus, Title, TurnNode, TurnTree, UserRef, clean_step_detail, clean_step_title,
    },
    clock::Timestamp,
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// The maximum number of attempts of tasks that are retried.
const MAX_ATTEMPTS: i64 = 3;

const INSERT_SESSION: &str = "INSERT INTO chat_session (id, workspace_id, agent_key, creator_id, title, title_folded, \
     title_is_manual, status, pinned_at, created_at, updated_at, last_activity_at, last_turn, last_seq, last_read_seq, \
     forked_from_session_id, forked_from_message_id) \
     VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $5 = '' THEN 0 ELSE 1 END, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

const INSERT_TASK: &str = "INSERT INTO agent_task (id, chat_session_id, turn, parent_turn, revision_of, user_message_id, \
     answer_message_id, status, attempt, max_attempts, error_code, error_message, input_tokens, output_tokens, created_at, \
     started_at, finished_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

const INSERT_STEP: &str = "INSERT INTO task_step (task_id, attempt, seq, revision, kind, tool_call_id, title, status, detail, \
     permission_id, text_offset, started_at, ended_at, parent_tool_call_id, stripe) \
     VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

/// Stores a message of the transcript.
const INSERT_MESSAGE: &str = "INSERT INTO chat_message (id, chat_session_id, role, content, task_id, created_at, turn, seq, \
     finish_reason, elapsed_ms, input_tokens, output_tokens, edited_at, attachments, agent_key) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
/// Stores a message of another branch.
const INSERT_INACTIVE_MESSAGE: &str = "INSERT INTO inactive_message (id, chat_session_id, role, content, task_id, created_at, \
     turn, seq, finish_reason, elapsed_ms, input_tokens, output_tokens, edited_at, attachments, agent_key) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

/// Makes an attachment part of a message of the transcript or of another branch. One of `$2` and `$3` is NULL.
const ATTACH: &str = "UPDATE attachment SET message_id = $2, inactive_message_id = $3, created_at = $4 \
     WHERE id = $1 AND workspace_id = $5 AND user_id = $6 \
     AND message_id IS NULL AND inactive_message_id IS NULL AND task_id IS NULL";

impl Store {
    /// Returns whether a user has imported a conversation, or still has the session from which it was exported.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn is_imported(
        &self,
        user: &UserRef,
        source: &str,
        session_id: Option<SessionId>,
    ) -> Result<bool, StoreError> {
        self.read(async |tx| is_imported(tx, user, source, session_id).await).await
    }

    /// Stores a conversation, whose attachments are stored already. Returns `None` if the user has imported it before.
    ///
    /// # Errors
    /// Returns [`StoreError::Corrupt`] if the conversation is invalid, or if one of its attachments has been deleted.
    pub async fn import_session(
        &self,
        user: &UserRef,
        conversation: &ImportedConversation<Attachment>,
    ) -> Result<Option<Change<SessionId>>, StoreError> {
        let layout = Layout::of(conversation)?;
        self.write_for(user, async |tx| {
            if is_imported(tx, user, &conversation.source, conversation.session_id).await? {
                return Ok(None);
            }
            let now = self.inner.clock.now();
            let id = SessionId::generate();
            insert_session(tx, user, id, conversation, &layout, now).await?;
            for (index, turn) in conversation.turns.iter().enumerate() {
                insert_turn(tx, user, id, turn, &layout.places[index], now).await?;
            }
            sqlx::query(
                "INSERT INTO import_source (workspace_id, user_id, source, chat_session_id) VALUES ($1, $2, $3, $4)",
            )
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .bind(&conversation.source)
            .bind(id)
            .execute(&mut *tx)
            .await?;
            events::append(tx, user, now, &[EventRef::session(LogKind::SessionCreated, id)]).await?;
            Ok(Some(Change::new(id, Hints { users: vec![user.clone()], ..Hints::default() })))
        })
        .await
    }
}

/// Returns whether a user has imported a conversation, or still has the session from which it was exported.
async fn is_imported(
    tx: &mut Connection,
    user: &UserRef,
    source: &str,
    session_id: Option<SessionId>,
) -> Result<bool, StoreError> {
    let found: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM import_source WHERE workspace_id = $1 AND user_id = $2 AND source = $3) \
         OR EXISTS (SELECT 1 FROM chat_session WHERE id = $4 AND workspace_id = $1 AND creator_id = $2)",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(source)
    .bind(session_id)
    .fetch_one(tx)
    .await?;
    Ok(found)
}

/// The number of each turn and message.
struct Layout {
    places: Vec<Place>,
    last_turn: i64,
    last_seq: i64,
}

/// The place of a turn.
struct Place {
    turn: i64,
    parent: Option<i64>,
    revision_of: Option<i64>,
    /// Whether the turn is part of the transcript.
    is_current: bool,
    question_seq: i64,
    answer_seq: i64,
}

impl Layout {
    /// Numbers the turns and messages, and determines the transcript.
    fn of(conversation: &ImportedConversation<Attachment>) -> Result<Self, StoreError> {
        let invalid = |what: &str| StoreError::Corrupt(what.to_owned());
        let numbers: Vec<i64> =
            (1..).zip(&conversation.turns).map(|(number, turn)| turn.number.unwrap_or(number)).collect();
        if !numbers.is_sorted_by(|a, b| a < b) || numbers.first().is_some_and(|first| *first < 1) {
            return Err(invalid("its turns are not in order"));
        }
        let mut next_seq = 0;
        let mut seq_of = |given: Option<i64>| {
            next_seq = given.unwrap_or(next_seq + 1);
            next_seq
        };
        // Turns with the same parent are versions of the first one of them.
        let mut first_versions: HashMap<Option<usize>, i64> = HashMap::new();
        let mut places = Vec::with_capacity(numbers.len());
        for (index, turn) in conversation.turns.iter().enumerate() {
            if turn.parent.is_some_and(|parent| parent >= index) {
                return Err(invalid("a turn does not follow its parent"));
            }
            let first = *first_versions.entry(turn.parent).or_insert(numbers[index]);
            places.push(Place {
                turn: numbers[index],
                parent: turn.parent.map(|parent| numbers[parent]),
                revision_of: (first != numbers[index]).then_some(first),
                is_current: false,
                question_seq: seq_of(turn.question.seq),
                answer_seq: turn.answer.as_ref().map_or(0, |answer| seq_of(answer.seq)),
            });
        }
        let tree = TurnTree::new(places.iter().map(|place| TurnNode {
            turn: place.turn,
            parent: place.parent,
            revision_of: place.revision_of,
            next: None,
        }));
        let current = conversation.current.or(numbers.len().checked_sub(1)).and_then(|index| numbers.get(index));
        let path = current.map(|turn| tree.path_through(*turn)).unwrap_or_default();
        for place in &mut places {
            place.is_current = path.binary_search(&place.turn).is_ok();
        }
        let last_seq = places.iter().map(|place| place.question_seq.max(place.answer_seq)).max().unwrap_or(0);
        Ok(Self { places, last_turn: numbers.last().copied().unwrap_or(0), last_seq })
    }
}

async fn insert_session(
    tx: &mut Connection,
    user: &UserRef,
    id: SessionId,
    conversation: &ImportedConversation<Attachment>,
    layout: &Layout,
    now: Timestamp,
) -> Result<(), StoreError> {
    let title = title_of(conversation);
    let created_at = conversation.created_at.unwrap_or(now);
    let updated_at = conversation.updated_at.unwrap_or(created_at);
    let forked_from = conversation.forked_from;
    sqlx::query(INSERT_SESSION)
        .bind(id)
        .bind(&user.workspace_id)
        .bind(&conversation.agent_key)
        .bind(&user.user_id)
        .bind(title.as_str())
        .bind(title.folded())
        .bind(conversation.status)
        .bind(conversation.pinned_at)
        .bind(created_at)
        .bind(updated_at)
        .bind(conversation.last_activity_at.unwrap_or(updated_at))
        .bind(layout.last_turn)
        .bind(layout.last_seq)
        .bind(conversation.last_read_seq.map_or(layout.last_seq, |seq| seq.clamp(0, layout.last_seq)))
        .bind(forked_from.map(|origin| origin.chat_session_id))
        .bind(forked_from.map(|origin| origin.message_id))
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns the title of a conversation, or one derived from its first message. A long title is shortened.
fn title_of(conversation: &ImportedConversation<Attachment>) -> Title {
    match Title::parse(&conversation.title) {
        Ok(title) if !title.as_str().is_empty() || conversation.session_id.is_some() => title,
        Ok(_) => {
            let first = conversation.turns.first().map_or("", |turn| turn.question.text.as_str());
            Title::from_first_message(first)
        }
        Err(_) => Title::from_first_message(&conversation.title),
    }
}

async fn insert_turn(
    tx: &mut Connection,
    user: &UserRef,
    session_id: SessionId,
    turn: &ImportedTurn<Attachment>,
    place: &Place,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (task_id, question_id, answer_id) = (TaskId::generate(), MessageId::generate(), MessageId::generate());
    let ImportedTask { error, usage, .. } = &turn.task;
    // A task that succeeded has an answer.
    let status = match turn.task.status {
        TaskStatus::Succeeded if turn.answer.is_none() => TaskStatus::Cancelled,
        TaskStatus::Queued | TaskStatus::Running => TaskStatus::Cancelled,
        ended => ended,
    };
    let created_at = turn.question.created_at.unwrap_or(now);
    let finished_at = turn.task.finished_at.or_else(|| turn.answer.as_ref()?.created_at).unwrap_or(created_at);
    sqlx::query(INSERT_TASK)
        .bind(task_id)
        .bind(session_id)
        .bind(place.turn)
        .bind(place.parent)
        .bind(place.revision_of)
        .bind(question_id)
        .bind(answer_id)
        .bind(status)
        .bind(turn.task.attempt)
        .bind(MAX_ATTEMPTS)
        .bind(error.as_ref().map(|error| error.code))
        .bind(error.as_ref().map(|error| &error.message))
        .bind(usage.as_ref().map(|usage| usage.input_tokens))
        .bind(usage.as_ref().map(|usage| usage.output_tokens))
        .bind(created_at)
        .bind(turn.task.started_at)
        .bind(finished_at)
        .execute(&mut *tx)
        .await?;
    let stripe = tx.stripe_of(user).number();
    for (seq, step) in (1..).zip(&turn.task.steps) {
        insert_step(tx, task_id, turn.task.attempt, step.seq.unwrap_or(seq), step, stripe).await?;
    }
    let question = Stored { id: question_id, role: Role::User, seq: place.question_seq, message: &turn.question };
    insert_message(tx, user, session_id, task_id, place, &question, now).await?;
    if let Some(answer) = &turn.answer {
        let answer = Stored { id: answer_id, role: Role::Assistant, seq: place.answer_seq, message: answer };
        insert_message(tx, user, session_id, task_id, place, &answer, now).await?;
    }
    Ok(())
}

async fn insert_step(
    tx: &mut Connection,
    task_id: TaskId,
    attempt: i64,
    seq: i64,
    step: &ImportedStep,
    stripe: i64,
) -> Result<(), StoreError> {
    let status = if step.status.is_open() { StepStatus::Failed } else { step.status };
    sqlx::query(INSERT_STEP)
        .bind(task_id)
        .bind(attempt)
        .bind(seq)
        .bind(step.detail.kind())
        .bind(&step.tool_call_id)
        .bind(clean_step_title(&step.title))
        .bind(status)
        .bind(Json(clean_step_detail(&step.detail)))
        .bind(step.detail.permission_id())
        .bind(step.text_offset.max(0))
        .bind(step.started_at)
        .bind(step.ended_at)
        .bind(&step.parent_tool_call_id)
        .bind(stripe)
        .execute(tx)
        .await?;
    Ok(())
}

/// A message with its ID.
struct Stored<'a> {
    id: MessageId,
    role: Role,
    seq: i64,
    message: &'a ImportedMessage<Attachment>,
}

async fn insert_message(
    tx: &mut Connection,
    user: &UserRef,
    session_id: SessionId,
    task_id: TaskId,
    place: &Place,
    Stored { id, role, seq, message }: &Stored<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let finish_reason = (*role == Role::Assistant).then(|| message.finish_reason.unwrap_or(FinishReason::Stop));
    let insert = if place.is_current { INSERT_MESSAGE } else { INSERT_INACTIVE_MESSAGE };
    sqlx::query(insert)
        .bind(id)
        .bind(session_id)
        .bind(role)
        .bind(&message.text)
        .bind(task_id)
        .bind(message.created_at.unwrap_or(now))
        .bind(place.turn)
        .bind(seq)
        .bind(finish_reason)
        .bind(message.elapsed_ms)
        .bind(message.usage.as_ref().map(|usage| usage.input_tokens))
        .bind(message.usage.as_ref().map(|usage| usage.output_tokens))
        .bind(message.edited_at)
        .bind((!message.files.is_empty()).then_some(Json(&message.files)))
        .bind(message.agent_key.as_ref().filter(|_| *role == Role::Assistant))
        .execute(&mut *tx)
        .await?;
    for file in &message.files {
        let attached = sqlx::query(ATTACH)
            .bind(file.id)
            .bind(place.is_current.then_some(*id))
            .bind((!place.is_current).then_some(*id))
            .bind(file.created_at)
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .execute(&mut *tx)
            .await?;
        if attached.rows_affected() == 0 {
            return Err(StoreError::Corrupt(format!("the file {} was deleted during the import", file.name)));
        }
    }
    Ok(())
}
