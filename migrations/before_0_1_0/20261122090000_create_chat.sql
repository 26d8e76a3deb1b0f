-- The conversation: sessions, their messages, and a task for each turn.
-- Times are RFC 3339 in UTC with milliseconds, as text: readable, and in order when compared as text
-- (docs/adr/0003). Ids are UUIDs as text.

CREATE TABLE chat_session (
    id               TEXT PRIMARY KEY,
    workspace_id     TEXT NOT NULL,
    agent_key        TEXT NOT NULL,
    creator_id       TEXT NOT NULL,
    title            TEXT NOT NULL DEFAULT '',
    status           TEXT NOT NULL DEFAULT 'active'
                     CONSTRAINT chat_session_status CHECK (status IN ('active', 'archived')),
    created_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    -- 1 once a person gave the title: an automatic one never replaces it.
    title_is_manual  INTEGER NOT NULL DEFAULT 0
                     CONSTRAINT chat_session_title_is_manual CHECK (title_is_manual IN (0, 1)),
    pinned_at        TEXT,
    last_activity_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    -- The number of the last turn and the arrival number of the last message; neither ever falls.
    last_turn        INTEGER NOT NULL DEFAULT 0,
    last_seq         INTEGER NOT NULL DEFAULT 0,
    last_read_seq    INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT chat_session_read CHECK (last_read_seq BETWEEN 0 AND last_seq)
) STRICT;

-- A user's list: pinned first, then the latest activity.
CREATE INDEX chat_session_list
    ON chat_session (workspace_id, creator_id, status, (pinned_at IS NULL), last_activity_at DESC, id DESC);

CREATE TABLE chat_message (
    id              TEXT PRIMARY KEY,
    chat_session_id TEXT NOT NULL
                    CONSTRAINT chat_message_session REFERENCES chat_session (id) ON DELETE CASCADE,
    role            TEXT NOT NULL
                    CONSTRAINT chat_message_role CHECK (role IN ('user', 'assistant')),
    content         TEXT NOT NULL,
    task_id         TEXT NOT NULL,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    -- The place in the transcript, and the number of arrival.
    turn            INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    finish_reason   TEXT
                    CONSTRAINT chat_message_finish_reason CHECK (finish_reason IN
                        ('stop', 'length', 'refusal', 'cancelled', 'interrupted', 'error', 'empty')),
    elapsed_ms      INTEGER,
    input_tokens    INTEGER,
    output_tokens   INTEGER,
    edited_at       TEXT,
    CONSTRAINT chat_message_answer CHECK ((role = 'assistant') = (finish_reason IS NOT NULL))
) STRICT;

-- At most one message of each side a task, whoever writes it.
CREATE UNIQUE INDEX chat_message_task ON chat_message (task_id, role);
CREATE UNIQUE INDEX chat_message_turn ON chat_message (chat_session_id, turn, role DESC);
CREATE UNIQUE INDEX chat_message_seq ON chat_message (chat_session_id, seq);
-- Unread answers are counted from this index alone.
CREATE INDEX chat_message_answers ON chat_message (chat_session_id, seq) WHERE role = 'assistant';

CREATE TABLE agent_task (
    id                TEXT PRIMARY KEY,
    chat_session_id   TEXT NOT NULL
                      CONSTRAINT agent_task_session REFERENCES chat_session (id) ON DELETE CASCADE,
    turn              INTEGER NOT NULL,
    user_message_id   TEXT NOT NULL,
    -- Fixed before the first word, the same over all automatic attempts.
    answer_message_id TEXT NOT NULL,
    status            TEXT NOT NULL DEFAULT 'queued'
                      CONSTRAINT agent_task_status CHECK (status IN
                          ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    -- Rises at every start and never falls: what a late worker writes is fenced off by it.
    attempt           INTEGER NOT NULL DEFAULT 0,
    failures          INTEGER NOT NULL DEFAULT 0,
    max_attempts      INTEGER NOT NULL
                      CONSTRAINT agent_task_max_attempts CHECK (max_attempts > 0),
    next_attempt_at   TEXT,
    error_code        TEXT,
    error_message     TEXT,
    input_tokens      INTEGER,
    output_tokens     INTEGER,
    -- A wish to stop, stored until the task has ended.
    stop_reason       TEXT
                      CONSTRAINT agent_task_stop_reason CHECK (stop_reason IN ('cancel', 'interrupt')),
    stop_requested_at TEXT,
    -- The queue's row that will deliver the task, or is delivering it.
    job_id            TEXT,
    worker_id         TEXT,
    created_at        TEXT NOT NULL,
    started_at        TEXT,
    finished_at       TEXT,
    CONSTRAINT agent_task_error CHECK ((error_code IS NULL) = (error_message IS NULL)),
    CONSTRAINT agent_task_running CHECK ((status = 'running') = (worker_id IS NOT NULL)),
    CONSTRAINT agent_task_finished CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL))
) STRICT;

CREATE UNIQUE INDEX agent_task_turn ON agent_task (chat_session_id, turn);
-- One running task and one live job a session: what the queue relies on, kept by the schema.
CREATE UNIQUE INDEX agent_task_one_running ON agent_task (chat_session_id) WHERE status = 'running';
CREATE UNIQUE INDEX agent_task_one_job ON agent_task (chat_session_id) WHERE job_id IS NOT NULL;
CREATE UNIQUE INDEX agent_task_job ON agent_task (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX agent_task_queued ON agent_task (chat_session_id, turn) WHERE status = 'queued';
CREATE INDEX agent_task_by_worker ON agent_task (worker_id) WHERE status = 'running';
CREATE INDEX agent_task_stopping ON agent_task (stop_requested_at) WHERE status = 'running' AND stop_reason IS NOT NULL;

-- The text so far of a running answer, in pieces; gone with the outcome. Readers follow `id`.
CREATE TABLE answer_chunk (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id      TEXT NOT NULL
                 CONSTRAINT answer_chunk_task REFERENCES agent_task (id) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL,
    -- Where the piece starts and ends, in bytes of UTF-8.
    start_offset INTEGER NOT NULL,
    end_offset   INTEGER NOT NULL,
    content      TEXT NOT NULL,
    CONSTRAINT answer_chunk_span CHECK (end_offset > start_offset)
) STRICT;

CREATE UNIQUE INDEX answer_chunk_place ON answer_chunk (task_id, attempt, start_offset);

-- What an agent did on the way to its answer.
CREATE TABLE task_step (
    task_id      TEXT NOT NULL
                 CONSTRAINT task_step_task REFERENCES agent_task (id) ON DELETE CASCADE,
    seq          INTEGER NOT NULL,
    kind         TEXT NOT NULL
                 CONSTRAINT task_step_kind CHECK (kind IN ('thought', 'tool', 'plan', 'permission', 'notice')),
    tool_call_id TEXT,
    title        TEXT NOT NULL,
    status       TEXT NOT NULL
                 CONSTRAINT task_step_status CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'rejected')),
    detail       TEXT NOT NULL DEFAULT '{}'
                 CONSTRAINT task_step_detail CHECK (json_valid(detail)),
    PRIMARY KEY (task_id, seq)
) STRICT, WITHOUT ROWID;
