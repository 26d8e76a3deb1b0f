//! The partial texts of answers in progress.

use serde_json::Value;

use super::Model;
use crate::chat::has_ended;

/// The partial text of an answer in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The attempt that produces the text.
    pub attempt: i64,
    /// The ID that the answer will have.
    pub message_id: String,
    /// The text so far.
    pub text: String,
}

impl Model {
    /// If a task has ended, rejects live events for its last attempt or an earlier one, because they would recreate the
    /// draft.
    pub(super) fn refuse_after_the_end(&self, session: &str, data: &Value, attempt: Option<i64>) -> Result<(), String> {
        let task = data["task_id"].as_str().ok_or("no task_id")?;
        let Some(known) = self.user_message(session, task) else { return Ok(()) };
        let of_the_ended = known["task"]["attempt"].as_i64() >= attempt;
        if has_ended(&known["task"]) && of_the_ended {
            Err("a live event after the end of the task".into())
        } else {
            Ok(())
        }
    }

    pub(super) fn append_delta(&mut self, session: &str, data: &Value) -> Result<(), String> {
        let number = |field: &str| data[field].as_i64().ok_or_else(|| format!("no {field}"));
        let (attempt, offset, end) = (number("attempt")?, number("offset")?, number("next_offset")?);
        let text = data["text"].as_str().ok_or("no text")?;
        let (task, id) = (data["task_id"].as_str().ok_or("no task_id")?, data["message_id"].as_str().ok_or("no id")?);
        if offset + length(text) != end || text.is_empty() {
            return Err("the offsets do not match the length of the text".into());
        }
        self.refuse_after_the_end(session, data, Some(attempt))?;
        if self.drafts.get(task).is_none_or(|draft| draft.attempt < attempt) {
            let fresh = Draft { attempt, message_id: id.to_owned(), text: String::new() };
            self.drafts.insert(task.to_owned(), fresh);
        }
        let draft = self.drafts.get_mut(task).ok_or("no draft")?;
        if attempt < draft.attempt {
            return Ok(());
        }
        if draft.message_id != id {
            return Err(format!("message_id differs from {}", draft.message_id));
        }
        let here = length(&draft.text);
        if offset > here {
            return Err(format!("a gap after {here} bytes"));
        }
        if offset == here {
            draft.text.push_str(text);
        } else if end > here {
            return Err(format!("a delta overlaps offset {here}"));
        }
        Ok(())
    }

    pub(super) fn replace_draft(&mut self, session: &str, data: &Value) -> Result<(), String> {
        let attempt = data["attempt"].as_i64().ok_or("no attempt")?;
        let text = data["text"].as_str().ok_or("no text")?;
        let (task, id) = (data["task_id"].as_str().ok_or("no task_id")?, data["message_id"].as_str().ok_or("no id")?);
        if data["next_offset"].as_i64() != Some(length(text)) {
            return Err("next_offset differs from the length of the text".into());
        }
        self.refuse_after_the_end(session, data, Some(attempt))?;
        match self.drafts.get(task) {
            Some(draft) if draft.attempt > attempt => return Ok(()),
            Some(draft) if draft.attempt == attempt && !agree(&draft.text, text) => {
                return Err(format!("contradicts the streamed text: {:?}", draft.text));
            }
            _ => {}
        }
        self.drafts.insert(task.to_owned(), Draft { attempt, message_id: id.to_owned(), text: text.to_owned() });
        Ok(())
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap()
}

/// Returns whether one text is a prefix of the other.
pub(super) fn agree(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
