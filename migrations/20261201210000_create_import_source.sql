-- The conversations that were imported, so that importing a file again skips them. A conversation whose session was
-- deleted can be imported again.
CREATE TABLE import_source (
    workspace_id    TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    -- The product, and the conversation's ID in it.
    source          TEXT NOT NULL,
    chat_session_id TEXT NOT NULL
                    CONSTRAINT import_source_session REFERENCES chat_session (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, user_id, source)
) STRICT;

CREATE INDEX import_source_session_id ON import_source (chat_session_id);
