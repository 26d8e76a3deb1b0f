-- Agents with sessions of their own go on where they were. What is known of such a session is written with the outcome
-- of a turn, and forgotten whenever that session may know something else than the transcript.

CREATE TABLE agent_resume (
    chat_session_id TEXT NOT NULL
                    CONSTRAINT agent_resume_session REFERENCES chat_session (id) ON DELETE CASCADE,
    agent_key       TEXT NOT NULL,
    -- The agent's own id of its session.
    resume_id       TEXT NOT NULL,
    -- The last turn that it has seen.
    turn            INTEGER NOT NULL,
    PRIMARY KEY (chat_session_id, agent_key)
) STRICT, WITHOUT ROWID;
