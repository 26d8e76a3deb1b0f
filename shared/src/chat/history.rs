//! The input of a turn: the messages of the conversation, and the agent session to resume.

use super::Role;

/// A message of the conversation, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct HistoryMessage {
    /// The number of the turn.
    pub turn: i64,
    /// The author.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// A session that the agent itself maintains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSession {
    /// The ID that the agent assigned to the session.
    pub id: String,
    /// The name that the agent's program reported. The same agent key may previously have referred to another program.
    pub provider: String,
}

/// An agent session, and the part of the conversation that it contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The session.
    pub session: AgentSession,
    /// The last turn that the session contains, including the answer. Messages of later turns are not part of the
    /// session.
    pub turn: i64,
}
