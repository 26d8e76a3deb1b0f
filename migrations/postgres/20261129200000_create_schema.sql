-- The schema on PostgreSQL, which has the same tables and columns as the SQLite schema.
--
-- IDs are UUIDs as text, and times are RFC 3339 in UTC with milliseconds as text (docs/adr/0003). Text that is compared
-- has the collation "C", so that it has the same order as on SQLite. The queue's tables come from apalis-postgres and
-- exist before this file runs.

-- The current time, as the programs write it.
CREATE FUNCTION utc_now() RETURNS text LANGUAGE sql STABLE AS
$$ SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE chat_session (
    id               text COLLATE "C" PRIMARY KEY,
    workspace_id     text COLLATE "C" NOT NULL,
    agent_key        text COLLATE "C" NOT NULL,
    creator_id       text COLLATE "C" NOT NULL,
    title            text NOT NULL DEFAULT '',
    -- The title in lower case, for search.
    title_folded     text COLLATE "C" NOT NULL DEFAULT '',
    -- 1 once a user has set the title: a generated one never replaces it.
    title_is_manual  bigint NOT NULL DEFAULT 0
                     CONSTRAINT chat_session_title_is_manual CHECK (title_is_manual IN (0, 1)),
    status           text COLLATE "C" NOT NULL DEFAULT 'active'
                     CONSTRAINT chat_session_status CHECK (status IN ('active', 'archived')),
    created_at       text COLLATE "C" NOT NULL DEFAULT utc_now(),
    updated_at       text COLLATE "C" NOT NULL DEFAULT utc_now(),
    pinned_at        text COLLATE "C",
    last_activity_at text COLLATE "C" NOT NULL DEFAULT utc_now(),
    -- The number of the last turn and the sequence number of the last message. Neither ever decreases.
    last_turn        bigint NOT NULL DEFAULT 0,
    last_seq         bigint NOT NULL DEFAULT 0,
    last_read_seq    bigint NOT NULL DEFAULT 0,
    -- The number of answers after the read position. Triggers keep it.
    unread_count     bigint NOT NULL DEFAULT 0
                     CONSTRAINT chat_session_unread_count CHECK (unread_count >= 0),
    CONSTRAINT chat_session_read CHECK (last_read_seq BETWEEN 0 AND last_seq)
);

-- A user's list: pinned sessions first, then by latest activity.
CREATE INDEX chat_session_list ON chat_session
    (workspace_id, creator_id, status, (pinned_at IS NULL), last_activity_at DESC, id DESC);
-- A user's list of unread sessions, in the same order.
CREATE INDEX chat_session_unread ON chat_session
    (workspace_id, creator_id, status, (pinned_at IS NULL), last_activity_at DESC, id DESC) WHERE unread_count > 0;

CREATE TABLE chat_message (
    id              text COLLATE "C" PRIMARY KEY,
    chat_session_id text COLLATE "C" NOT NULL
                    CONSTRAINT chat_message_session REFERENCES chat_session (id) ON DELETE CASCADE,
    role            text COLLATE "C" NOT NULL
                    CONSTRAINT chat_message_role CHECK (role IN ('user', 'assistant')),
    content         text NOT NULL,
    task_id         text COLLATE "C" NOT NULL,
    created_at      text COLLATE "C" NOT NULL DEFAULT utc_now(),
    -- The position in the transcript, and the order of arrival.
    turn            bigint NOT NULL,
    seq             bigint NOT NULL,
    finish_reason   text COLLATE "C"
                    CONSTRAINT chat_message_finish_reason CHECK (finish_reason IN
                        ('stop', 'length', 'refusal', 'cancelled', 'interrupted', 'error', 'empty')),
    elapsed_ms      bigint,
    input_tokens    bigint,
    output_tokens   bigint,
    edited_at       text COLLATE "C",
    CONSTRAINT chat_message_answer CHECK ((role = 'assistant') = (finish_reason IS NOT NULL))
);

-- A task has at most one message of each role, whichever process writes it.
CREATE UNIQUE INDEX chat_message_task ON chat_message (task_id, role);
CREATE UNIQUE INDEX chat_message_turn ON chat_message (chat_session_id, turn, role DESC);
CREATE UNIQUE INDEX chat_message_seq ON chat_message (chat_session_id, seq);

