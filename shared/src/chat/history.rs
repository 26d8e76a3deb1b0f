//! The input of a turn: the messages of the conversation, and the agent session to resume.

use super::{Attachment, Role};

/// A message of the conversation, verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryMessage {
    /// The turn number.
    pub turn: i64,
    /// The author.
    pub role: Role,
    /// The text.
    pub content: String,
    /// The attachments.
    pub attachments: Vec<Attachment>,
}

/// A session that the agent itself maintains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSession {
    /// The ID that the agent assigned to the session.
    pub id: String,
    /// The name that the agent's program reported. It changes if the agent key is configured for another program.
    pub provider: String,
}

/// An agent session, and how much of the conversation it contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The agent session.
    pub session: AgentSession,
    /// The last turn that the agent session contains, including its answer.
    pub turn: i64,
}
