-- A user's devices share the draft of a session.

CREATE TABLE chat_draft (
    chat_session_id TEXT PRIMARY KEY
                    CONSTRAINT chat_draft_session REFERENCES chat_session (id) ON DELETE CASCADE,
    -- May be empty: the row stays, so that an older revision remains recognizable.
    text            TEXT NOT NULL,
    -- The order of all changes to drafts in this database, which streams follow.
    revision        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX chat_draft_revision ON chat_draft (revision);

-- The last revision assigned. Drafts are deleted with their sessions, so the highest one in the table would be assigned
-- again.
CREATE TABLE draft_revision (
    singleton INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT draft_revision_singleton CHECK (singleton = 1),
    last      INTEGER NOT NULL
) STRICT;

INSERT INTO draft_revision (last) VALUES (0);
