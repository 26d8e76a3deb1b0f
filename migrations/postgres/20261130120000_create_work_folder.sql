-- Workers on several hosts have different data folders, and an agent's files are only in one of them.

-- The data folder that contains a session's work folder. Agents without a work folder have no row.
CREATE TABLE work_folder (
    chat_session_id text COLLATE "C" PRIMARY KEY
                    CONSTRAINT work_folder_session REFERENCES chat_session (id) ON DELETE CASCADE,
    -- The ID in the file DATA_DIR/id.
    data_folder_id  text COLLATE "C" NOT NULL,
    -- The name of a host that has used the data folder, for people.
    host            text NOT NULL,
    -- The host from which the session last moved, and the turn in which it did.
    previous_host   text,
    moved_in_turn   bigint
);

-- The worker's data folder; null for workers of earlier versions.
ALTER TABLE worker_heartbeat ADD COLUMN data_folder_id text COLLATE "C";
