-- What tells this installation from others that share a Redis: part of every channel's name.
CREATE TABLE installation (
    -- One row.
    singleton INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT installation_singleton CHECK (singleton = 1),
    id        TEXT NOT NULL
) STRICT;

INSERT INTO installation (id) VALUES (lower(hex(randomblob(8))));