-- Keeps `chat_session.unread_count`.
CREATE FUNCTION add_unread() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chat_session SET unread_count = unread_count + 1
    WHERE id = NEW.chat_session_id AND last_read_seq < NEW.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER chat_message_add_unread AFTER INSERT ON chat_message
FOR EACH ROW WHEN (NEW.role = 'assistant') EXECUTE FUNCTION add_unread();

CREATE FUNCTION remove_unread() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chat_session SET unread_count = unread_count - 1
    WHERE id = OLD.chat_session_id AND last_read_seq < OLD.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER chat_message_remove_unread AFTER DELETE ON chat_message
FOR EACH ROW WHEN (OLD.role = 'assistant') EXECUTE FUNCTION remove_unread();

CREATE FUNCTION count_unread() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.unread_count :=
        (SELECT COUNT(*) FROM chat_message m
         WHERE m.chat_session_id = NEW.id AND m.seq > NEW.last_read_seq AND m.role = 'assistant');
    RETURN NEW;
END $$;
CREATE TRIGGER chat_session_count_unread BEFORE UPDATE OF last_read_seq ON chat_session
FOR EACH ROW WHEN (NEW.last_read_seq != OLD.last_read_seq) EXECUTE FUNCTION count_unread();

-- The session of an agent that keeps its own, stored with the outcome of a turn so that the next turn can resume it.
-- Deleted whenever that session may differ from the transcript.
CREATE TABLE agent_resume (
    chat_session_id text COLLATE "C" NOT NULL
                    CONSTRAINT agent_resume_session REFERENCES chat_session (id) ON DELETE CASCADE,
    agent_key       text COLLATE "C" NOT NULL,
    -- The agent's own ID of the session.
    resume_id       text NOT NULL,
    -- The last turn in it.
    turn            bigint NOT NULL,
    -- The program that opened it. Another program configured under the same key never receives the ID.
    provider        text NOT NULL DEFAULT '',
    PRIMARY KEY (chat_session_id, agent_key)
);

-- A user's devices share the draft of a session.
CREATE TABLE chat_draft (
    chat_session_id text COLLATE "C" PRIMARY KEY
                    CONSTRAINT chat_draft_session REFERENCES chat_session (id) ON DELETE CASCADE,
    -- May be empty: the row stays, so that an older revision remains recognizable.
    text            text NOT NULL,
    -- The order of all changes to drafts in this database, which streams follow.
    revision        bigint NOT NULL
);

CREATE UNIQUE INDEX chat_draft_revision ON chat_draft (revision);

-- The last revision assigned. Drafts are deleted with their sessions, so the highest one in the table would be assigned
-- again.
CREATE TABLE draft_revision (
    singleton bigint PRIMARY KEY DEFAULT 1 CONSTRAINT draft_revision_singleton CHECK (singleton = 1),
    last      bigint NOT NULL
);

INSERT INTO draft_revision (last) VALUES (0);

-- Permanently deleted sessions. Each worker removes its work folders of these, and of no others.
CREATE TABLE deleted_session (
    -- The order of the deletions, which workers follow.
    number     bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL,
    deleted_at text COLLATE "C" NOT NULL
);

-- ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE agent_task (
    id                text COLLATE "C" PRIMARY KEY,
    chat_session_id   text COLLATE "C" NOT NULL
                      CONSTRAINT agent_task_session REFERENCES chat_session (id) ON DELETE CASCADE,
    turn              bigint NOT NULL,
    user_message_id   text COLLATE "C" NOT NULL,
    -- Chosen when the task is created; all attempts share it.
    answer_message_id text COLLATE "C" NOT NULL,
    status            text COLLATE "C" NOT NULL DEFAULT 'queued'
                      CONSTRAINT agent_task_status CHECK (status IN
                          ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    -- Increases with every start and never decreases: it fences off writes of earlier attempts.
    attempt           bigint NOT NULL DEFAULT 0,
    failures          bigint NOT NULL DEFAULT 0,
    max_attempts      bigint NOT NULL
                      CONSTRAINT agent_task_max_attempts CHECK (max_attempts > 0),
    next_attempt_at   text COLLATE "C",
    error_code        text COLLATE "C",
    error_message     text,
    input_tokens      bigint,
    output_tokens     bigint,
    -- A request to stop, kept until the task has ended.
    stop_reason       text COLLATE "C"
                      CONSTRAINT agent_task_stop_reason CHECK (stop_reason IN ('cancel', 'interrupt')),
    stop_requested_at text COLLATE "C",
    -- The queue's job that delivers the task.
    job_id            text COLLATE "C",
    worker_id         text COLLATE "C",
    created_at        text COLLATE "C" NOT NULL,
    started_at        text COLLATE "C",
    finished_at       text COLLATE "C",
    -- When the user last requested a retry: from then on, the turn is measured again.
    retried_at        text COLLATE "C",
    -- The value of the header `traceparent`; NULL unless the api exports traces.
    trace_parent      text,
    CONSTRAINT agent_task_error CHECK ((error_code IS NULL) = (error_message IS NULL)),
    CONSTRAINT agent_task_running CHECK ((status = 'running') = (worker_id IS NOT NULL)),
    CONSTRAINT agent_task_finished CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL))
);

