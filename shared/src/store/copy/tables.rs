//! The tables that are copied.

/// A table.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns of a unique index that both databases have. Rows are copied in its order.
    pub(super) key: &'static [&'static str],
    /// The columns to copy.
    pub(super) columns: &'static str,
    /// Which rows to copy; empty for all.
    pub(super) filter: &'static str,
    /// Whether the target's rows are replaced, because a new database contains some or processes add them.
    pub(super) is_replaced: bool,
    /// A column that triggers keep: it is 0 in new rows, and may differ afterward if it was wrong in the source.
    pub(super) derived: Option<&'static str>,
}

const fn table(name: &'static str, key: &'static [&'static str]) -> Table {
    Table { name, key, columns: "*", filter: "", is_replaced: false, derived: None }
}

const fn replaced(name: &'static str, key: &'static [&'static str]) -> Table {
    Table { is_replaced: true, ..table(name, key) }
}

/// The tables that belong to a database instead of to its content: the target keeps its own rows.
#[cfg(test)]
pub(super) const NOT_COPIED: [&str; 9] = [
    "installation",
    "readiness_check",
    "stream_ticket",
    // The target's processes add the tokens of all texts to their own index.
    "search_bucket",
    "search_index",
    "search_index_config",
    "search_index_data",
    "search_index_idx",
    "search_index_removal",
];

/// All tables to copy. Each one follows the tables to which its foreign keys refer.
pub(super) const TABLES: [Table; 29] = [
    // Before the messages and the sessions, for which triggers would add entries in another order.
    Table { columns: "id, workspace_id, user_id, chat_session_id, message_id", ..table("search_entry", &["id"]) },
    Table { derived: Some("unread_count"), ..table("chat_session", &["id"]) },
    table("chat_message", &["id"]),
    table("inactive_message", &["id"]),
    table("import_source", &["workspace_id", "user_id", "source"]),
    table("chat_draft", &["chat_session_id"]),
    table("work_folder", &["chat_session_id"]),
    table("session_git", &["chat_session_id"]),
    table("agent_resume", &["chat_session_id", "agent_key"]),
    table("deleted_session", &["number"]),
    table("turn_changes", &["chat_session_id", "turn"]),
    table("agent_task", &["id"]),
    table("stored_file", &["id"]),
    table("attachment", &["id"]),
    table("released_file", &["number"]),
    table("answer_chunk", &["task_id", "attempt", "start_offset"]),
    table("task_step", &["task_id", "attempt", "seq"]),
    table("past_permission", &["permission_id"]),
    table("turn_time", &["stripe", "status", "part", "upper_us"]),
    table("user_log", &["id"]),
    table("event_log", &["user_log_id", "seq"]),
    table("api_key", &["id"]),
    table("login", &["id"]),
    table("idempotency_key", &["workspace_id", "user_id", "operation", "key"]),
    replaced("worker_heartbeat", &["worker_id"]),
    replaced("agent_health", &["agent_key", "worker_id"]),
    replaced("folder_report", &["folder_key", "worker_id"]),
    Table { columns: "id, worker_type, storage_name, layers, last_seen, started_at", ..replaced("Workers", &["id"]) },
    Table {
        columns: "id, job, job_type, status, attempts, max_attempts, run_at, lock_at, lock_by, priority",
        // No one reads the others before they are pruned.
        filter: "status IN ('Pending', 'Running')",
        ..replaced("Jobs", &["id"])
    },
];
