-- The files that agents have changed.

-- The changed files of a turn, or of a whole session as turn 0, as a JSON array.
CREATE TABLE turn_changes (
    chat_session_id TEXT NOT NULL
                    CONSTRAINT turn_changes_session REFERENCES chat_session (id) ON DELETE CASCADE,
    turn            INTEGER NOT NULL,
    files           TEXT NOT NULL,
    PRIMARY KEY (chat_session_id, turn)
) STRICT, WITHOUT ROWID;

-- The number of files and lines that a turn has changed; NULL if it has changed none.
ALTER TABLE agent_task ADD COLUMN changed_files INTEGER;
ALTER TABLE agent_task ADD COLUMN added_lines INTEGER;
ALTER TABLE agent_task ADD COLUMN deleted_lines INTEGER;
