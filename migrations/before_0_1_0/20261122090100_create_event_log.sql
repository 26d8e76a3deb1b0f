-- The event log: one numbered sequence a user, of references to what changed.
-- It survives the sessions that it tells of, so nothing in it is a foreign key.

-- One row a user, never deleted: where the log stands, and what of it is left.
CREATE TABLE user_log (
    id           INTEGER PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    -- Names this user's log in this database: a cursor of another never fits.
    epoch        TEXT NOT NULL,
    last_seq     INTEGER NOT NULL DEFAULT 0,
    -- Events up to this one were pruned.
    floor_seq    INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT user_log_user UNIQUE (workspace_id, user_id),
    CONSTRAINT user_log_floor CHECK (floor_seq BETWEEN 0 AND last_seq)
) STRICT;

CREATE TABLE event_log (
    -- The order of all users' events in this database: what a process follows.
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
