-- The schema of 0.1.0.
--
-- Ids are UUIDs as text. Times are RFC 3339 in UTC with milliseconds, as text: readable, and sortable as text
-- (docs/adr/0003). The queue's tables come from apalis-sqlite and exist before this file runs.

-- ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE chat_session (
    id               TEXT PRIMARY KEY,
    workspace_id     TEXT NOT NULL,
    agent_key        TEXT NOT NULL,
    creator_id       TEXT NOT NULL,
    title            TEXT NOT NULL DEFAULT '',
    -- The title in lower case, for search: LIKE folds ASCII only.
    title_folded     TEXT NOT NULL DEFAULT '',
    -- 1 once a user has set the title: a generated one never replaces it.
    title_is_manual  INTEGER NOT NULL DEFAULT 0
                     CONSTRAINT chat_session_title_is_manual CHECK (title_is_manual IN (0, 1)),
    status           TEXT NOT NULL DEFAULT 'active'
                     CONSTRAINT chat_session_status CHECK (status IN ('active', 'archived')),
    created_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    pinned_at        TEXT,
    last_activity_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    -- The number of the last turn and the sequence number of the last message. Neither ever decreases.
    last_turn        INTEGER NOT NULL DEFAULT 0,
    last_seq         INTEGER NOT NULL DEFAULT 0,
    last_read_seq    INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT chat_session_read CHECK (last_read_seq BETWEEN 0 AND last_seq)
) STRICT;

-- A user's list: pinned sessions first, then by latest activity.
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
    -- The position in the transcript, and the order of arrival.
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

-- A task has at most one message of each role, whichever process writes it.
CREATE UNIQUE INDEX chat_message_task ON chat_message (task_id, role);
CREATE UNIQUE INDEX chat_message_turn ON chat_message (chat_session_id, turn, role DESC);
CREATE UNIQUE INDEX chat_message_seq ON chat_message (chat_session_id, seq);
-- Unread answers are counted from this index alone.
CREATE INDEX chat_message_answers ON chat_message (chat_session_id, seq) WHERE role = 'assistant';

-- The session of an agent that keeps its own, stored with the outcome of a turn so that the next turn can resume it.
-- Deleted whenever that session may differ from the transcript.
CREATE TABLE agent_resume (
    chat_session_id TEXT NOT NULL
                    CONSTRAINT agent_resume_session REFERENCES chat_session (id) ON DELETE CASCADE,
    agent_key       TEXT NOT NULL,
    -- The agent's own id of the session.
    resume_id       TEXT NOT NULL,
    -- The last turn in it.
    turn            INTEGER NOT NULL,
    -- The program that opened it. Another program configured under the same key never receives the id.
    provider        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (chat_session_id, agent_key)
) STRICT, WITHOUT ROWID;

-- Permanently deleted sessions. Each worker removes its work folders of these, and of no others.
CREATE TABLE deleted_session (
    -- The order of the deletions, which workers follow.
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    deleted_at TEXT NOT NULL
) STRICT;

-- ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE agent_task (
    id                TEXT PRIMARY KEY,
    chat_session_id   TEXT NOT NULL
                      CONSTRAINT agent_task_session REFERENCES chat_session (id) ON DELETE CASCADE,
    turn              INTEGER NOT NULL,
    user_message_id   TEXT NOT NULL,
    -- Chosen when the task is created; all attempts share it.
    answer_message_id TEXT NOT NULL,
    status            TEXT NOT NULL DEFAULT 'queued'
                      CONSTRAINT agent_task_status CHECK (status IN
                          ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    -- Increases with every start and never decreases: it fences off writes of earlier attempts.
    attempt           INTEGER NOT NULL DEFAULT 0,
    failures          INTEGER NOT NULL DEFAULT 0,
    max_attempts      INTEGER NOT NULL
                      CONSTRAINT agent_task_max_attempts CHECK (max_attempts > 0),
    next_attempt_at   TEXT,
    error_code        TEXT,
    error_message     TEXT,
    input_tokens      INTEGER,
    output_tokens     INTEGER,
    -- A request to stop, kept until the task has ended.
    stop_reason       TEXT
                      CONSTRAINT agent_task_stop_reason CHECK (stop_reason IN ('cancel', 'interrupt')),
    stop_requested_at TEXT,
    -- The queue's job that delivers the task.
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
-- At most one running task and one live job per session: the queue relies on it, the schema enforces it.
CREATE UNIQUE INDEX agent_task_one_running ON agent_task (chat_session_id) WHERE status = 'running';
CREATE UNIQUE INDEX agent_task_one_job ON agent_task (chat_session_id) WHERE job_id IS NOT NULL;
CREATE UNIQUE INDEX agent_task_job ON agent_task (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX agent_task_queued ON agent_task (chat_session_id, turn) WHERE status = 'queued';
CREATE INDEX agent_task_by_worker ON agent_task (worker_id) WHERE status = 'running';
CREATE INDEX agent_task_stopping ON agent_task (stop_requested_at) WHERE status = 'running' AND stop_reason IS NOT NULL;

-- The partial text of a running answer, in pieces; deleted with the outcome. Readers follow `id`.
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

-- What an agent did besides its text, in the latest attempt. A claim deletes the steps of earlier attempts.
CREATE TABLE task_step (
    task_id       TEXT NOT NULL
                  CONSTRAINT task_step_task REFERENCES agent_task (id) ON DELETE CASCADE,
    attempt       INTEGER NOT NULL,
    -- The number of the step in the attempt, from 1.
    seq           INTEGER NOT NULL,
    -- The order of all changes to steps in this database, which streams follow.
    revision      INTEGER NOT NULL,
    kind          TEXT NOT NULL
                  CONSTRAINT task_step_kind CHECK (kind IN ('thought', 'tool', 'plan', 'permission', 'notice')),
    tool_call_id  TEXT,
    title         TEXT NOT NULL,
    status        TEXT NOT NULL
                  CONSTRAINT task_step_status CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'rejected')),
    detail        TEXT NOT NULL DEFAULT '{}'
                  CONSTRAINT task_step_detail CHECK (json_valid(detail)),
    -- The id that a decision refers to.
    permission_id TEXT,
    CONSTRAINT task_step_permission CHECK ((kind = 'permission') = (permission_id IS NOT NULL)),
    PRIMARY KEY (task_id, attempt, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX task_step_revision ON task_step (revision);
CREATE UNIQUE INDEX task_step_permission_id ON task_step (permission_id) WHERE permission_id IS NOT NULL;

-- The last revision assigned. Steps are deleted, so the highest one in the table would be assigned again.
CREATE TABLE step_revision (
    singleton INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT step_revision_singleton CHECK (singleton = 1),
    last      INTEGER NOT NULL
) STRICT;

INSERT INTO step_revision (last) VALUES (0);

-- Permission requests of deleted steps: a decision on one is rejected as expired, not as unknown.
CREATE TABLE past_permission (
    permission_id TEXT PRIMARY KEY,
    task_id       TEXT NOT NULL
                  CONSTRAINT past_permission_task REFERENCES agent_task (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX past_permission_task_id ON past_permission (task_id);

-- ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────

-- The event log outlives the sessions that its events refer to, so it has no foreign keys.

-- One row per user, never deleted: the numbering of the user's events.
CREATE TABLE user_log (
    id           INTEGER PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    -- Identifies this log in this database: a cursor from another one never matches.
    epoch        TEXT NOT NULL,
    last_seq     INTEGER NOT NULL DEFAULT 0,
    -- Events up to this one have been pruned.
    floor_seq    INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT user_log_user UNIQUE (workspace_id, user_id),
    CONSTRAINT user_log_floor CHECK (floor_seq BETWEEN 0 AND last_seq)
) STRICT;

CREATE TABLE event_log (
    -- The order of all users' events in this database, which processes follow.
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_log_id     INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    message_id      TEXT,
    message_role    TEXT,
    task_id         TEXT,
    at              TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX event_log_seq ON event_log (user_log_id, seq);
CREATE INDEX event_log_at ON event_log (at);

-- ── Access ───────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE api_key (
    id           TEXT PRIMARY KEY,
    -- SHA-256 of the secret, in hex. The secret has 256 random bits, so a slow hash would add nothing.
    secret_hash  TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    role         TEXT NOT NULL
                 CONSTRAINT api_key_role CHECK (role IN ('admin', 'member', 'viewer')),
    created_at   TEXT NOT NULL,
    expires_at   TEXT,
    last_used_at TEXT,
    -- Keys are revoked, never deleted: the first key ends keyless mode for good.
    revoked_at   TEXT,
    CONSTRAINT api_key_secret UNIQUE (secret_hash)
) STRICT;

-- A browser that is signed in.
CREATE TABLE login (
    id         TEXT PRIMARY KEY,
    -- SHA-256 of the cookie's value, in hex.
    token_hash TEXT NOT NULL,
    key_id     TEXT NOT NULL
               CONSTRAINT login_key REFERENCES api_key (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    CONSTRAINT login_token UNIQUE (token_hash)
) STRICT;

CREATE INDEX login_expires ON login (expires_at);

-- A short-lived ticket that opens an event stream.
CREATE TABLE stream_ticket (
    -- SHA-256 of the ticket, in hex.
    token_hash TEXT PRIMARY KEY,
    -- The key that it was created with; NULL in keyless mode.
    key_id     TEXT
               CONSTRAINT stream_ticket_key REFERENCES api_key (id),
    -- The login that it was created in and ends with.
    login_id   TEXT
               CONSTRAINT stream_ticket_login REFERENCES login (id) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX stream_ticket_expires ON stream_ticket (expires_at);
CREATE INDEX stream_ticket_by_login ON stream_ticket (login_id) WHERE login_id IS NOT NULL;

CREATE TABLE idempotency_key (
    workspace_id    TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    -- Method and path.
    operation       TEXT NOT NULL,
    key             TEXT NOT NULL,
    -- SHA-256 of the request, in hex.
    request_hash    TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    message_id      TEXT,
    created_at      TEXT NOT NULL,
    PRIMARY KEY (workspace_id, user_id, operation, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_key_created ON idempotency_key (created_at);

-- ── Processes ────────────────────────────────────────────────────────────────────────────────────────────────────

-- What all processes of an installation share.
CREATE TABLE installation (
    singleton INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT installation_singleton CHECK (singleton = 1),
    -- Part of every channel's name: several installations can share a Redis server.
    id        TEXT NOT NULL,
    -- Signs the messages between processes, so that access to Redis is not enough to forge them.
    relay_key BLOB NOT NULL
) STRICT;

INSERT INTO installation (id, relay_key) VALUES (lower(hex(randomblob(8))), randomblob(32));

-- A counter that increases while the worker runs. Others watch it by their own monotonic clocks; no times are compared.
CREATE TABLE worker_heartbeat (
    worker_id  TEXT PRIMARY KEY,
    beat       INTEGER NOT NULL DEFAULT 0,
    started_at TEXT NOT NULL
) STRICT;

-- Which agents each worker found available.
CREATE TABLE agent_health (
    agent_key  TEXT NOT NULL,
    worker_id  TEXT NOT NULL
               CONSTRAINT agent_health_worker REFERENCES worker_heartbeat (worker_id) ON DELETE CASCADE,
    available  INTEGER NOT NULL,
    reason     TEXT,
    checked_at TEXT NOT NULL,
    PRIMARY KEY (agent_key, worker_id)
) STRICT, WITHOUT ROWID;

-- The row that the readiness check overwrites: only a write shows that the disk accepts one.
CREATE TABLE readiness_check (
    singleton  INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT readiness_check_singleton CHECK (singleton = 1),
    checked_at TEXT NOT NULL
) STRICT;

-- ── Queue ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- The indexes of our claim (docs/adr/0002).
CREATE INDEX agent_jobs_ready ON Jobs (job_type, priority DESC, id) WHERE status = 'Pending';
CREATE INDEX agent_jobs_ended ON Jobs (job_type, done_at) WHERE done_at IS NOT NULL;

-- The indexes of the stock storage, which is not used: each would cost a write per job.
DROP INDEX IF EXISTS idx_jobs_job_type_status_run_at;
DROP INDEX IF EXISTS idx_jobs_status_run_at;
DROP INDEX IF EXISTS idx_jobs_completed_done_at;
DROP INDEX IF EXISTS idx_jobs_pending;
DROP INDEX IF EXISTS idx_jobs_running;
DROP INDEX IF EXISTS idx_jobs_failed;
DROP INDEX IF EXISTS idx_jobs_claimable;
