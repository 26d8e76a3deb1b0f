-- What stands for a key where the key itself must not go: a browser's cookie, and the address of a stream.

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

-- A ticket that opens streams for a moment.
CREATE TABLE stream_ticket (
    -- SHA-256 of the ticket, in hex.
    token_hash TEXT PRIMARY KEY,
    -- Whose it is; none in keyless mode, where it opens nothing that is not open anyway.
    key_id     TEXT
               CONSTRAINT stream_ticket_key REFERENCES api_key (id),
    -- The login that it was made in: it ends with it.
    login_id   TEXT
               CONSTRAINT stream_ticket_login REFERENCES login (id) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX stream_ticket_expires ON stream_ticket (expires_at);
CREATE INDEX stream_ticket_by_login ON stream_ticket (login_id) WHERE login_id IS NOT NULL;
