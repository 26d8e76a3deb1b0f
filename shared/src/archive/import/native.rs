//! Reads conversations in the JSON format of this product.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::{
    conversation::{ImportedConversation, ImportedFile, ImportedMessage, ImportedStep, ImportedTask, ImportedTurn},
    keys::agent_key,
};
use crate::{
    archive::format::{ArchivedAttachment, ArchivedConversation, ArchivedMessage, ArchivedStep, ArchivedTask},
    chat::{DecidedBy, PermissionDecision, Role, StepDetail, StepStatus, TaskStatus},
    id::PermissionId,
    lenient_json::{LoneSurrogates, parse},
};

/// The highest number of a turn or message. Further messages get higher ones.
const MAX_NUMBER: i64 = 1_000_000_000;
/// The agent of a conversation whose own has an invalid key.
const UNKNOWN_AGENT: &str = "unknown";

/// The messages of a conversation. Its other fields are read separately, because a flattened struct would keep the values
/// of unknown fields in memory.
#[derive(Deserialize)]
struct ArchivedMessages {
    messages: Vec<ArchivedMessage>,
}

/// Reads a conversation.
///
/// # Errors
/// Returns a description of what is invalid.
pub(super) fn read(json: &[u8]) -> Result<ImportedConversation, String> {
    let conversation: ArchivedConversation = parse(json, LoneSurrogates::Replace).map_err(|error| error.to_string())?;
    let ArchivedMessages { messages } = parse(json, LoneSurrogates::Replace).map_err(|error| error.to_string())?;
    let mut questions: BTreeMap<i64, ArchivedMessage> = BTreeMap::new();
    let mut answers: HashMap<i64, ArchivedMessage> = HashMap::new();
    let mut seqs = HashMap::new();
    for message in messages {
        let turn = message.turn;
        if !(1..=MAX_NUMBER).contains(&turn) || !(1..=MAX_NUMBER).contains(&message.seq) {
            return Err(format!("message {}: `turn` and `seq` must be from 1 to {MAX_NUMBER}", message.id));
        }
        if let Some(other) = seqs.insert(message.seq, message.id) {
            return Err(format!("messages {other} and {} have the same `seq`", message.id));
        }
        let id = message.id;
        let earlier = match message.role {
            Role::User => questions.insert(turn, message),
            Role::Assistant => answers.insert(turn, message),
        };
        if let Some(earlier) = earlier {
            return Err(format!("messages {} and {id} have the same turn and role", earlier.id));
        }
    }
    if let Some(answer) = answers.values().find(|answer| !questions.contains_key(&answer.turn)) {
        return Err(format!("answer {} has no user message", answer.id));
    }
    let numbers: Vec<i64> = questions.keys().copied().collect();
    let current = questions.values().rfind(|question| question.current).map(|question| question.turn);
    let mut turns = Vec::with_capacity(questions.len());
    for question in questions.into_values() {
        let number = question.turn;
        let parent = match question.parent_turn {
            None => None,
            Some(parent) if parent < number => Some(
                numbers
                    .binary_search(&parent)
                    .map_err(|_| format!("turn {number}: `parent_turn` {parent} does not exist"))?,
            ),
            Some(_) => return Err(format!("turn {number}: `parent_turn` must be lower")),
        };
        turns.push(read_turn(number, parent, question, answers.remove(&number))?);
    }
    Ok(ImportedConversation {
        source: format!("banter:{}", conversation.id),
        session_id: Some(conversation.id),
        title: conversation.title,
        agent_key: agent_key(&conversation.agent_key).unwrap_or_else(|| UNKNOWN_AGENT.into()),
        status: conversation.status,
        pinned_at: conversation.pinned_at,
        created_at: Some(conversation.created_at),
        updated_at: Some(conversation.updated_at),
        last_activity_at: Some(conversation.last_activity_at),
        last_read_seq: Some(conversation.last_read_seq),
        forked_from: conversation.forked_from,
        current: current.and_then(|turn| numbers.binary_search(&turn).ok()),
        turns,
    })
}

fn read_turn(
    number: i64,
    parent: Option<usize>,
    mut question: ArchivedMessage,
    answer: Option<ArchivedMessage>,
) -> Result<ImportedTurn, String> {
    let task = match question.task.take() {
        Some(task) => read_task(task).map_err(|error| format!("turn {number}: {error}"))?,
        None => ImportedTask::ended(answer.is_some(), None, Vec::new()),
    };
    Ok(ImportedTurn {
        number: Some(number),
        parent,
        question: read_message(question),
        answer: answer.map(read_message),
        task,
    })
}

fn read_message(message: ArchivedMessage) -> ImportedMessage {
    ImportedMessage {
        seq: Some(message.seq),
        text: message.content,
        files: message.attachments.into_iter().map(read_file).collect(),
        created_at: Some(message.created_at),
        edited_at: message.edited_at,
        agent_key: message.agent_key.as_deref().and_then(agent_key),
        finish_reason: message.finish_reason,
        elapsed_ms: message.elapsed_ms,
        usage: message.usage,
    }
}

fn read_file(file: ArchivedAttachment) -> ImportedFile {
    ImportedFile::Entry {
        name: file.name,
        entry: format!("attachments/{}", file.sha256),
        media_type: Some(file.media_type),
        created_at: Some(file.created_at),
    }
}

/// Reads a task. A task that had not ended counts as cancelled.
fn read_task(task: ArchivedTask) -> Result<ImportedTask, String> {
    let status = match task.status {
        TaskStatus::Queued | TaskStatus::Running => TaskStatus::Cancelled,
        ended => ended,
    };
    let steps: Vec<ImportedStep> = task.steps.into_iter().map(read_step).collect::<Result<_, _>>()?;
    let mut seqs = HashSet::new();
    if let Some(seq) = steps.iter().filter_map(|step| step.seq).find(|seq| !seqs.insert(*seq)) {
        return Err(format!("two steps have the `seq` {seq}"));
    }
    Ok(ImportedTask {
        status,
        attempt: task.attempt.clamp(0, MAX_NUMBER),
        error: task.error,
        usage: task.usage,
        started_at: task.started_at,
        finished_at: task.finished_at,
        steps,
    })
}

fn read_step(step: ArchivedStep) -> Result<ImportedStep, String> {
    let mut detail = StepDetail::from_fields(step.kind, step.detail)
        .map_err(|error| format!("step {}: `detail`: {error}", step.seq))?;
    let mut status = step.status;
    if let StepDetail::Permission(permission) = &mut detail {
        permission.request_id = PermissionId::generate();
        // The agent no longer waits for an answer.
        if status.is_open() || permission.decision.is_none() {
            permission.decision = Some(PermissionDecision::Reject);
            permission.decided_by = Some(DecidedBy::Withdrawn);
            permission.chosen = None;
            status = StepStatus::Rejected;
        }
    }
    Ok(ImportedStep {
        seq: Some(step.seq),
        detail,
        tool_call_id: step.tool_call_id,
        parent_tool_call_id: step.parent_tool_call_id,
        title: step.title,
        status,
        text_offset: step.text_offset,
        started_at: step.started_at,
        ended_at: step.ended_at,
    })
}
