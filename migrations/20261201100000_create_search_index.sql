-- The search index of messages and titles (docs/adr/0020).
--
-- Triggers keep the entries, so that tokens are never older than their text, whichever release writes it. The background
-- work of the apis adds the tokens, which requires Rust, and a search reads the texts of entries without tokens.

-- The entries of a user are divided into buckets of consecutive entries. Each token is stored under its bucket, so that
-- a search reads only the user's own entries, the newest bucket first. Buckets are never deleted.
CREATE TABLE search_bucket (
    id             INTEGER PRIMARY KEY,
    workspace_id   TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    -- The bucket contains the user's entries from this one up to the next bucket.
    first_entry_id INTEGER NOT NULL,
    -- The number of entries that were added.
    entries        INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX search_bucket_first ON search_bucket (workspace_id, user_id, first_entry_id);

-- One row for each message, and one for the title of each session that has one.
CREATE TABLE search_entry (
    -- The order in which messages arrived and sessions were first titled. IDs of deleted rows are never used again, so
    -- that tokens that are still to be removed cannot be those of another row.
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id    TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    -- NULL for the title.
    message_id      TEXT,
    bucket_id       INTEGER,
    -- The tokens in the index, separated by spaces; NULL until they are added.
    tokens          TEXT
) STRICT;

CREATE UNIQUE INDEX search_entry_message ON search_entry (message_id) WHERE message_id IS NOT NULL;
CREATE UNIQUE INDEX search_entry_title ON search_entry (chat_session_id) WHERE message_id IS NULL;
CREATE INDEX search_entry_pending ON search_entry (workspace_id, user_id, id) WHERE tokens IS NULL;

-- Tokens consist of `.`, `_`, lower-case letters, digits, and characters outside ASCII.
CREATE VIRTUAL TABLE search_index USING fts5 (
    tokens, content = 'search_entry', content_rowid = 'id', tokenize = "ascii tokenchars '._'", detail = none,
    columnsize = 0
);
-- Removes the tokens of deleted texts from the index at once. By default, they are kept until parts are merged.
INSERT INTO search_index (search_index, rank) VALUES ('secure-delete', 1);

INSERT INTO search_entry (workspace_id, user_id, chat_session_id, message_id)
SELECT s.workspace_id, s.creator_id, s.id, t.message_id
FROM (SELECT id AS message_id, chat_session_id, created_at, seq FROM chat_message
      UNION ALL
      SELECT NULL, id, created_at, 0 FROM chat_session WHERE title != '') t
JOIN chat_session s ON s.id = t.chat_session_id
ORDER BY t.created_at, t.chat_session_id, t.seq;

CREATE TRIGGER chat_message_add_entry AFTER INSERT ON chat_message
BEGIN
    INSERT INTO search_entry (workspace_id, user_id, chat_session_id, message_id)
    SELECT workspace_id, creator_id, id, NEW.id FROM chat_session WHERE id = NEW.chat_session_id
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER chat_message_change_entry AFTER UPDATE OF content ON chat_message WHEN NEW.content != OLD.content
BEGIN
    UPDATE search_entry SET tokens = NULL WHERE message_id = NEW.id;
END;

CREATE TRIGGER chat_message_remove_entry AFTER DELETE ON chat_message
BEGIN
    DELETE FROM search_entry WHERE message_id = OLD.id;
END;

CREATE TRIGGER chat_session_add_entry AFTER INSERT ON chat_session WHEN NEW.title != ''
BEGIN
    INSERT INTO search_entry (workspace_id, user_id, chat_session_id)
    VALUES (NEW.workspace_id, NEW.creator_id, NEW.id)
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER chat_session_change_entry AFTER UPDATE OF title ON chat_session WHEN NEW.title != OLD.title
BEGIN
    UPDATE search_entry SET tokens = NULL WHERE chat_session_id = NEW.id AND message_id IS NULL;
    DELETE FROM search_entry WHERE chat_session_id = NEW.id AND message_id IS NULL AND NEW.title = '';
    INSERT INTO search_entry (workspace_id, user_id, chat_session_id)
    SELECT NEW.workspace_id, NEW.creator_id, NEW.id WHERE NEW.title != ''
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER chat_session_remove_entry AFTER DELETE ON chat_session
BEGIN
    DELETE FROM search_entry WHERE chat_session_id = OLD.id AND message_id IS NULL;
END;

CREATE TRIGGER search_entry_change_index AFTER UPDATE OF tokens ON search_entry WHEN NEW.tokens IS NOT OLD.tokens
BEGIN
    INSERT INTO search_index (search_index, rowid, tokens)
    SELECT 'delete', OLD.id, OLD.tokens WHERE OLD.tokens IS NOT NULL;
    INSERT INTO search_index (rowid, tokens) SELECT NEW.id, NEW.tokens WHERE NEW.tokens IS NOT NULL;
END;

-- The tokens of deleted entries that are still in the index. To remove them immediately would take several milliseconds
-- per entry, and a session may have thousands. A search ignores tokens without an entry.
CREATE TABLE search_index_removal (
    entry_id INTEGER PRIMARY KEY,
    tokens   TEXT NOT NULL
) STRICT;

CREATE TRIGGER search_entry_remove_index AFTER DELETE ON search_entry WHEN OLD.tokens IS NOT NULL
BEGIN
    INSERT INTO search_index_removal (entry_id, tokens) VALUES (OLD.id, OLD.tokens);
END;
