//! The part of a conversation that an agent receives: its messages, and the agent session to resume.

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

/// A session that an agent keeps itself.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AgentSession {
    /// The id that the agent gave the session.
    pub id: String,
    /// The name that the program reported. The same agent key may have referred to another program before.
    pub provider: String,
}

/// An agent session, and the part of the conversation that it contains.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ResumePoint {
    /// The session.
    #[sqlx(flatten)]
    pub session: AgentSession,
    /// The last turn that it contains, with its answer. Messages of later turns are new to it.
    pub turn: i64,
}
