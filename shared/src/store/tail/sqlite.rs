//! The statements that read the tail of a SQLite database.

use super::{
    super::{
        chunks::select_chunk_rows, drafts::select_draft_rows, step_rows::select_step_rows, stored_event::log_columns,
    },
    Statements,
};

pub(super) const STATEMENTS: Statements = Statements {
    position: "SELECT (SELECT COALESCE(MAX(id), 0) FROM event_log) AS event_id, \
         (SELECT COALESCE(MAX(id), 0) FROM answer_chunk) AS chunk_id, \
         (SELECT last FROM step_revision) AS step_revision, (SELECT last FROM draft_revision) AS draft_revision",
    events: concat!("SELECT ", log_columns!(), " FROM event_log e WHERE e.id > $1 ORDER BY e.id LIMIT $5 + 0"),
    chunks: concat!(select_chunk_rows!(), "WHERE c.id > $1 ORDER BY c.id LIMIT $5 + 0"),
    steps: concat!(select_step_rows!(), "AND s.revision > $1 ORDER BY s.revision LIMIT $5 + 0"),
    drafts: concat!(select_draft_rows!(), "AND d.revision > $1 ORDER BY d.revision LIMIT $5 + 0"),
};
