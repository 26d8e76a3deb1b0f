//! The statements that read the tail of a PostgreSQL database.

use super::{
    super::{
        chunks::select_chunk_rows, drafts::select_draft_rows, step_rows::select_step_rows, stored_event::log_columns,
    },
    Statements,
};

/// The beginning of a statement that selects the first rows of each stripe after a number; must be followed by the
/// query for stripe `p.stripe`.
macro_rules! in_each_stripe {
    () => {
        "SELECT q.* FROM (SELECT v.stripe, v.number FROM (VALUES (0, CAST($1 AS BIGINT)), (1, $2), (2, $3), (3, $4)) \
         AS v (stripe, number) WHERE (CAST($6 AS BIGINT) >> v.stripe) & 1 = 1) AS p CROSS JOIN LATERAL ("
    };
}

pub(super) const STATEMENTS: Statements = Statements {
    position: "SELECT (SELECT COALESCE(MAX(e.id), 0) FROM event_log e WHERE e.stripe = p.stripe) AS event_id, \
         (SELECT COALESCE(MAX(c.id), 0) FROM answer_chunk c WHERE c.stripe = p.stripe) AS chunk_id, \
         (SELECT r.last FROM step_revision r WHERE r.stripe = p.stripe) AS step_revision, \
         (SELECT d.last FROM draft_revision d WHERE d.stripe = p.stripe) AS draft_revision \
         FROM (VALUES (0), (1), (2), (3)) AS p (stripe) ORDER BY p.stripe",
    events: concat!(
        in_each_stripe!(),
        "SELECT ",
        log_columns!(),
        " FROM event_log e WHERE e.stripe = p.stripe AND e.id > p.number ORDER BY e.id LIMIT $5 + 0) AS q \
         ORDER BY q.id LIMIT $5 + 0"
    ),
    chunks: concat!(
        in_each_stripe!(),
        select_chunk_rows!(),
        "WHERE c.stripe = p.stripe AND c.id > p.number ORDER BY c.id LIMIT $5 + 0) AS q ORDER BY q.id LIMIT $5 + 0"
    ),
    steps: concat!(
        in_each_stripe!(),
        select_step_rows!(),
        "AND s.stripe = p.stripe AND s.revision > p.number ORDER BY s.revision LIMIT $5 + 0) AS q \
         ORDER BY q.stripe, q.revision LIMIT $5 + 0"
    ),
    drafts: concat!(
        in_each_stripe!(),
        select_draft_rows!(),
        "AND d.stripe = p.stripe AND d.revision > p.number ORDER BY d.revision LIMIT $5 + 0) AS q \
         ORDER BY q.stripe, q.revision LIMIT $5 + 0"
    ),
};
