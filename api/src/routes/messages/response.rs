//! The responses to a request that sends a message.

use banter_shared::chat::{Message, Task};
use serde::Serialize;
use utoipa::ToSchema;

/// An accepted message and its task, which will have exactly one outcome.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Accepted)]
pub struct AcceptedMessage {
    /// The message.
    pub message: Message,
    /// The task.
    pub task: Task,
}

/// A message, its task, and the answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Exchange {
    /// The message.
    pub message: Message,
    /// The task, which has ended.
    pub task: Task,
    /// The answer; null if the task ended without an answer.
    #[schema(required)]
    pub reply: Option<Message>,
}

/// The response to a request that sends a message.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum CreateMessageResponse {
    /// Sent with status 202.
    Accepted(Box<AcceptedMessage>),
    /// Sent with status 200.
    Exchange(Box<Exchange>),
}
