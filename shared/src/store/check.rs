//! The database's invariants, checked in one read transaction. A PostgreSQL server enforces foreign keys itself, and
//! has its own tools for damaged files.

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, postgres, sqlite};

/// A violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The violated rule.
    pub rule: &'static str,
    /// The affected object, usually as an ID, or a description of the damage.
    pub place: String,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// The number of sessions.
    pub sessions: i64,
    /// The number of messages.
    pub messages: i64,
    /// The number of tasks without an outcome.
    pub open_tasks: i64,
    /// The number of events in all logs.
    pub events: i64,
    /// The violations; empty if the database is healthy.
    pub findings: Vec<Finding>,
}

/// The maximum number of violations to report for each of [`RULES`].
const PLACES: i64 = 20;

/// The rules, each with a query that selects its violations.
const RULES: [(&str, &str); 28] = [
    (
        "a message has an entry in the search index",
        "SELECT m.id FROM chat_message m JOIN chat_session s ON s.id = m.chat_session_id WHERE NOT EXISTS \
         (SELECT 1 FROM search_entry e WHERE e.message_id = m.id AND e.chat_session_id = s.id \
          AND e.workspace_id = s.workspace_id AND e.user_id = s.creator_id)",
    ),
    (
        "an entry in the search index belongs to a message or to the title of a session",
        "SELECT e.chat_session_id FROM search_entry e LEFT JOIN chat_message m ON m.id = e.message_id \
         WHERE NOT EXISTS (SELECT 1 FROM chat_session s WHERE s.id = e.chat_session_id \
          AND (m.chat_session_id = s.id OR e.message_id IS NULL AND s.title != ''))",
    ),
    (
        "an attachment uses a stored file with its content",
        "SELECT a.id FROM attachment a WHERE NOT EXISTS \
         (SELECT 1 FROM stored_file f WHERE f.id = a.file_id AND f.workspace_id = a.workspace_id \
          AND f.status = 'stored' AND f.sha256 = a.sha256 AND f.size = a.size)",
    ),
    (
        "a message lists its attachments",
        "SELECT a.id FROM attachment a WHERE a.message_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM chat_message m WHERE m.id = a.message_id AND m.attachments LIKE '%' || a.id || '%') \
         OR a.inactive_message_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM inactive_message m WHERE m.id = a.inactive_message_id AND m.attachments LIKE '%' || a.id || '%')",
    ),
    (
        "a file that an agent has returned belongs to a message once its task has ended",
        "SELECT a.id FROM attachment a JOIN agent_task t ON t.id = a.task_id \
         WHERE a.message_id IS NOT NULL OR t.status NOT IN ('queued', 'running')",
    ),
    (
        "a user message has exactly one task",
        "SELECT m.id FROM chat_message m WHERE m.role = 'user' AND NOT EXISTS \
         (SELECT 1 FROM agent_task t WHERE t.id = m.task_id AND t.user_message_id = m.id \
          AND t.chat_session_id = m.chat_session_id AND t.turn = m.turn)",
    ),
    (
        "a task belongs to a user message",
        "SELECT t.id FROM agent_task t WHERE NOT EXISTS \
         (SELECT 1 FROM chat_message m WHERE m.id = t.user_message_id AND m.task_id = t.id AND m.role = 'user') \
         AND NOT EXISTS (SELECT 1 FROM inactive_message m \
             WHERE m.id = t.user_message_id AND m.task_id = t.id AND m.role = 'user' AND m.turn = t.turn)",
    ),
    (
        "an answer belongs to its turn's task, has the ID that the task reserved for it, and exists only if the task has ended",
        "SELECT m.id FROM chat_message m WHERE m.role = 'assistant' AND NOT EXISTS \
         (SELECT 1 FROM agent_task t WHERE t.id = m.task_id AND t.answer_message_id = m.id AND t.turn = m.turn \
          AND t.status NOT IN ('queued', 'running'))",
    ),
    (
        "a succeeded task has an answer",
        "SELECT t.id FROM agent_task t WHERE t.status = 'succeeded' AND NOT EXISTS \
         (SELECT 1 FROM chat_message m WHERE m.task_id = t.id AND m.role = 'assistant') AND NOT EXISTS \
         (SELECT 1 FROM inactive_message m WHERE m.id = t.answer_message_id AND m.role = 'assistant')",
    ),
    (
        "an inactive message belongs to a task that has ended, and is not part of the transcript",
        "SELECT m.id FROM inactive_message m WHERE EXISTS (SELECT 1 FROM chat_message c WHERE c.task_id = m.task_id) \
         OR NOT EXISTS (SELECT 1 FROM agent_task t WHERE t.id = m.task_id AND t.turn = m.turn \
          AND t.chat_session_id = m.chat_session_id AND t.status NOT IN ('queued', 'running') \
          AND m.id = CASE m.role WHEN 'user' THEN t.user_message_id ELSE t.answer_message_id END)",
    ),
    (
        "each turn of a transcript follows the one before it, and the last one is the end of a branch",
        "SELECT t.id FROM agent_task t JOIN chat_message m ON m.id = t.user_message_id \
         WHERE t.parent_turn IS DISTINCT FROM (SELECT MAX(p.turn) FROM chat_message p \
             WHERE p.chat_session_id = m.chat_session_id AND p.turn < m.turn) \
         OR EXISTS (SELECT 1 FROM agent_task c WHERE c.chat_session_id = t.chat_session_id AND c.parent_turn = t.turn) \
         AND NOT EXISTS (SELECT 1 FROM chat_message n WHERE n.chat_session_id = t.chat_session_id AND n.turn > t.turn)",
    ),
    (
        "the turn before a turn exists, and all versions of a turn follow the same one",
        "SELECT t.id FROM agent_task t WHERE t.parent_turn IS NOT NULL AND NOT EXISTS (SELECT 1 FROM agent_task p \
         WHERE p.chat_session_id = t.chat_session_id AND p.turn = t.parent_turn AND p.turn < t.turn) \
         OR t.revision_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM agent_task f \
         WHERE f.chat_session_id = t.chat_session_id AND f.turn = t.revision_of AND f.turn < t.turn \
          AND f.revision_of IS NULL AND f.parent_turn IS NOT DISTINCT FROM t.parent_turn)",
    ),
    (
        "a session with queued tasks has a running task, or a job for the first queued one",
        "SELECT t.id FROM agent_task t WHERE t.status = 'queued' \
         AND t.turn = (SELECT MIN(f.turn) FROM agent_task f \
             WHERE f.chat_session_id = t.chat_session_id AND f.status = 'queued') \
         AND NOT EXISTS (SELECT 1 FROM agent_task r \
             WHERE r.chat_session_id = t.chat_session_id AND r.status = 'running') \
         AND NOT EXISTS (SELECT 1 FROM Jobs j WHERE j.id = t.job_id AND j.status = 'Pending')",
    ),
    (
        "a running task has a running job, locked by its worker",
        "SELECT t.id FROM agent_task t WHERE t.status = 'running' AND NOT EXISTS \
         (SELECT 1 FROM Jobs j WHERE j.id = t.job_id AND j.status = 'Running' AND j.lock_by = t.worker_id)",
    ),
    (
        "a pending or running job belongs to a task",
        "SELECT j.id FROM Jobs j WHERE j.job_type = 'agent-task' AND j.status IN ('Pending', 'Running') AND NOT EXISTS \
         (SELECT 1 FROM agent_task t WHERE t.job_id = j.id AND t.status IN ('queued', 'running'))",
    ),
    (
        "a job that is not running has no lock",
        "SELECT j.id FROM Jobs j WHERE j.status NOT IN ('Running') AND j.lock_by IS NOT NULL",
    ),
    (
        "an archived session has no queued tasks",
        "SELECT t.id FROM agent_task t JOIN chat_session s ON s.id = t.chat_session_id \
         WHERE s.status = 'archived' AND t.status = 'queued' AND t.attempt = 0",
    ),
    (
        "stored chunks belong to a task without an outcome",
        "SELECT DISTINCT c.task_id FROM answer_chunk c JOIN agent_task t ON t.id = c.task_id \
         WHERE t.status NOT IN ('queued', 'running')",
    ),
    (
        "stored chunks are contiguous",
        "SELECT c.task_id FROM answer_chunk c WHERE c.start_offset > 0 AND NOT EXISTS \
         (SELECT 1 FROM answer_chunk b WHERE b.task_id = c.task_id AND b.attempt = c.attempt \
          AND b.end_offset = c.start_offset)",
    ),
    (
        "a step belongs to its task's latest attempt, and its revision is not higher than the last one assigned",
        "SELECT DISTINCT s.task_id FROM task_step s JOIN agent_task t ON t.id = s.task_id \
         WHERE s.attempt != t.attempt OR s.revision > (SELECT COALESCE(MAX(last), 0) FROM step_revision)",
    ),
    (
        "a task that is not running has no open steps",
        "SELECT DISTINCT s.task_id FROM task_step s JOIN agent_task t ON t.id = s.task_id \
         WHERE s.status IN ('pending', 'running') AND t.status != 'running'",
    ),
    (
        "a task is not retried automatically after a tool call",
        "SELECT DISTINCT s.task_id FROM task_step s JOIN agent_task t ON t.id = s.task_id \
         WHERE t.status = 'queued' AND (s.kind = 'tool' AND s.status != 'rejected' \
             OR s.kind = 'permission' AND s.status = 'succeeded')",
    ),
    (
        "a permission request is referenced by its step, and is decided if and only if the step is closed",
        "SELECT s.task_id FROM task_step s WHERE s.kind = 'permission' \
         AND (s.detail ->> 'request_id' IS DISTINCT FROM s.permission_id \
             OR (s.status = 'pending') != (s.detail ->> 'decision' IS NULL))",
    ),
    (
        "an agent session refers to an existing turn",
        "SELECT r.chat_session_id FROM agent_resume r JOIN chat_session s ON s.id = r.chat_session_id \
         WHERE r.turn NOT BETWEEN 1 AND s.last_turn",
    ),
    (
        "a session's counters cover all its messages and turns",
        "SELECT s.id FROM chat_session s WHERE EXISTS (SELECT 1 FROM chat_message m \
         WHERE m.chat_session_id = s.id AND (m.seq > s.last_seq OR m.turn > s.last_turn))",
    ),
    (
        "a session's unread counter equals the number of answers after its read position",
        "SELECT s.id FROM chat_session s WHERE s.unread_count != (SELECT COUNT(*) FROM chat_message m \
         WHERE m.chat_session_id = s.id AND m.role = 'assistant' AND m.seq > s.last_read_seq)",
    ),
    (
        "a user's event log is contiguous",
        "SELECT u.workspace_id || '/' || u.user_id FROM user_log u LEFT JOIN \
         (SELECT user_log_id, COUNT(*) AS n, MIN(seq) AS first, MAX(seq) AS last FROM event_log GROUP BY user_log_id) e \
         ON e.user_log_id = u.id \
         WHERE COALESCE(e.n, 0) != u.last_seq - u.floor_seq \
         OR (e.n > 0 AND (e.first != u.floor_seq + 1 OR e.last != u.last_seq))",
    ),
    (
        "an event belongs to a user's log",
        "SELECT DISTINCT e.user_log_id FROM event_log e WHERE NOT EXISTS \
         (SELECT 1 FROM user_log u WHERE u.id = e.user_log_id)",
    ),
];

