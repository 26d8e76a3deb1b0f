//! What an agent is given of a conversation: its messages, and the agent's own session to resume.

use super::Role;

/// A message of the conversation, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct HistoryMessage {
    /// The turn that it belongs to.
    pub turn: i64,
    /// Who wrote it.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// A session that an agent keeps itself.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AgentSession {
    /// The agent's id of the session.
    pub id: String,
    /// The name that the program gives itself. Another program may have taken its place behind the same agent key.
    pub provider: String,
}

/// An agent's own session, and how much of the conversation it knows.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ResumePoint {
    /// The session.
    #[sqlx(flatten)]
    pub session: AgentSession,
    /// The last turn that it has seen, question and answer. Messages of later turns are new to it.
    pub turn: i64,
}
