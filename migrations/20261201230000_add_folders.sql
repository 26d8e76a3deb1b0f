-- The folders in which agents work.

-- The folder of a session (its key in agents.toml), and the git ref from which the session's branch starts.
ALTER TABLE chat_session ADD COLUMN folder_key TEXT;
ALTER TABLE chat_session ADD COLUMN base TEXT;

-- What workers have found in the folders.
CREATE TABLE folder_report (
    folder_key TEXT NOT NULL,
    worker_id  TEXT NOT NULL
               CONSTRAINT folder_report_worker REFERENCES worker_heartbeat (worker_id) ON DELETE CASCADE,
    available  INTEGER NOT NULL,
    reason     TEXT,
    branch     TEXT,
    PRIMARY KEY (folder_key, worker_id)
) STRICT, WITHOUT ROWID;

-- The state of the git repository in which a session's agent works, after the last turn.
CREATE TABLE session_git (
    chat_session_id TEXT PRIMARY KEY
                    CONSTRAINT session_git_session REFERENCES chat_session (id) ON DELETE CASCADE,
    branch          TEXT,
    base            TEXT,
    ahead           INTEGER,
    dirty           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
