-- The folders in which agents work.

-- The folder of a session (its key in agents.toml), and the git ref from which the session's branch starts.
ALTER TABLE chat_session ADD COLUMN folder_key text COLLATE "C";
ALTER TABLE chat_session ADD COLUMN base text COLLATE "C";

-- What workers have found in the folders.
CREATE TABLE folder_report (
    folder_key text COLLATE "C" NOT NULL,
    worker_id  text COLLATE "C" NOT NULL
               CONSTRAINT folder_report_worker REFERENCES worker_heartbeat (worker_id) ON DELETE CASCADE,
    available  bigint NOT NULL,
    reason     text,
    branch     text,
    PRIMARY KEY (folder_key, worker_id)
);

-- The state of the git repository in which a session's agent works, after the last turn.
CREATE TABLE session_git (
    chat_session_id text COLLATE "C" PRIMARY KEY
                    CONSTRAINT session_git_session REFERENCES chat_session (id) ON DELETE CASCADE,
    branch          text,
    base            text,
    ahead           bigint,
    dirty           bigint NOT NULL
);