impl Store {
    /// Checks all invariants in one snapshot of the database. Safe to call at any time.
    ///
    /// # Errors
    /// Returns an error if the database cannot be read.
    pub async fn check(&self) -> Result<CheckReport, StoreError> {
        self.read(async |tx| {
            let mut findings = Vec::new();
            if self.location().file().is_some() {
                let damage = sqlite::list_damage(tx).await?.into_iter();
                findings.extend(damage.map(|place| Finding { rule: "the database file is intact", place }));
                let missing = sqlite::list_missing_references(tx).await?.into_iter();
                findings.extend(missing.map(|place| Finding { rule: "foreign keys are valid", place }));
            } else {
                tx.exec(postgres::NO_STATEMENT_TIMEOUT).await?;
            }
            for (rule, query) in RULES {
                let query = AssertSqlSafe(format!("SELECT CAST(place AS TEXT) FROM ({}) AS violation LIMIT {PLACES}", named(query)));
                let places: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut *tx).await?;
                findings.extend(places.into_iter().map(|place| Finding { rule, place }));
            }
            let (sessions, messages, open_tasks, events) = sqlx::query_as(
                "SELECT (SELECT COUNT(*) FROM chat_session), (SELECT COUNT(*) FROM chat_message), \
                 (SELECT COUNT(*) FROM agent_task WHERE status IN ('queued', 'running')), (SELECT COUNT(*) FROM event_log)",
            )
            .fetch_one(&mut *tx)
            .await?;
            Ok(CheckReport { sessions, messages, open_tasks, events, findings })
        })
        .await
    }
}

/// Wraps a rule's query so that its only column is named `place`.
fn named(query: &str) -> String {
    format!("WITH broken (place) AS ({query}) SELECT place FROM broken")
}
