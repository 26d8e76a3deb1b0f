-- Who may do what, and what they have already asked for.

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
    -- Keys are revoked, never deleted: that there was one ends keyless mode for good.
    revoked_at   TEXT,
    CONSTRAINT api_key_secret UNIQUE (secret_hash)
) STRICT;

CREATE TABLE idempotency_key (
    workspace_id    TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    -- Method and path.
    operation       TEXT NOT NULL,
    key             TEXT NOT NULL,
    -- SHA-256 of what was asked, in hex.
    request_hash    TEXT NOT NULL,
    chat_session_id TEXT NOT NULL,
    message_id      TEXT,
    created_at      TEXT NOT NULL,
    PRIMARY KEY (workspace_id, user_id, operation, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_key_created ON idempotency_key (created_at);
