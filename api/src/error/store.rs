//! Maps store errors to API errors.

use banter_shared::store::StoreError;

use super::{ApiError, Code, FieldError};

/// Returns a sentence that lists the options offered by a permission request.
fn offered_options(offered: &[String]) -> String {
    if offered.is_empty() {
        return "The agent offers no options, so the request can only be rejected.".to_owned();
    }
    let ids: Vec<String> = offered.iter().map(|id| format!("`{id}`")).collect();
    format!("Available options: {}.", ids.join(", "))
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (code, detail) = match &error {
            StoreError::NotFound => return Self::not_found(),
            StoreError::SessionArchived => {
                (Code::SessionArchived, "The session is archived. Restore it before sending messages.")
            }
            StoreError::AgentBusy => {
                (Code::AgentBusy, "The agent is busy. Wait until it finishes, or set `on_busy` to `queue`.")
            }
            StoreError::TaskRunning => {
                (Code::AgentBusy, "The agent is busy. Wait until its task has ended, or cancel the task first.")
            }
            StoreError::NothingToFork => {
                (Code::NothingToFork, "The session has no completed turn. Fork it once the agent has answered.")
            }
            StoreError::QueueFull => {
                (Code::QueueFull, "The session's queue is full. Wait until the agent has answered some messages.")
            }
            StoreError::TaskNotQueued => {
                (Code::TaskNotQueued, "The message is no longer queued, or the agent has already started on it.")
            }
            StoreError::TaskEnded => (Code::TaskEnded, "The task has already ended."),
            StoreError::TaskNotEnded => {
                (Code::TaskNotEnded, "The task has not ended. Wait until it ends, or cancel it first.")
            }
            StoreError::PermissionOptionUnknown { offered } => {
                let message = format!("is not one of this request's options. {}", offered_options(offered));
                return Self::new(Code::UnknownOption, format!("`option_id` {message}"))
                    .with_errors(vec![FieldError { field: "option_id".into(), message }]);
            }
            StoreError::PermissionOptionRequired { offered } => {
                let advice = if offered.is_empty() { "" } else { " Send an `option_id` instead." };
                let message = format!("does not identify a single option.{advice} {}", offered_options(offered));
                return Self::new(Code::OptionRequired, format!("`decision` {message}"))
                    .with_errors(vec![FieldError { field: "decision".into(), message }]);
            }
            StoreError::TaskSucceeded => (Code::TaskSucceeded, "The task succeeded, so it cannot be retried."),
            StoreError::InactiveBranch => (
                Code::InactiveBranch,
                "The message is part of another branch. Make that branch current before retrying.",
            ),
            StoreError::EmptyMessage => {
                return Self::invalid("content", "must contain text if the message has no attachments");
            }
            StoreError::UnknownVersion { count } => {
                return Self::invalid("index", format!("must be from 1 to {count}, the number of versions"));
            }
            StoreError::PermissionAnswered => {
                (Code::PermissionAnswered, "The permission request has already been answered.")
            }
            StoreError::PermissionExpired => (Code::PermissionExpired, "The permission request has expired."),
            StoreError::UnknownAttachment { index } => {
                let field = format!("attachments[{index}]");
                let message = "is not the ID of an unsent attachment of yours".to_owned();
                return Self::new(Code::UnknownAttachment, format!("`{field}` {message}."))
                    .with_errors(vec![FieldError { field, message }]);
            }
            StoreError::AttachmentUnsupported { index, name } => {
                let field = format!("attachments[{index}]");
                let message = format!("is a file that the agent does not accept: {name}");
                return Self::new(Code::AttachmentUnsupported, format!("The agent does not accept this file: {name}"))
                    .with_errors(vec![FieldError { field, message }]);
            }
            StoreError::AttachmentSent => {
                (Code::AttachmentSent, "The attachment is part of a message, and is deleted with it.")
            }
            StoreError::UploadExpired => {
                (Code::RequestTimeout, "The upload was interrupted for too long. Upload the file again.")
            }
            StoreError::StorageLimit { limit } => {
                let detail = format!(
                    "Your files may take up at most {limit} bytes. Delete some chats with files before you upload more."
                );
                return Self::new(Code::StorageLimit, detail);
            }
            StoreError::IdempotencyMismatch => (
                Code::IdempotencyMismatch,
                "The idempotency key was already used for a different request. Use a new key.",
            ),
            StoreError::MessageGone => {
                (Code::MessageGone, "The object created with this idempotency key has been deleted. Use a new key.")
            }
            StoreError::Busy => {
                let detail = "The database is busy. No changes were made. Send the same request again.";
                return Self::new(Code::StoreBusy, detail).caused_by(error);
            }
            StoreError::Unwritable(_) | StoreError::DiskFull => {
                let detail = "The database is unavailable. No changes were made. Send the same request again later.";
                return Self::new(Code::StoreUnavailable, detail).caused_by(error);
            }
            StoreError::Unavailable(_) => {
                let detail =
                    "The database server is unavailable. Send the same request again with the same idempotency key.";
                return Self::new(Code::StoreUnavailable, detail).caused_by(error);
            }
            StoreError::LeaseLost | StoreError::Database(_) | StoreError::Corrupt(_) => {
                return Self::internal(error);
            }
        };
        Self::new(code, detail)
    }
}