CREATE UNIQUE INDEX agent_task_turn ON agent_task (chat_session_id, turn);
-- At most one running task and one live job per session: the queue relies on it, the schema enforces it.
CREATE UNIQUE INDEX agent_task_one_running ON agent_task (chat_session_id) WHERE status = 'running';
CREATE UNIQUE INDEX agent_task_one_job ON agent_task (chat_session_id) WHERE job_id IS NOT NULL;
CREATE UNIQUE INDEX agent_task_job ON agent_task (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX agent_task_queued ON agent_task (chat_session_id, turn) WHERE status = 'queued';

-- The partial text of a running answer, in pieces; deleted with the outcome. Readers follow `id`.
CREATE TABLE answer_chunk (
    id           bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    task_id      text COLLATE "C" NOT NULL
                 CONSTRAINT answer_chunk_task REFERENCES agent_task (id) ON DELETE CASCADE,
    attempt      bigint NOT NULL,
    -- Where the piece starts and ends, in bytes of UTF-8.
    start_offset bigint NOT NULL,
    end_offset   bigint NOT NULL,
    content      text NOT NULL,
    CONSTRAINT answer_chunk_span CHECK (end_offset > start_offset)
);

CREATE UNIQUE INDEX answer_chunk_place ON answer_chunk (task_id, attempt, start_offset);

-- What an agent did besides its text, in the latest attempt. A claim deletes the steps of earlier attempts.
CREATE TABLE task_step (
    task_id             text COLLATE "C" NOT NULL
                        CONSTRAINT task_step_task REFERENCES agent_task (id) ON DELETE CASCADE,
    attempt             bigint NOT NULL,
    -- The number of the step in the attempt, from 1.
    seq                 bigint NOT NULL,
    -- The order of all changes to steps in this database, which streams follow.
    revision            bigint NOT NULL,
    kind                text COLLATE "C" NOT NULL
                        CONSTRAINT task_step_kind CHECK (kind IN ('thought', 'tool', 'plan', 'permission', 'notice')),
    tool_call_id        text COLLATE "C",
    title               text NOT NULL,
    status              text COLLATE "C" NOT NULL
                        CONSTRAINT task_step_status CHECK
                            (status IN ('pending', 'running', 'succeeded', 'failed', 'rejected')),
    detail              json NOT NULL DEFAULT '{}',
    -- The ID that a decision refers to.
    permission_id       text COLLATE "C",
    -- The number of bytes of the answer's text that preceded the step.
    text_offset         bigint NOT NULL DEFAULT 0,
    -- When the step first arrived, and when it ended; NULL if unknown, and while it is open.
    started_at          text COLLATE "C",
    ended_at            text COLLATE "C",
    -- The ID of the tool call that started the sub-agent to which the step belongs.
    parent_tool_call_id text COLLATE "C",
    CONSTRAINT task_step_permission CHECK ((kind = 'permission') = (permission_id IS NOT NULL)),
    PRIMARY KEY (task_id, attempt, seq)
);

CREATE UNIQUE INDEX task_step_revision ON task_step (revision);
CREATE UNIQUE INDEX task_step_permission_id ON task_step (permission_id) WHERE permission_id IS NOT NULL;

-- The last revision assigned. Steps are deleted, so the highest one in the table would be assigned again.
CREATE TABLE step_revision (
    singleton bigint PRIMARY KEY DEFAULT 1 CONSTRAINT step_revision_singleton CHECK (singleton = 1),
    last      bigint NOT NULL
);

INSERT INTO step_revision (last) VALUES (0);

-- Permission requests of deleted steps: a decision on one is rejected as expired, not as unknown.
CREATE TABLE past_permission (
    permission_id text COLLATE "C" PRIMARY KEY,
    task_id       text COLLATE "C" NOT NULL
                  CONSTRAINT past_permission_task REFERENCES agent_task (id) ON DELETE CASCADE
);

CREATE INDEX past_permission_task_id ON past_permission (task_id);

-- How long turns take, for the histograms in /metrics. Its few hundred rows never decrease.
CREATE TABLE turn_time (
    -- How the turn ended.
    status   text COLLATE "C" NOT NULL
             CONSTRAINT turn_time_status CHECK (status IN ('succeeded', 'failed', 'cancelled', 'interrupted')),
    -- The part of the time that was measured.
    part     text COLLATE "C" NOT NULL
             CONSTRAINT turn_time_part CHECK (part IN ('duration', 'queued', 'started', 'first_token', 'outcome')),
    -- The upper bound of the bucket, in microseconds; the maximum integer if there is none.
    upper_us bigint NOT NULL,
    -- The number of turns in this bucket, not including the buckets below it, and the sum of their times.
    turns    bigint NOT NULL,
    total_us bigint NOT NULL,
    PRIMARY KEY (status, part, upper_us)
);

-- ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────

-- The event log outlives the sessions that its events refer to, so it has no foreign keys.

-- One row per user, never deleted: the numbering of the user's events.
CREATE TABLE user_log (
    id           bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    workspace_id text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    -- Identifies this log in this database: a cursor from another one never matches.
    epoch        text COLLATE "C" NOT NULL,
    last_seq     bigint NOT NULL DEFAULT 0,
    -- Events up to this one have been pruned.
    floor_seq    bigint NOT NULL DEFAULT 0,
    -- The round of the user's latest job.
    last_round   bigint NOT NULL DEFAULT 0,
    CONSTRAINT user_log_user UNIQUE (workspace_id, user_id),
    CONSTRAINT user_log_floor CHECK (floor_seq BETWEEN 0 AND last_seq)
);

CREATE TABLE event_log (
    -- The order of all users' events in this database, which processes follow.
    id              bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    user_log_id     bigint NOT NULL,
    seq             bigint NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    chat_session_id text COLLATE "C" NOT NULL,
    message_id      text COLLATE "C",
    message_role    text COLLATE "C",
    task_id         text COLLATE "C",
    at              text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX event_log_seq ON event_log (user_log_id, seq);

-- ── Access ───────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE api_key (
    id           text COLLATE "C" PRIMARY KEY,
    -- SHA-256 of the secret, in hex. The secret has 256 random bits, so a slow hash would add nothing.
    secret_hash  text COLLATE "C" NOT NULL,
    workspace_id text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    role         text COLLATE "C" NOT NULL
                 CONSTRAINT api_key_role CHECK (role IN ('admin', 'member', 'viewer')),
    created_at   text COLLATE "C" NOT NULL,
    expires_at   text COLLATE "C",
    last_used_at text COLLATE "C",
    -- Keys are revoked, never deleted: the first key ends keyless mode for good.
    revoked_at   text COLLATE "C",
    CONSTRAINT api_key_secret UNIQUE (secret_hash)
);

-- A browser that is signed in.
CREATE TABLE login (
    id         text COLLATE "C" PRIMARY KEY,
    -- SHA-256 of the cookie's value, in hex.
    token_hash text COLLATE "C" NOT NULL,
    key_id     text COLLATE "C" NOT NULL
               CONSTRAINT login_key REFERENCES api_key (id),
    created_at text COLLATE "C" NOT NULL,
    expires_at text COLLATE "C" NOT NULL,
    CONSTRAINT login_token UNIQUE (token_hash)
);

CREATE INDEX login_expires ON login (expires_at);

-- A short-lived ticket that opens an event stream.
CREATE TABLE stream_ticket (
    -- SHA-256 of the ticket, in hex.
    token_hash text COLLATE "C" PRIMARY KEY,
    -- The key that it was created with; NULL in keyless mode.
    key_id     text COLLATE "C"
               CONSTRAINT stream_ticket_key REFERENCES api_key (id),
    -- The login that it was created in and ends with.
    login_id   text COLLATE "C"
               CONSTRAINT stream_ticket_login REFERENCES login (id) ON DELETE CASCADE,
    expires_at text COLLATE "C" NOT NULL
);

CREATE INDEX stream_ticket_expires ON stream_ticket (expires_at);
CREATE INDEX stream_ticket_by_login ON stream_ticket (login_id) WHERE login_id IS NOT NULL;

CREATE TABLE idempotency_key (
    workspace_id    text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    -- Method and path.
    operation       text COLLATE "C" NOT NULL,
    key             text COLLATE "C" NOT NULL,
    -- SHA-256 of the request, in hex.
    request_hash    text COLLATE "C" NOT NULL,
    chat_session_id text COLLATE "C" NOT NULL,
    message_id      text COLLATE "C",
    created_at      text COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, user_id, operation, key)
);

CREATE INDEX idempotency_key_created ON idempotency_key (created_at);

-- ── Processes ────────────────────────────────────────────────────────────────────────────────────────────────────

-- What all processes of an installation share.
CREATE TABLE installation (
    singleton bigint PRIMARY KEY DEFAULT 1 CONSTRAINT installation_singleton CHECK (singleton = 1),
    -- Part of every channel's name: several installations can share a Redis server.
    id        text NOT NULL,
    -- Signs the messages between processes, so that access to Redis is not enough to forge them.
    relay_key bytea NOT NULL
);

-- Two UUIDs contain 244 random bits.
INSERT INTO installation (id, relay_key) VALUES (
    left(replace(gen_random_uuid()::text, '-', ''), 12) || left(gen_random_uuid()::text, 4),
    sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

-- A counter that increases while the worker runs. Others watch it by their own monotonic clocks; no times are compared.
CREATE TABLE worker_heartbeat (
    worker_id  text COLLATE "C" PRIMARY KEY,
    beat       bigint NOT NULL DEFAULT 0,
    started_at text COLLATE "C" NOT NULL
);

-- Which agents each worker found available.
CREATE TABLE agent_health (
    agent_key  text COLLATE "C" NOT NULL,
    worker_id  text COLLATE "C" NOT NULL
               CONSTRAINT agent_health_worker REFERENCES worker_heartbeat (worker_id) ON DELETE CASCADE,
    available  bigint NOT NULL,
    reason     text,
    checked_at text COLLATE "C" NOT NULL,
    PRIMARY KEY (agent_key, worker_id)
);

-- The row that the readiness check overwrites: only a write shows that the server accepts one.
CREATE TABLE readiness_check (
    singleton  bigint PRIMARY KEY DEFAULT 1 CONSTRAINT readiness_check_singleton CHECK (singleton = 1),
    checked_at text COLLATE "C" NOT NULL
);

-- ── Queue ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- The latest round from which a job was claimed. No new job is in an earlier round: a user who was idle gains nothing.
CREATE TABLE queue_clock (
    singleton bigint PRIMARY KEY DEFAULT 1 CONSTRAINT queue_clock_singleton CHECK (singleton = 1),
    round     bigint NOT NULL
);

INSERT INTO queue_clock (round) VALUES (0);

-- The indexes of our claim (docs/adr/0002).
CREATE INDEX agent_jobs_ready ON apalis.jobs (job_type, priority DESC, id, run_at) WHERE status = 'Pending';
CREATE INDEX agent_jobs_ended ON apalis.jobs (job_type, done_at) WHERE done_at IS NOT NULL;
-- The index of the stock storage, which is not used: it would cost a write per job.
DROP INDEX IF EXISTS apalis.idx_apalis_jobs_fetch_partial;
