-- Sessions that were deleted for good leave files: each worker removes the work folders that it has of them, also one that
-- was down at that moment. Only what is named here is removed, so that a database that was restored from an older copy,
-- or is another one, costs nobody their files.

CREATE TABLE deleted_session (
    -- The order of the deletions: what a worker follows.
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    deleted_at TEXT NOT NULL
) STRICT;
