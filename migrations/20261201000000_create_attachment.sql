-- Files that users send with messages, and that agents return. Their contents are outside the database
-- (docs/adr/0019).

-- The contents. Each content is stored once per workspace.
CREATE TABLE stored_file (
    -- The name of the object in the storage.
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    -- A file is `writing` until its content is complete, and `deleting` before its object is deleted. Thus each object
    -- has a row, whenever a process crashes.
    status       TEXT NOT NULL
                 CONSTRAINT stored_file_status CHECK (status IN ('writing', 'stored', 'deleting')),
    -- NULL while the file is `writing`.
    sha256       TEXT,
    size         INTEGER,
    -- When a process last reported that it is writing the file.
    touched_at   TEXT NOT NULL,
    CONSTRAINT stored_file_content CHECK (status != 'stored' OR (sha256 IS NOT NULL AND size IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX stored_file_hash ON stored_file (workspace_id, sha256) WHERE status = 'stored';
CREATE INDEX stored_file_writing ON stored_file (touched_at) WHERE status = 'writing';
CREATE INDEX stored_file_deleting ON stored_file (id) WHERE status = 'deleting';

CREATE TABLE attachment (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    -- The message that the file is part of; NULL before it is sent.
    message_id   TEXT CONSTRAINT attachment_message REFERENCES chat_message (id) ON DELETE CASCADE,
    file_id      TEXT NOT NULL CONSTRAINT attachment_file REFERENCES stored_file (id),
    name         TEXT NOT NULL,
    media_type   TEXT NOT NULL,
    size         INTEGER NOT NULL,
    sha256       TEXT NOT NULL,
    -- In pixels; NULL unless the file is an image.
    width        INTEGER,
    height       INTEGER,
    created_at   TEXT NOT NULL,
    -- The idempotency key of the upload, if any.
    upload_key   TEXT
) STRICT;

CREATE INDEX attachment_of_message ON attachment (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachment_of_file ON attachment (file_id);
CREATE INDEX attachment_of_user ON attachment (workspace_id, user_id);
CREATE UNIQUE INDEX attachment_upload ON attachment (workspace_id, user_id, upload_key)
    WHERE upload_key IS NOT NULL;
CREATE INDEX attachment_unsent ON attachment (created_at) WHERE message_id IS NULL;

-- The files of deleted attachments, which other attachments may still use.
CREATE TABLE released_file (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id TEXT NOT NULL
) STRICT;

CREATE TRIGGER attachment_release AFTER DELETE ON attachment BEGIN
    INSERT INTO released_file (file_id) VALUES (OLD.file_id);
END;

-- The message's attachments as JSON, which readers need with every message; NULL if there are none.
ALTER TABLE chat_message ADD COLUMN attachments TEXT;
